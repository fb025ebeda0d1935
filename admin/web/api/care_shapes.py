"""What the API says of lines and fault tickets, and what it takes in about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from orders.faults.clauses import LONGEST_ABOUT, Cause

_Words = Annotated[str, Meta(min_length=1, max_length=200)]
_Place = Annotated[str, Meta(min_length=1, max_length=40)]
_Serial = Annotated[str, Meta(max_length=40)]


class LineShape(Struct):
    """A line: `service` is staff's word (in, out), `state` what is seen of it (up, down, unknown) and why."""

    name: str
    kind: str
    where: str
    numbers: tuple[str, ...]
    service: str
    out_reason: str
    state: str
    cause: str
    since: datetime


class ChangeShape(Struct):
    """What became of a line, when and by whom."""

    at: datetime
    what: str
    detail: str
    by: str


class SlotShape(Struct):
    """A slot of a board: `use` is empty, spare, used or failed."""

    place: str
    module: str
    side: str
    use: str
    lines: tuple[str, ...]


class LineList(Struct):
    """All lines; `spare_slots` by side (outside, inside)."""

    lines: list[LineShape]
    spare_slots: dict[str, list[str]]


class SlotList(Struct):
    """All slots, then the modules on the shelf."""

    slots: list[SlotShape]


class LineWithHistory(Struct):
    """One line with its newest changes."""

    line: LineShape
    changes: list[ChangeShape]


class Changed(Struct):
    """The lines that were changed; Asterisk follows within seconds where `asterisk.files` is set."""

    lines: list[str]


class TakeOut(Struct, forbid_unknown_fields=True):
    """Why no call is to go out by it."""

    reason: _Words


class PutIn(Struct, forbid_unknown_fields=True):
    """Nothing more needs to be said."""


class MoveModule(Struct, forbid_unknown_fields=True):
    """From the slot of the failed module to a spare one, each as board/number; `spare`: a module from the shelf."""

    source: _Place
    target: _Place
    spare: _Serial = ""


class TryLine(Struct, forbid_unknown_fields=True):
    """The number to dial, "" for `health.test_number`."""

    number: Annotated[str, Meta(pattern=r"^[0-9]{0,20}$")] = ""


class TestReport(Struct):
    """What became of the test call: ok, busy, silent, no_answer, unreachable, challenged or rejected."""

    result: str
    detail: str


class TicketEntryShape(Struct):
    """One line of a ticket's history."""

    at: datetime
    what: str
    detail: str
    by: str


class TicketShape(Struct):
    """A fault ticket: what is wrong with what and why, the clause's deadline, whom to call."""

    number: int
    cause: str
    about: str
    summary: str
    state: str
    clause: str
    deadline_of: str
    due_at: datetime
    call: str
    opened_at: datetime
    opened_by: str
    arrived_at: datetime | None
    spare_serial: str
    breached_at: datetime | None
    gone_at: datetime | None
    closed_at: datetime | None


class TicketList(Struct):
    """Newest first."""

    tickets: list[TicketShape]


class TicketWithHistory(Struct):
    """One ticket; `is_new` is false when the same fault had an open one already."""

    ticket: TicketShape
    entries: list[TicketEntryShape]
    is_new: bool = False


class OpenTicket(Struct, forbid_unknown_fields=True):
    """`about` as trunk:NAME, line:NUMBER, board:NAME, slot:NAME/3 or node:NAME."""

    cause: Cause
    about: Annotated[str, Meta(min_length=1, max_length=LONGEST_ABOUT)]
    summary: Annotated[str, Meta(min_length=1, max_length=300)]


class NoteOnTicket(Struct, forbid_unknown_fields=True):
    """What was found or done; `arrived`: somebody is on site now, with this spare board or module."""

    text: Annotated[str, Meta(max_length=300)] = ""
    arrived: bool = False
    spare: _Serial = ""


class CloseTicket(Struct, forbid_unknown_fields=True):
    """What was done."""

    why: _Words
