"""The plant in the line registry: written there from a file, read from there for Asterisk's files.

The registry knows more than a file says: what staff has taken out, which modules have failed, what was moved since.
Writing a file keeps what is known of lines and modules that stay; what would be unplugged or removed is said first.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, selectinload

from ivr.plant import (
    Agent,
    Board,
    ContactEntry,
    Module,
    Number,
    Plant,
    Slot,
    Trunk,
)
from orders import models
from orders.faults.contacts import keep
from orders.lines.changes import record
from orders.models import BoardSlot, LineModule, PhoneLine, VoiceBoard


def registered_plant(session: Session) -> Plant:
    """The plant as it stands: lines out of service, failed modules and moved lines included."""
    known = select(PhoneLine).options(selectinload(PhoneLine.numbers))
    lines = {line.name: line for line in session.scalars(known)}
    out = {name for name, line in lines.items() if line.service == "out"}
    by_board: dict[int, list[bool]] = {}
    for line in lines.values():
        if line.board_id is not None:
            by_board.setdefault(line.board_id, []).append((line.state, line.cause) == ("down", "board"))
    dead = {board for board, down in by_board.items() if all(down)}
    slots = selectinload(VoiceBoard.slots)
    parts = (slots.joinedload(BoardSlot.module), slots.selectinload(BoardSlot.lines))
    boards = session.scalars(select(VoiceBoard).order_by(VoiceBoard.id).options(*parts)).all()
    spare = session.scalars(select(LineModule).where(LineModule.slot_id.is_(None)).order_by(LineModule.serial))
    numbers = [Number(number.number, line.name) for _, line in sorted(lines.items()) for number in line.numbers]
    contacts = session.scalars(select(models.Contact).order_by(models.Contact.role, models.Contact.name))
    return Plant(
        trunks=tuple(
            _trunk(row, row.name not in out) for row in session.scalars(select(models.Trunk).order_by(models.Trunk.id))
        ),
        boards=tuple(_board(board, out, dead) for board in boards),
        agents=tuple(
            Agent(row.extension, row.password_file)
            for row in session.scalars(select(models.AgentPhone).order_by(models.AgentPhone.extension))
        ),
        routes=tuple(session.scalars(select(models.OutboundHop.name).order_by(models.OutboundHop.position))),
        modules=tuple(Module(row.serial, row.side, row.condition == "failed") for row in spare),  # type: ignore[arg-type]
        numbers=tuple(numbers),
        contacts=tuple(_contact(row) for row in contacts),
    )


def differences(before: Plant, after: Plant) -> list[str]:
    """What the new plant takes away or plugs elsewhere: things that a person should have meant."""
    was, becomes = _places(before), _places(after)
    return [
        f"{what} goes from {was[what]} to {becomes[what]}" if what in becomes else f"{what} is no longer there"
        for what in was
        if becomes.get(what) != was[what]
    ]


def write_plant(session: Session, plant: Plant, now: datetime, by: str) -> list[str]:
    """Make the registry say what the plant says; returns what was taken away or moved. Raises PlantError.

    Staff's word on lines that stay is kept, and so is a module's failure: a file knows neither.
    """
    before = registered_plant(session)
    changed = differences(before, plant)
    known = {line.name: line for line in session.scalars(select(PhoneLine))}
    failed = set(session.scalars(select(LineModule.serial).where(LineModule.condition == "failed")))
    kept = {name: (line.service, line.out_reason, line.state, line.cause, line.since) for name, line in known.items()}
    _clear(session)
    _write(session, plant, failed)
    session.flush()
    _write_lines(session, plant, now)
    session.flush()
    for line in session.scalars(select(PhoneLine)):
        if line.name in kept:
            line.service, line.out_reason, line.state, line.cause, line.since = kept[line.name]
        else:
            record(session, line.name, "registered", "", by, now)
    for change in changed:
        what, _, detail = change.partition(" ")
        record(session, detail.split(" ")[0] if what == "line" else what, "plant changed", change, by, now)
    return changed


def _clear(session: Session) -> None:
    for table in (models.LineNumber, PhoneLine, LineModule, BoardSlot, VoiceBoard, models.Trunk):
        session.execute(delete(table))
    for other in (models.OutboundHop, models.AgentPhone):
        session.execute(delete(other))


def _write(session: Session, plant: Plant, failed: set[str]) -> None:
    for trunk in plant.trunks:
        values = {name: getattr(trunk, name) for name in _TRUNK_FIELDS}
        session.add(models.Trunk(**values, networks=" ".join(trunk.networks)))
    for board in plant.boards:
        row = VoiceBoard(
            name=board.name,
            kind=board.kind,
            group_number=board.group,
            first_channel=board.first_channel,
            ports=board.ports,
            module_ports=board.module_ports,
            serial=board.serial,
        )
        session.add(row)
        for slot in board.slots:
            place = BoardSlot(number=slot.number)
            row.slots.append(place)
            if slot.module:
                bad = slot.failed or slot.module in failed
                place.module = LineModule(serial=slot.module, side=slot.side, condition="failed" if bad else "good")
    for module in plant.modules:
        bad = module.failed or module.serial in failed
        session.add(LineModule(serial=module.serial, side=module.side, condition="failed" if bad else "good"))
    for position, name in enumerate(plant.routes, start=1):
        session.add(models.OutboundHop(position=position, name=name))
    for agent in plant.agents:
        session.add(models.AgentPhone(extension=agent.extension, password_file=agent.password_file))
    for entry in plant.contacts:
        keep(
            session,
            entry.role,
            entry.name,
            entry.phone,
            organisation=entry.organisation,
            on_call=entry.on_call,
            checked_on=entry.checked_on,
        )


def _write_lines(session: Session, plant: Plant, now: datetime) -> None:
    trunks = {row.name: row for row in session.scalars(select(models.Trunk))}
    boards = {row.name: row for row in session.scalars(select(VoiceBoard))}
    for trunk in plant.trunks:
        session.add(_line(trunk.name, "sip", trunk.in_service, now, trunk=trunks[trunk.name]))
    for board in plant.boards:
        row = boards[board.name]
        if not board.slots:
            session.add(_line(board.name, board.kind, board.in_service, now, board=row))
        places = {place.number: place for place in row.slots}
        for slot in board.slots:
            for port, name in enumerate(slot.lines):
                if name:
                    place = {"board": row, "slot": places[slot.number], "slot_port": port}
                    session.add(_line(name, "analogue", name not in slot.out, now, **place))
    session.flush()
    lines = {row.name: row for row in session.scalars(select(PhoneLine))}
    for entry in plant.numbers:
        lines[entry.line].numbers.append(models.LineNumber(number=entry.number))


def _line(name: str, kind: str, in_service: bool, now: datetime, **place: object) -> PhoneLine:
    service, reason = ("in", "") if in_service else ("out", "by the plant file")
    return PhoneLine(
        name=name, kind=kind, service=service, out_reason=reason, state="unknown", cause="", since=now, **place
    )


_TRUNK_FIELDS = ("name", "host", "port", "transport", "user", "password_file", "register", "srtp", "max_calls")


def _trunk(row: models.Trunk, in_service: bool) -> Trunk:
    values = {name: getattr(row, name) for name in _TRUNK_FIELDS}
    return Trunk(**values, networks=tuple(row.networks.split()), in_service=in_service)


def _board(row: VoiceBoard, out: set[str], dead: set[int]) -> Board:
    return Board(
        name=row.name,
        kind=row.kind,  # type: ignore[arg-type]
        group=row.group_number,
        first_channel=row.first_channel,
        ports=row.ports,
        module_ports=row.module_ports,
        serial=row.serial,
        slots=tuple(_slot(slot, out) for slot in row.slots),
        in_service=row.name not in out,
        dead=row.id in dead,
    )


def _slot(row: BoardSlot, out: set[str]) -> Slot:
    plugged = {line.slot_port or 0: line.name for line in row.lines}
    lines = tuple(plugged.get(port, "") for port in range(max(plugged) + 1)) if plugged else ()
    module = row.module
    return Slot(
        number=row.number,
        module=module.serial if module else "",
        side=module.side if module else "outside",  # type: ignore[arg-type]
        failed=module is not None and module.condition == "failed",
        lines=lines,
        out=tuple(line for line in lines if line in out),
    )


def _contact(row: models.Contact) -> ContactEntry:
    return ContactEntry(row.role, row.name, row.phone, row.organisation, row.on_call, row.checked_on)  # type: ignore[arg-type]


def _places(plant: Plant) -> dict[str, str]:
    """Where everything is that a new file could take away."""
    places = {f"trunk {trunk.name}": trunk.host for trunk in plant.trunks}
    for board in plant.boards:
        places[f"board {board.name}"] = board.kind
        for slot in board.slots:
            where = f"{board.name}/{slot.number}"
            if slot.module:
                places[f"module {slot.module}"] = where
            places |= {f"line {line}": where for line in slot.lines if line}
    places |= {f"module {module.serial}": "shelf" for module in plant.modules}
    return places | {f"number {entry.number}": entry.line for entry in plant.numbers}
