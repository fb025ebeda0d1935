"""The dispatcher: keeps so many orders on their way to the sales system, until nothing in the outbox is due.

Woken at each new order and each delivery that ended; looks by itself every few seconds besides. One slow order holds
up its own retailer only.
"""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from orders import outbox
from orders.handing_over import HandOver
from orders.placing import sales_open
from orders.store import explain

log = structlog.get_logger(__name__)


class Dispatcher:
    """Runs the hand-over for up to `parallel` retailers at once, on threads of its own.

    `start` keeps at it until `stop`; `run_once` takes what is due this moment and returns when that is settled.
    """

    def __init__(self, hand_over: HandOver, *, node: str = "node", parallel: int = 4, idle_s: float = 2.0) -> None:
        self._hand_over = hand_over
        self._parallel = parallel
        self._idle_s = idle_s
        self._node = node
        self._token = f"{node}:{secrets.token_hex(8)}"
        self._wake = threading.Event()
        self._stopping = False
        self._under_way: set[Future[None]] = set()
        self._next_probe = datetime.min.replace(tzinfo=UTC)
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="sales-delivery")
        self._thread = threading.Thread(target=self._run, name="sales-dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the deliveries under way."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()
        self._hand_over.connector.close()

    def wake(self) -> None:
        """A new order was committed: look now."""
        self._wake.set()

    def run_once(self) -> int:
        """Take what is due and settle it. Returns how many orders were tried. Raises what the store raises."""
        started = self._feed()
        for delivery in wait(started).done:
            delivery.result()
        return len(started)

    def _feed(self) -> list[Future[None]]:
        """Claim as many due orders as there are free places, and start delivering them."""
        self._under_way = {delivery for delivery in self._under_way if not delivery.done()}
        now = self._hand_over.now()
        if len(self._under_way) >= self._parallel:
            return []
        with self._hand_over.store.reading() as session:
            if not outbox.anything_due(session, now):
                return []
        with self._hand_over.store.transaction() as session:
            room = self._room(now, is_open=sales_open(session))
            claimed = outbox.claim(session, self._token, now, room) if room else []
        started = [self._pool.submit(self._hand_over.take, row) for row in claimed]
        self._under_way.update(started)
        for delivery in started:
            delivery.add_done_callback(self._ended)
        return started

    def _room(self, now: datetime, *, is_open: bool) -> int:
        """How many more to try: while the sales system is down one, now and then, to see whether it is back.

        Claimed in batches, so that as many again wait behind those under way: a claim costs what a delivery costs.
        """
        free = 2 * self._parallel - len(self._under_way)
        if is_open:
            return free
        if now < self._next_probe:
            return 0
        self._next_probe = now + timedelta(seconds=self._hand_over.schedule.probe_every_s)
        return min(free, 1)

    def _ended(self, delivery: Future[None]) -> None:
        if error := delivery.exception():
            # The lease lapses, and the order is delivered again.
            log.error("hand_over_not_stored", reason=explain(error))
        self._wake.set()

    def _run(self) -> None:
        self._reclaim()
        while not self._stopping:
            self._wake.clear()
            try:
                self._feed()
            except (SQLAlchemyError, OSError) as error:
                log.error("outbox_unreadable", reason=explain(error))
            if not self._stopping:
                self._wake.wait(self._idle_s)

    def _reclaim(self) -> None:
        """What an earlier process of this node had in hand when it died is due at once, not when its lease lapses."""
        try:
            with self._hand_over.store.transaction() as session:
                outbox.reclaim(session, self._node)
        except (SQLAlchemyError, OSError) as error:
            log.error("outbox_unreadable", reason=explain(error))
