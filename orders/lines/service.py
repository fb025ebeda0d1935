"""What staff does with lines: out of service and in again, a failed module's lines to a spare slot. Each is recorded.

Rows only; that Asterisk follows is `ivr.lines.asterisk.following`'s work. Functions take the caller's session, who
commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from orders.lines.changes import record
from orders.models import BoardSlot, LineModule, PhoneLine, VoiceBoard


class LineError(ValueError):
    """It can't be done with this line or slot; the message says what to do."""


def find_line(session: Session, name: str) -> PhoneLine:
    """Raises LineError."""
    line = session.scalar(select(PhoneLine).where(PhoneLine.name == name))
    if line is None:
        raise LineError(f"there is no line {name}: see `orderline lines list`")
    return line


def take_out(session: Session, name: str, reason: str, by: str, now: datetime) -> list[str]:
    """No call goes out by a line, or by any of a board's, any more; calls that are on it go on. Raises LineError."""
    if not reason.strip():
        raise LineError("say why: whoever finds the line out of service wants to know")
    lines = _named(session, name)
    meant = [line for line in lines if line.service == "in"]
    if not meant:
        raise LineError(f"{name} is out of service already: {lines[0].out_reason}")
    for line in meant:
        line.service, line.out_reason = "out", reason[:200]
        record(session, line.name, "out of service", reason, by, now)
    return [line.name for line in meant]


def put_in(session: Session, name: str, by: str, now: datetime) -> list[str]:
    """A line, or all of a board's. Raises LineError."""
    meant = [line for line in _named(session, name) if line.service == "out"]
    if not meant:
        raise LineError(f"{name} is in service already")
    for line in meant:
        line.service, line.out_reason = "in", ""
        record(session, line.name, "in service", "", by, now)
    return [line.name for line in meant]


def move_module(session: Session, source: str, target: str, by: str, now: datetime, *, spare: str = "") -> list[str]:
    """Move the lines of a failed module ("board-a/3") to a spare slot ("board-a/7"), port by port; the lines moved.

    `spare` is the serial of a module on the shelf that is put into the target first, which must then be empty. The
    source's module is failed from now on. Raises LineError.
    """
    old, new = _slot(session, source), _slot(session, target)
    if old is new:
        raise LineError(f"{source} is the same slot: name another, see `orderline lines list --slots`")
    if spare:
        _fit(session, new, spare, target, by, now)
    module = _usable(new, target)
    if old.module is None or not old.lines:
        raise LineError(f"no line is plugged in at {source}: see `orderline lines list --slots`")
    if module.side != old.module.side:
        raise LineError(f"{target} holds an {module.side} module, {source} an {old.module.side} one: name another slot")
    if len(old.lines) > new.board.module_ports:
        raise LineError(f"{target} has {new.board.module_ports} ports for {len(old.lines)} lines: name another slot")
    moved = list(old.lines)
    for port, line in enumerate(moved):
        # On the same kind of board each line keeps its place within the module.
        line.slot_port = line.slot_port if old.board.module_ports == new.board.module_ports else port
        line.slot, line.board = new, new.board
        record(session, line.name, "moved", f"{source} to {target}", by, now)
    old.module.condition = "failed"
    record(session, f"slot:{source}", "module failed", f"{old.module.serial}; lines now at {target}", by, now)
    return [line.name for line in moved]


def spare_slots(session: Session) -> dict[str, list[str]]:
    """Slots that a line could move to at once, by side: a good module and nothing plugged in."""
    found: dict[str, list[str]] = {}
    slot_of = joinedload(LineModule.slot)
    query = (
        select(LineModule)
        .where(LineModule.slot_id.is_not(None))
        .options(slot_of.joinedload(BoardSlot.board), slot_of.selectinload(BoardSlot.lines))
    )
    for module in session.scalars(query):
        slot = module.slot
        found.setdefault(module.side, [])
        if slot is not None and module.condition == "good" and not slot.lines:
            found[module.side].append(f"{slot.board.name}/{slot.number}")
    return {side: sorted(places) for side, places in sorted(found.items())}


def _named(session: Session, name: str) -> list[PhoneLine]:
    """The line of this name, or what is plugged into the board of this name."""
    on_board = select(PhoneLine).join(VoiceBoard, PhoneLine.board_id == VoiceBoard.id).where(VoiceBoard.name == name)
    return list(session.scalars(on_board.order_by(PhoneLine.name))) or [find_line(session, name)]


def _slot(session: Session, place: str) -> BoardSlot:
    board, _, number = place.partition("/")
    if not number.isdecimal():
        raise LineError(f"{place!r} is no slot: write BOARD/NUMBER, e.g. board-a/3")
    query = select(BoardSlot).join(VoiceBoard).where(VoiceBoard.name == board, BoardSlot.number == int(number))
    slot = session.scalar(query)
    if slot is None:
        raise LineError(f"there is no slot {place}: see `orderline lines list --slots`")
    return slot


def _usable(slot: BoardSlot, place: str) -> LineModule:
    if slot.module is None:
        raise LineError(f"{place} is empty: name the module put there with --spare SERIAL, or another slot")
    if slot.module.condition == "failed":
        raise LineError(f"the module in {place} has failed too: name another slot")
    if slot.lines:
        raise LineError(f"{place} is not spare: {', '.join(line.name for line in slot.lines)} is plugged in")
    return slot.module


def _fit(session: Session, slot: BoardSlot, serial: str, place: str, by: str, now: datetime) -> None:
    module = session.scalar(select(LineModule).where(LineModule.serial == serial))
    if module is None or module.slot_id is not None:
        raise LineError(f"{serial} is no module on the shelf: see `orderline lines list --slots`")
    if slot.module is not None:
        raise LineError(f"{place} holds {slot.module.serial} already: leave --spare away, or name an empty slot")
    slot.module = module
    record(session, f"slot:{place}", "module put in", serial, by, now)
