"""The leader's judgement: what is seen becomes states of lines, fault tickets, alarms for spare slots, escalations.

Only the node that holds the lease judges; it shows the lease's token in the very transaction that writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.health.classifying import LineState, classify
from ivr.health.gathering import seen
from ivr.plant import Plant
from orders.faults import tickets
from orders.faults.clauses import SPARES, Fault, Terms
from orders.leases import Held, still_holds
from orders.lines.changes import record
from orders.lines.service import spare_slots
from orders.models import FaultTicket, PhoneLine

log = structlog.get_logger(__name__)

LEASE_NAME = "line-health"
UNKNOWN = LineState("unknown")


@dataclass(frozen=True, slots=True)
class Rules:
    """`confirmed_after`: a fault seen for so long gets a ticket. `gone_after`: the monitor's own ticket is closed when
    its fault has not been seen for so long. `spare_slots`: fewer of a side are an alarm."""

    confirmed_after: timedelta = timedelta(seconds=10)
    gone_after: timedelta = timedelta(minutes=10)
    node_dead_after_s: float = 15.0
    spare_slots: int = 1
    test_counts_for: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be written: lines that stand otherwise than the registry says, and every fault there is."""

    plant: Plant
    changed: Mapping[str, LineState]
    faults: tuple[Fault, ...]


class Monitor:
    """Remembers since when each fault is seen; a new leader begins to count anew.

    `look` only reads, and takes its time; `judge` writes what it found, in a transaction that is short.
    """

    def __init__(self, rules: Rules, terms: Terms) -> None:
        self._rules = rules
        self._terms = terms
        self._since: dict[Fault, datetime] = {}

    def look(self, session: Session, plant: Plant, now: datetime) -> Verdict:
        """Put together what all nodes have told, and find the causes."""
        dead_after_s = self._rules.node_dead_after_s
        found = seen(session, plant, now, test_counts_for=self._rules.test_counts_for, node_dead_after_s=dead_after_s)
        judgement = classify(found, node_dead_after_s=dead_after_s)
        faults = [fault for fault in judgement.faults if not _of_a_line_taken_out(fault, plant)]
        registered = session.execute(select(PhoneLine.name, PhoneLine.state, PhoneLine.cause))
        states = {row.name: (row.state, row.cause) for row in registered}
        changed = {}
        for name, was in states.items():
            state = judgement.lines.get(name, UNKNOWN)
            if was != (state.state, state.cause or ""):
                changed[name] = state
        return Verdict(plant, changed, (*faults, *self._few_spares(session)))

    def judge(self, session: Session, held: Held, verdict: Verdict, now: datetime) -> bool:
        """Write it down; False, with nothing written, when another node leads by now."""
        if not still_holds(session, held):
            log.warning("line_health_lease_lost", holder=held.holder)
            self.stand_down()
            return False
        if verdict.changed:
            _write_states(session, verdict.changed, now)
        self._write_tickets(session, verdict.faults, now)
        for ticket in tickets.escalate_overdue(session, now):
            log.error("fault_ticket_breached", ticket=ticket.id, cause=ticket.cause, about=ticket.about)
        for ticket in tickets.close_settled(session, now, self._rules.gone_after):
            log.info("fault_ticket_closed", ticket=ticket.id, about=ticket.about)
        return True

    def stand_down(self) -> None:
        """Another node leads: what was seen here is no more to be counted."""
        self._since.clear()

    def _few_spares(self, session: Session) -> list[Fault]:
        return [
            Fault("board", f"{SPARES}{side}", f"{len(places)} spare {side} slots, {self._rules.spare_slots} wanted")
            for side, places in spare_slots(session).items()
            if len(places) < self._rules.spare_slots
        ]

    def _write_tickets(self, session: Session, faults: Iterable[Fault], now: datetime) -> None:
        by_key = {(fault.cause, fault.about): fault for fault in faults}
        self._since = {_key(fault): self._since.get(_key(fault), now) for fault in by_key.values()}
        for fault in by_key.values():
            known = tickets.find_open(session, fault)
            if known is not None:
                tickets.back(known, now, fault.summary)
            elif now - self._since[_key(fault)] >= self._rules.confirmed_after:
                ticket, _ = tickets.open_ticket(session, fault, now, tickets.MONITOR, self._terms)
                session.flush()
                # Whom to call stands in the ticket: numbers of people don't belong in a log.
                log.error("fault_ticket_opened", ticket=ticket.id, cause=fault.cause, about=fault.about)
        mine = select(FaultTicket).where(FaultTicket.state == "open", FaultTicket.opened_by == tickets.MONITOR)
        for ticket in session.scalars(mine):
            if (ticket.cause, ticket.about) not in by_key:
                tickets.gone(ticket, now)


def _write_states(session: Session, changed: Mapping[str, LineState], now: datetime) -> None:
    for line in session.scalars(select(PhoneLine).where(PhoneLine.name.in_(changed))):
        state = changed[line.name]
        line.state, line.cause, line.since = state.state, state.cause or "", now
        record(session, line.name, state.state, state.cause or "", tickets.MONITOR, now)
        tell = log.warning if state.state == "down" else log.info
        tell("line_state", line_name=line.name, state=state.state, cause=state.cause or "")


def _key(fault: Fault) -> Fault:
    """The same fault may be told in other words, with another count of seconds."""
    return Fault(fault.cause, fault.about, "")


def _of_a_line_taken_out(fault: Fault, plant: Plant) -> bool:
    """Staff knows already."""
    kind, _, name = fault.about.partition(":")
    if kind == "trunk":
        return any(trunk.name == name and not trunk.in_service for trunk in plant.trunks)
    out = {line for board in plant.boards for slot in board.slots for line in slot.out}
    out |= {board.name for board in plant.boards if not board.in_service}
    if kind == "line":
        return name in out
    board = next((board for board in plant.boards if board.name == name.partition("/")[0]), None)
    return kind in ("board", "span", "slot") and board is not None and set(board.line_names()) <= out
