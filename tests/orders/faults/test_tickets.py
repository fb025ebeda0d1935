"""Tickets on both databases: one for each fault, whom to call, breach, what may be closed."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from orders.faults import tickets
from orders.faults.clauses import Fault, Terms
from orders.faults.contacts import ContactError, keep, stale
from orders.faults.tickets import TicketError
from orders.models import FaultTicket
from orders.store import Store
from tests.orders.conftest import TEN
from tests.orders.test_concurrency import at_once

TERMS = Terms(ZoneInfo("Asia/Shanghai"))
BOARD = Fault("board", "board:board-a", "board-a does not answer")
TRUNK = Fault("carrier", "trunk:carrier", "no answer to OPTIONS")
DAY = timedelta(days=1)


def opened(store: Store, fault: Fault, by: str = tickets.MONITOR) -> int:
    with store.transaction() as session:
        ticket, _ = tickets.open_ticket(session, fault, TEN, by, TERMS)
        session.flush()
        return ticket.id


def look(store: Store, number: int) -> FaultTicket:
    with store.session() as session:
        ticket = tickets.find(session, number)
        assert ticket.entries
        return ticket


def test_a_board_s_ticket_says_whom_to_call_and_by_when(store: Store) -> None:
    with store.transaction() as session:
        keep(session, "vendor", "Wang", "027-85550101", on_call=True)
        keep(session, "vendor", "Ai", "027-85550100")
        keep(session, "technician", "Li", "13900000001")
        keep(session, "carrier", "Zhao", "10000")
    ticket = look(store, opened(store, BOARD))
    assert ticket.call == "Wang (vendor, on call) 027-85550101; Ai (vendor) 027-85550100; Li (technician) 13900000001"
    assert (ticket.clause, ticket.deadline_of, ticket.due_at) == ("3.1.8", "on_site", TEN + DAY)


def test_without_contacts_it_says_so(store: Store) -> None:
    assert "nobody" in look(store, opened(store, TRUNK)).call


def test_one_ticket_for_each_fault(store: Store) -> None:
    first = opened(store, BOARD)
    assert opened(store, BOARD, "staff") == first
    assert opened(store, TRUNK) != first


def test_of_many_at_once_one_is_opened(store: Store) -> None:
    assert len(set(at_once(*(lambda: opened(store, BOARD) for _ in range(6))))) == 1


def test_a_fault_that_comes_back_soon_has_its_old_ticket(store: Store) -> None:
    number = opened(store, TRUNK)
    with store.transaction() as session:
        tickets.gone(tickets.find(session, number), TEN)
        assert not tickets.close_settled(session, TEN + timedelta(minutes=5), timedelta(minutes=10))
        assert tickets.close_settled(session, TEN + timedelta(minutes=10), timedelta(minutes=10))
    with store.transaction() as session:
        again, fresh = tickets.open_ticket(session, TRUNK, TEN + timedelta(minutes=20), tickets.MONITOR, TERMS)
        assert fresh
        assert (again.id, again.due_at) == (number, TEN + DAY)
        tickets.close(session, number, "li", "carrier has mended it", TEN + timedelta(minutes=30))
        other, _ = tickets.open_ticket(session, TRUNK, TEN + timedelta(minutes=40), tickets.MONITOR, TERMS)
        session.flush()
        assert other.id != number, "staff has closed it: what comes now is new"


def test_a_board_is_not_closed_before_somebody_was_there(store: Store) -> None:
    number = opened(store, BOARD)
    with store.transaction() as session:
        with pytest.raises(TicketError, match="--arrived --spare"):
            tickets.close(session, number, "li", "done", TEN)
        tickets.arrived(session, number, "li", "VB-0099", TEN)
        with pytest.raises(TicketError, match="say what was done"):
            tickets.close(session, number, "li", " ", TEN)
        tickets.close(session, number, "li", "board exchanged", TEN)
        with pytest.raises(TicketError, match="is closed"):
            tickets.arrived(session, number, "li", "", TEN)
    ticket = look(store, number)
    assert (ticket.spare_serial, ticket.arrived_at, ticket.closed_by) == ("VB-0099", TEN, "li")
    with store.session() as session:
        assert [entry.what for entry in tickets.find(session, number).entries] == ["opened", "arrived", "closed"]


def test_a_breach_is_escalated_once(store: Store) -> None:
    with store.transaction() as session:
        keep(session, "head", "Director Chen", "13900000009")
    board, trunk = opened(store, BOARD), opened(store, TRUNK)
    with store.transaction() as session:
        assert not tickets.escalate_overdue(session, TEN + DAY)
        tickets.arrived(session, board, "li", "", TEN)
        late = tickets.escalate_overdue(session, TEN + DAY + timedelta(seconds=1))
        assert [ticket.id for ticket in late] == [trunk], "somebody is on site: the board's clause is kept"
        assert "Director Chen" in late[0].entries[-1].detail
        assert not tickets.escalate_overdue(session, TEN + 2 * DAY)


def test_what_is_gone_is_not_overdue_and_comes_back(store: Store) -> None:
    number = opened(store, BOARD)
    with store.transaction() as session:
        ticket = tickets.find(session, number)
        tickets.gone(ticket, TEN)
        assert not tickets.escalate_overdue(session, TEN + 2 * DAY)
        assert not tickets.close_settled(session, TEN + 2 * DAY, DAY), "a visit is due: staff closes"
        tickets.back(ticket, TEN + 2 * DAY, "again")
        assert tickets.escalate_overdue(session, TEN + 2 * DAY)


def test_notes(store: Store) -> None:
    number = opened(store, TRUNK)
    with store.transaction() as session:
        tickets.note(session, number, "li", "called the carrier", TEN)
        with pytest.raises(TicketError, match="empty note"):
            tickets.note(session, number, "li", " ", TEN)
        with pytest.raises(TicketError, match="no ticket 999"):
            tickets.note(session, 999, "li", "x", TEN)
        assert [ticket.id for ticket in tickets.listed(session)] == [number]


def test_contacts_are_checked_and_go_stale(store: Store) -> None:
    with store.transaction() as session:
        for role, name, phone in (("friend", "A", "10000"), ("head", " ", "10000"), ("head", "A", "sip:x@y")):
            with pytest.raises(ContactError):
                keep(session, role, name, phone)
        keep(session, "head", "A", "10000", checked_on=date(2026, 8, 1))
        keep(session, "head", "B", "10001", checked_on=date(2026, 11, 1))
        keep(session, "head", "C", "10002")
        session.flush()
        assert [one.name for one in stale(session, date(2026, 11, 23), 90)] == ["A", "C"]
