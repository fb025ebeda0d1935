"""Fault tickets over their life: opened once for each fault, noted on, escalated, closed; each change is kept.

Functions take the caller's session and change nothing by themselves but rows; the caller commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from orders.faults.clauses import ESCALATED_TO, Fault, Terms, clause_of
from orders.faults.contacts import to_call, written
from orders.faults.deadlines import WorkCalendar, due_at
from orders.models import FaultTicket, Holiday, TicketEntry

MONITOR = "monitor"
REOPENED_WITHIN = timedelta(hours=1)
"""A fault that comes back so soon is the same one: its ticket is opened again, deadline and all."""
NOBODY = "nobody: the contact directory has none of these roles"


class TicketError(ValueError):
    """The ticket can't be changed so; the message says what to do."""


def calendar_of(session: Session) -> WorkCalendar:
    return WorkCalendar({row.day: row.moved_to for row in session.scalars(select(Holiday))})


def find_open(session: Session, fault: Fault) -> FaultTicket | None:
    return session.scalar(
        select(FaultTicket).where(
            FaultTicket.cause == fault.cause, FaultTicket.about == fault.about, FaultTicket.state == "open"
        )
    )


def open_ticket(session: Session, fault: Fault, now: datetime, by: str, terms: Terms) -> tuple[FaultTicket, bool]:
    """The open ticket of this fault, and whether it is new or open again: there is never a second one."""
    known = find_open(session, fault)
    if known is not None:
        return known, False
    if again := _closed_lately(session, fault, now):
        again.state, again.closed_at, again.closed_by, again.gone_at = "open", None, "", None
        _write(again, now, by, "opened again", fault.summary)
        return again, True
    try:
        with session.begin_nested():
            ticket = _new(session, fault, now, by, terms)
            session.add(ticket)
        return ticket, True
    except IntegrityError:
        # Somebody else opened it in this very moment: the index lets one of us through.
        known = find_open(session, fault)
        if known is None:
            raise
        return known, False


def note(session: Session, number: int, by: str, text: str, now: datetime) -> FaultTicket:
    """Raises TicketError."""
    ticket = find(session, number)
    if not text.strip():
        raise TicketError("an empty note tells nothing: write what was found or done")
    _write(ticket, now, by, "note", text)
    return ticket


def arrived(session: Session, number: int, by: str, spare_serial: str, now: datetime) -> FaultTicket:
    """Somebody is on site, with this spare board or module ("" for none). Raises TicketError."""
    ticket = _find_open(session, number)
    if ticket.arrived_at is None:
        ticket.arrived_at = now
    ticket.spare_serial = spare_serial or ticket.spare_serial
    _write(ticket, now, by, "arrived", f"spare {spare_serial}" if spare_serial else "without a spare")
    return ticket


def close(session: Session, number: int, by: str, why: str, now: datetime) -> FaultTicket:
    """Raises TicketError, also while an arrival that the clause demands is not recorded and the fault is still seen."""
    ticket = _find_open(session, number)
    if not why.strip():
        raise TicketError("say what was done: a ticket is not closed without it")
    if ticket.deadline_of == "on_site" and ticket.arrived_at is None and ticket.gone_at is None:
        raise TicketError(
            f"ticket {number} needs somebody on site (clause {ticket.clause}) and no arrival is recorded: "
            f"`orderline tickets note {number} --arrived --spare SERIAL` first"
        )
    _close(ticket, now, by, why)
    return ticket


def gone(ticket: FaultTicket, now: datetime) -> None:
    """The fault is no longer seen."""
    if ticket.gone_at is None:
        ticket.gone_at = now
        _write(ticket, now, MONITOR, "gone", "no longer seen")


def back(ticket: FaultTicket, now: datetime, summary: str) -> None:
    """The fault is seen again, before its ticket was closed."""
    if ticket.gone_at is not None:
        ticket.gone_at = None
        _write(ticket, now, MONITOR, "back", summary)


def close_settled(session: Session, now: datetime, after: timedelta) -> list[FaultTicket]:
    """Close what the monitor itself opened and has not seen for so long; where a visit is due, staff closes."""
    query = select(FaultTicket).where(
        FaultTicket.state == "open",
        FaultTicket.opened_by == MONITOR,
        FaultTicket.deadline_of == "resolved",
        FaultTicket.gone_at <= now - after,
    )
    settled = list(session.scalars(query))
    for ticket in settled:
        _close(ticket, now, MONITOR, "not seen any more")
    return settled


def escalate_overdue(session: Session, now: datetime) -> list[FaultTicket]:
    """Open tickets whose deadline has just been breached: marked once, with who is told."""
    query = select(FaultTicket).where(
        FaultTicket.state == "open",
        FaultTicket.due_at < now,
        FaultTicket.breached_at.is_(None),
        FaultTicket.gone_at.is_(None),
    )
    overdue = [
        ticket for ticket in session.scalars(query) if ticket.deadline_of == "resolved" or ticket.arrived_at is None
    ]
    told = written(to_call(session, (ESCALATED_TO,))) or NOBODY if overdue else ""
    for ticket in overdue:
        ticket.breached_at = now
        _write(ticket, now, MONITOR, "escalated", f"deadline breached; tell {told}")
    return overdue


def find(session: Session, number: int) -> FaultTicket:
    """Raises TicketError."""
    ticket = session.get(FaultTicket, number)
    if ticket is None:
        raise TicketError(f"there is no ticket {number}: see `orderline tickets list --all`")
    return ticket


def listed(session: Session, *, closed_too: bool = False, most: int = 200) -> Sequence[FaultTicket]:
    """Newest first."""
    query = select(FaultTicket).order_by(FaultTicket.id.desc()).limit(most)
    return session.scalars(query if closed_too else query.where(FaultTicket.state == "open")).all()


def _find_open(session: Session, number: int) -> FaultTicket:
    ticket = find(session, number)
    if ticket.state != "open":
        raise TicketError(f"ticket {number} is closed; open a new one when the fault is there again")
    return ticket


def _new(session: Session, fault: Fault, now: datetime, by: str, terms: Terms) -> FaultTicket:
    clause = clause_of(fault.cause, fault.about)
    call = written(to_call(session, clause.roles)) or NOBODY
    ticket = FaultTicket(
        cause=fault.cause,
        about=fault.about,
        summary=fault.summary[:300],
        state="open",
        clause=clause.number,
        deadline_of=clause.deadline_of,
        due_at=due_at(now, fault.cause, terms, calendar_of(session)),
        call=call[:300],
        opened_at=now,
        opened_by=by,
    )
    _write(ticket, now, by, "opened", f"{fault.summary}; call {call}")
    return ticket


def _closed_lately(session: Session, fault: Fault, now: datetime) -> FaultTicket | None:
    query = select(FaultTicket).where(
        FaultTicket.cause == fault.cause,
        FaultTicket.about == fault.about,
        FaultTicket.closed_by == MONITOR,
        FaultTicket.closed_at > now - REOPENED_WITHIN,
    )
    return session.scalars(query.order_by(FaultTicket.id.desc()).limit(1)).first()


def _close(ticket: FaultTicket, now: datetime, by: str, why: str) -> None:
    ticket.state, ticket.closed_at, ticket.closed_by = "closed", now, by
    _write(ticket, now, by, "closed", why)


def _write(ticket: FaultTicket, now: datetime, by: str, what: str, detail: str) -> None:
    ticket.entries.append(TicketEntry(at=now, by=by, what=what, detail=detail))
