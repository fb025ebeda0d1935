"""Lines and fault tickets for programs: what `orderline lines` and `orderline tickets` do, under the same rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import msgspec
from flask import g, request
from msgspec import Struct
from sqlalchemy.orm import Session

from admin.web.api.bodies import read_body
from admin.web.api.care_shapes import (
    Changed,
    ChangeShape,
    CloseTicket,
    LineList,
    LineShape,
    LineWithHistory,
    MoveModule,
    NoteOnTicket,
    OpenTicket,
    PutIn,
    SlotList,
    SlotShape,
    TakeOut,
    TestReport,
    TicketEntryShape,
    TicketList,
    TicketShape,
    TicketWithHistory,
    TryLine,
)
from admin.web.api.document import Operation, Parameter
from admin.web.console.pages import parts, reading
from admin.web.errors import web_error
from orders.faults import tickets as faults
from orders.faults.clauses import Fault
from orders.faults.deadlines import NoWorkingDay
from orders.faults.tickets import TicketError
from orders.lines import service, views
from orders.lines.changes import history
from orders.lines.service import LineError
from orders.models import FaultTicket

MOST_BYTES = 4096
MOST_CHANGES = 50


def lines() -> LineList:
    with reading() as session:
        return LineList([_line(one) for one in views.lines(session)], service.spare_slots(session))


def slots() -> SlotList:
    with reading() as session:
        return SlotList([msgspec.convert(one, SlotShape, from_attributes=True) for one in views.slots(session)])


def line(name: str) -> LineWithHistory:
    with reading() as session:
        try:
            found = views.view(service.find_line(session, name))
        except LineError:
            raise web_error(404, "not_found") from None
        changes = history(session, name, most=MOST_CHANGES)
        return LineWithHistory(_line(found), [ChangeShape(one.at, one.what, one.detail, one.by) for one in changes])


def take_out(name: str) -> Changed:
    wish = read_body(TakeOut, MOST_BYTES)
    with _changing() as session:
        return Changed(service.take_out(session, name, wish.reason, _by(), parts().now()))


def put_in(name: str) -> Changed:
    read_body(PutIn, MOST_BYTES)
    with _changing() as session:
        return Changed(service.put_in(session, name, _by(), parts().now()))


def move_module() -> Changed:
    wish = read_body(MoveModule, MOST_BYTES)
    with _changing() as session:
        moved = service.move_module(session, wish.source, wish.target, _by(), parts().now(), spare=wish.spare)
        return Changed(moved)


def try_line(name: str) -> TestReport:
    wish = read_body(TryLine, MOST_BYTES)
    with reading() as session:
        try:
            service.find_line(session, name)
        except LineError:
            raise web_error(404, "not_found") from None
    try:
        return TestReport(*parts().try_line(name, wish.number))
    except ValueError as why:
        raise web_error(409, "cannot", problem=str(why)) from None


def tickets() -> TicketList:
    with reading() as session:
        found = faults.listed(session, closed_too=request.args.get("closed") == "true")
        return TicketList([_ticket(one) for one in found])


def ticket(number: str) -> TicketWithHistory:
    with reading() as session:
        return _with_history(_find(session, number))


def open_ticket() -> TicketWithHistory:
    wish = read_body(OpenTicket, MOST_BYTES)
    with _changing() as session:
        fault = Fault(wish.cause, wish.about, wish.summary)
        found, is_new = faults.open_ticket(session, fault, parts().now(), _by(), parts().fault_terms)
        session.flush()
        return _with_history(found, is_new=is_new)


def note_ticket(number: str) -> TicketWithHistory:
    wish = read_body(NoteOnTicket, MOST_BYTES)
    with _changing() as session:
        found, now = _find(session, number), parts().now()
        if wish.spare and not wish.arrived:
            raise TicketError("`spare` says what was brought along: send `arrived` too")
        if wish.text or not wish.arrived:
            faults.note(session, found.id, _by(), wish.text, now)
        if wish.arrived:
            faults.arrived(session, found.id, _by(), wish.spare, now)
        session.flush()
        return _with_history(found)


def close_ticket(number: str) -> TicketWithHistory:
    wish = read_body(CloseTicket, MOST_BYTES)
    with _changing() as session:
        found = _find(session, number)
        faults.close(session, found.id, _by(), wish.why, parts().now())
        session.flush()
        return _with_history(found)


_NAME = Parameter("name", "the line, or for out and in a board", where="path")
_NUMBER = Parameter("number", "the ticket's number", where="path")
_CLOSED = Parameter("closed", "true: closed ones too", kind="boolean")
Answer = Callable[..., Struct]
_Row = tuple[Operation, Answer]


def _reads(name: str, path: str, about: str, shape: type[Struct], answer: Answer, *parameters: Parameter) -> _Row:
    scope: Literal["tickets.read", "lines.read"] = "tickets.read" if path.startswith("/tickets") else "lines.read"
    return Operation(name, path, about, scope, shape, parameters), answer


def _writes(
    name: str, path: str, about: str, body: type[Struct], shape: type[Struct], answer: Answer, *parameters: Parameter
) -> _Row:
    scope: Literal["tickets.write", "lines.write"] = "tickets.write" if path.startswith("/tickets") else "lines.write"
    return Operation(name, path, about, scope, shape, parameters, body=body, refused="It can't be done so"), answer


_ROWS = (
    _reads("lines", "/lines", "All lines and how they stand", LineList, lines),
    _reads("line", "/lines/{name}", "One line with its newest changes", LineWithHistory, line, _NAME),
    _reads("slots", "/slots", "Slots of all boards, and modules on the shelf", SlotList, slots),
    _writes(
        "take_out",
        "/lines/{name}/out",
        "No call goes out by a line, or all of a board's, any more",
        TakeOut,
        Changed,
        take_out,
        _NAME,
    ),
    _writes("put_in", "/lines/{name}/in", "Back into service", PutIn, Changed, put_in, _NAME),
    _writes(
        "try_line",
        "/lines/{name}/test",
        "A test call that listens for a greeting",
        TryLine,
        TestReport,
        try_line,
        _NAME,
    ),
    _writes(
        "move_module", "/slots/move", "A failed module's lines go to a spare slot", MoveModule, Changed, move_module
    ),
    _reads("tickets", "/tickets", "Fault tickets, the open ones unless told", TicketList, tickets, _CLOSED),
    _reads("ticket", "/tickets/{number}", "One ticket with its history", TicketWithHistory, ticket, _NUMBER),
    _writes(
        "open_ticket",
        "/tickets",
        "Open a ticket; the open one of the same fault is answered",
        OpenTicket,
        TicketWithHistory,
        open_ticket,
    ),
    _writes(
        "note_ticket",
        "/tickets/{number}/notes",
        "Write what was found or done, or that somebody is on site",
        NoteOnTicket,
        TicketWithHistory,
        note_ticket,
        _NUMBER,
    ),
    _writes(
        "close_ticket",
        "/tickets/{number}/close",
        "Close it, with what was done",
        CloseTicket,
        TicketWithHistory,
        close_ticket,
        _NUMBER,
    ),
)
CARE: tuple[Operation, ...] = tuple(operation for operation, _ in _ROWS)
CARE_ANSWERS: Mapping[str, Answer] = {operation.name: answer for operation, answer in _ROWS}


@contextmanager
def _changing() -> Iterator[Session]:
    """One transaction; what a person can mend is told in the answer."""
    try:
        with parts().store.transaction() as session:
            yield session
    except (LineError, TicketError, NoWorkingDay) as why:
        raise web_error(409, "cannot", problem=str(why)) from None


def _find(session: Session, number: str) -> FaultTicket:
    found = (
        session.get(FaultTicket, int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
    )
    if found is None:
        raise web_error(404, "not_found")
    return found


def _line(one: views.LineView) -> LineShape:
    return msgspec.convert(one, LineShape, from_attributes=True)


def _ticket(one: FaultTicket) -> TicketShape:
    values = {name: getattr(one, name) for name in TicketShape.__struct_fields__ if name != "number"}
    return TicketShape(number=one.id, **values)


def _with_history(one: FaultTicket, *, is_new: bool = False) -> TicketWithHistory:
    entries = [TicketEntryShape(entry.at, entry.what, entry.detail, entry.by) for entry in one.entries]
    return TicketWithHistory(_ticket(one), entries, is_new)


def _by() -> str:
    return f"token {g.program}"[:80]
