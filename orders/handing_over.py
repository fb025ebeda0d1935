"""One order taken to the sales system: delivered, and what came of it written down.

Between "the sales system has it" and "we know it" anything may die: the row is then delivered once more under the
same key, which the connector makes harmless.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from orders import outbox
from orders.connectors.port import Accepted, Connector, Delivery, Refused, Unknown, order_from_payload
from orders.outbox import Claimed
from orders.placing import sales_open
from orders.retrying import RetrySchedule
from orders.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Takes claimed rows to one sales system. Used by several threads at once; raises what the store raises."""

    store: Store
    connector: Connector
    schedule: RetrySchedule
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random

    def take(self, row: Claimed) -> None:
        """Deliver the order of this row and settle the row."""
        self._settle(row, self._deliver(row))

    def _deliver(self, row: Claimed) -> Delivery:
        try:
            order = order_from_payload(row.payload)
        except ValueError as error:
            return Refused(str(error))
        try:
            return self.connector.deliver(order, OutboxClaim(self.store, row.id))
        except Exception as error:
            log.exception("delivery_fault", order_key=row.order_key)
            return Unknown(f"{type(error).__name__}: {error}", about_this_order=True)

    def _settle(self, row: Claimed, delivery: Delivery) -> None:
        now = self.now()
        with self.store.transaction() as session:
            was_open = sales_open(session)
            is_open = self._link(session, delivery, now)
            match delivery:
                case Accepted(external_id):
                    settled = outbox.settle_sent(session, row, external_id, now)
                case Refused(why):
                    settled = outbox.settle_dead(session, row, why)
                case Unknown(why, about_this_order):
                    settled = self._later(session, row, why, now, counts=was_open or about_this_order)
            if is_open and not was_open:
                outbox.hasten(session, now)
        kind = type(delivery).__name__.lower()
        log.info("order_handed_over", order_key=row.order_key, result=kind, attempt=row.attempts, settled=settled)

    def _link(self, session: Session, delivery: Delivery, now: datetime) -> bool:
        """What this delivery tells about the sales system; whether it counts as open."""
        match delivery:
            case Unknown(about_this_order=True):
                return sales_open(session)
            case Unknown(reason):
                return outbox.link_result(session, reached=False, reason=reason, now=now, schedule=self.schedule)
        return outbox.link_result(session, reached=True, reason="", now=now, schedule=self.schedule)

    def _later(self, session: Session, row: Claimed, reason: str, now: datetime, *, counts: bool) -> bool:
        """Try again by the schedule. An attempt at a system that is down says nothing about the order: not counted."""
        if not counts:
            return outbox.give_back(session, row, reason, now + timedelta(seconds=self.schedule.probe_every_s))
        at = self.schedule.next_attempt(row.attempts, now, self.chance())
        if at is None:
            return outbox.settle_dead(session, row, f"given up after {row.attempts} attempts: {reason}")
        return outbox.settle_later(session, row, reason, at)


@dataclass(frozen=True, slots=True)
class OutboxClaim:
    """Implements `port.Claim` in the outbox row of the order."""

    store: Store
    row_id: int

    def standing(self) -> str:
        with self.store.session() as session:
            return outbox.noted_id(session, self.row_id)

    def note(self, external_id: str) -> str:
        with self.store.transaction() as session:
            return outbox.note_id(session, self.row_id, external_id)
