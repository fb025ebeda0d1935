"""The dispatcher: takes due orders from the outbox to the sales system, again and again until each is settled.

Between "the sales system has it" and "we know it" anything may die: the row is then delivered once more under the
same key, which the connector makes harmless. Woken at each new order; looks by itself every few seconds besides.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from orders import outbox
from orders.connectors.port import Accepted, Connector, Delivery, Refused, Unknown, order_from_payload
from orders.outbox import Claimed
from orders.placing import sales_open
from orders.retrying import RetrySchedule
from orders.store import Store, explain

log = structlog.get_logger(__name__)


class Dispatcher:
    """Hands orders over, `parallel` retailers at a time. `run_once` is one round; `start` runs rounds on a thread."""

    def __init__(
        self,
        store: Store,
        connector: Connector,
        schedule: RetrySchedule | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        node: str = "node",
        parallel: int = 4,
        idle_s: float = 2.0,
    ) -> None:
        self._store = store
        self._connector = connector
        self._schedule = schedule or RetrySchedule()
        self._now = now
        self._chance = chance
        self._parallel = parallel
        self._idle_s = idle_s
        self._node = node
        self._token = f"{node}:{secrets.token_hex(8)}"
        self._wake = threading.Event()
        self._stopping = False
        self._was_open = True
        self._next_probe = datetime.min.replace(tzinfo=UTC)
        self._thread = threading.Thread(target=self._run, name="sales-dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the deliveries under way."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._connector.close()

    def wake(self) -> None:
        """A new order was committed: look now."""
        self._wake.set()

    def run_once(self) -> int:
        """One round: claim, deliver, settle. Returns how many orders were tried. Raises what the store raises."""
        now = self._now()
        with self._store.transaction() as session:
            self._was_open = sales_open(session)
            claimed = outbox.claim(session, self._token, now, self._room(now))
        if not claimed:
            return 0
        if len(claimed) == 1:
            self._deliver(claimed[0])
        else:
            with ThreadPoolExecutor(len(claimed), thread_name_prefix="sales-delivery") as pool:
                list(pool.map(self._deliver, claimed))
        return len(claimed)

    def _room(self, now: datetime) -> int:
        """How many to try at once: while the sales system is down one, now and then, to see whether it is back."""
        if self._was_open:
            return self._parallel
        if now < self._next_probe:
            return 0
        self._next_probe = now + timedelta(seconds=self._schedule.probe_every_s)
        return 1

    def _deliver(self, row: Claimed) -> None:
        try:
            order = order_from_payload(row.payload)
        except ValueError as error:
            self._settle(row, Refused(str(error)))
            return
        try:
            delivery = self._connector.deliver(order)
        except Exception as error:
            log.exception("delivery_fault", order_key=row.order_key)
            delivery = Unknown(f"{type(error).__name__}: {error}")
        self._settle(row, delivery)

    def _settle(self, row: Claimed, delivery: Delivery) -> None:
        now = self._now()
        with self._store.transaction() as session:
            match delivery:
                case Accepted(external_id):
                    settled = outbox.settle_sent(session, row, external_id, now)
                case Refused(reason):
                    settled = outbox.settle_dead(session, row, reason)
                case Unknown(reason):
                    settled = self._later(session, row, reason, now)
            reached = not isinstance(delivery, Unknown)
            reason = delivery.reason if isinstance(delivery, Unknown) else ""
            is_open = outbox.link_result(session, reached=reached, reason=reason, now=now, schedule=self._schedule)
            if is_open and not self._was_open:
                outbox.hasten(session, now)
        kind = type(delivery).__name__.lower()
        log.info("order_handed_over", order_key=row.order_key, result=kind, attempt=row.attempts, settled=settled)

    def _later(self, session: Session, row: Claimed, reason: str, now: datetime) -> bool:
        """Try again by the schedule. An attempt at a system that is down says nothing about the order: not counted."""
        if not self._was_open:
            return outbox.give_back(session, row, reason, now + timedelta(seconds=self._schedule.probe_every_s))
        at = self._schedule.next_attempt(row.attempts, now, self._chance())
        if at is None:
            return outbox.settle_dead(session, row, f"given up after {row.attempts} attempts: {reason}")
        return outbox.settle_later(session, row, reason, at)

    def _reclaim(self) -> None:
        """What an earlier process of this node had in hand when it died is due at once, not when its lease lapses."""
        try:
            with self._store.transaction() as session:
                outbox.reclaim(session, self._node)
        except (SQLAlchemyError, OSError) as error:
            log.error("outbox_unreadable", reason=explain(error))

    def _run(self) -> None:
        self._reclaim()
        while not self._stopping:
            self._wake.clear()
            try:
                tried = self.run_once()
            except (SQLAlchemyError, OSError) as error:
                log.error("outbox_unreadable", reason=explain(error))
                tried = 0
            if not tried and not self._stopping:
                self._wake.wait(self._idle_s)
