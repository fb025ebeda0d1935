"""How lines and slots are listed, for the command line and the console: values, read in few questions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from orders.models import BoardSlot, LineModule, PhoneLine, VoiceBoard


@dataclass(frozen=True, slots=True)
class LineView:
    """One line: where it is plugged in, what comes in on it, staff's word, what is seen of it."""

    name: str
    kind: str
    where: str
    numbers: tuple[str, ...]
    service: str
    out_reason: str
    state: str
    cause: str
    since: datetime


@dataclass(frozen=True, slots=True)
class SlotView:
    """One slot: `use` is "empty", "spare", "used" or "failed"."""

    place: str
    module: str
    side: str
    use: str
    lines: tuple[str, ...]


def lines(session: Session) -> list[LineView]:
    """All lines: trunks first, then boards and their numbers."""
    query = select(PhoneLine).options(
        joinedload(PhoneLine.trunk),
        joinedload(PhoneLine.board),
        joinedload(PhoneLine.slot),
        selectinload(PhoneLine.numbers),
    )
    found = [view(line) for line in session.scalars(query)]
    return sorted(found, key=lambda one: (one.kind != "sip", one.where, one.name))


def view(line: PhoneLine) -> LineView:
    """One line as it is listed."""
    return LineView(
        name=line.name,
        kind=line.kind,
        where=_where(line),
        numbers=tuple(number.number for number in line.numbers),
        service=line.service,
        out_reason=line.out_reason,
        state=line.state,
        cause=line.cause,
        since=line.since,
    )


def slots(session: Session) -> list[SlotView]:
    """All slots of all boards, then what lies on the shelf."""
    query = (
        select(BoardSlot)
        .join(VoiceBoard)
        .order_by(VoiceBoard.name, BoardSlot.number)
        .options(joinedload(BoardSlot.board), joinedload(BoardSlot.module), selectinload(BoardSlot.lines))
    )
    found = [_slot(slot) for slot in session.scalars(query)]
    shelf = session.scalars(select(LineModule).where(LineModule.slot_id.is_(None)).order_by(LineModule.serial))
    return found + [SlotView("shelf", module.serial, module.side, module.condition, ()) for module in shelf]


def _where(line: PhoneLine) -> str:
    if line.trunk is not None:
        return f"{line.trunk.host}:{line.trunk.port}"
    board = line.board.name if line.board is not None else ""
    return f"{board}/{line.slot.number}" if line.slot is not None else board


def _slot(slot: BoardSlot) -> SlotView:
    module = slot.module
    names = tuple(line.name for line in slot.lines)
    place = f"{slot.board.name}/{slot.number}"
    if module is None:
        return SlotView(place, "", "", "empty", names)
    use = "failed" if module.condition == "failed" else "used" if names else "spare"
    return SlotView(place, module.serial, module.side, use, names)
