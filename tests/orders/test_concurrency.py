"""Two calls at once: never more sold than there is, never more tries than three, never two owners."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from orders.connectors.port import Accepted, Delivery, SalesOrder, Unknown
from orders.desk import DraftHeldElsewhere
from orders.dispatcher import Dispatcher
from orders.models import Article, Order, OrderLine, OutboxRow
from orders.order_desk import DomainOrderDesk
from orders.retrying import RetrySchedule
from orders.store import Store
from tests.orders.conftest import TEN, TODAY
from tests.orders.test_ordering import opened, placed, put, retailer_of


def at_once(*works: Callable[[], object]) -> list[object]:
    """All works started together; results, or the exceptions they raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except (SQLAlchemyError, DraftHeldElsewhere) as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_the_last_cartons_are_sold_once(store: Store, desk: DomainOrderDesk) -> None:
    with store.transaction() as session:
        session.get_one(Article, "101").stock = 15
    callers = ["13800000001", "13800000005", "13800000006", "13800000007"]
    for number, caller in enumerate(callers):
        opened(store, desk, caller, f"call-{number}")
        put(store, desk, f"call-{number}", "101", 10)
    at_once(*(lambda number=number: placed(store, desk, f"call-{number}") for number in range(4)))  # type: ignore[misc]
    with store.session() as session:
        sold = session.scalar(
            select(func.sum(OrderLine.accepted))
            .join(Order)
            .where(OrderLine.article_code == "101", Order.order_day == TODAY)
        )
        left = session.get_one(Article, "101").stock
    assert sold == 10
    assert left == 5


def test_one_draft_has_one_owner(store: Store, desk: DomainOrderDesk) -> None:
    retailer = retailer_of(store, desk, "13800000001")

    def open_as(owner: str) -> object:
        with store.transaction() as session:
            return desk.open_draft(session, retailer, TODAY.isoformat(), owner, take_over=False, anew=False)

    results = at_once(*(lambda owner=owner: open_as(owner) for owner in ("a", "b", "c")))  # type: ignore[misc]
    assert sum(not isinstance(result, Exception) for result in results) == 1


def test_parallel_calls_get_three_tries_together(store: Store, desk: DomainOrderDesk) -> None:
    retailer = retailer_of(store, desk, "13800000001")

    def wrong() -> str:
        with store.transaction() as session:
            return desk.check_pin(session, retailer, "0000").outcome

    assert sorted(map(str, at_once(*[wrong] * 8))) == ["locked"] * 6 + ["rejected"] * 2


class Counting:
    """A sales system that counts deliveries and answers as told."""

    name = "counting"

    def __init__(self, answers: Callable[[SalesOrder], Delivery]) -> None:
        self.delivered: list[str] = []
        self._answers = answers
        self._lock = threading.Lock()

    def deliver(self, order: SalesOrder) -> Delivery:
        with self._lock:
            self.delivered.append(order.order_key)
        return self._answers(order)

    def close(self) -> None: ...


def two_orders(store: Store, desk: DomainOrderDesk) -> list[str]:
    for owner in ("call-1", "call-2"):
        opened(store, desk, "13800000001", owner)
        put(store, desk, owner, "101", 1)
        placed(store, desk, owner)
    with store.session() as session:
        return list(session.scalars(select(OutboxRow.order_key).order_by(OutboxRow.id)))


def test_two_dispatchers_deliver_each_order_once_and_in_order(store: Store, desk: DomainOrderDesk) -> None:
    keys = two_orders(store, desk)
    system = Counting(lambda order: Accepted(order.order_no))
    nodes = [Dispatcher(store, system, now=lambda: TEN, node=f"n{number}") for number in range(2)]
    for _ in range(4):
        at_once(*(node.run_once for node in nodes))
    assert system.delivered == keys
    with store.session() as session:
        assert set(session.scalars(select(Order.status).where(Order.order_day == TODAY))) == {"accepted"}


def test_an_order_waits_behind_a_retried_one_but_not_behind_a_dead_one(store: Store, desk: DomainOrderDesk) -> None:
    first, second = two_orders(store, desk)
    now = [TEN]
    system = Counting(lambda order: Unknown("time-out") if order.order_key == first else Accepted("1"))
    schedule = RetrySchedule(waits_s=(5, 60), jitter=0.0, link_down_after=99)
    dispatcher = Dispatcher(store, system, schedule, now=lambda: now[0])
    for _ in range(3):
        dispatcher.run_once()
        dispatcher.run_once()
        now[0] += timedelta(seconds=61)
    assert system.delivered[:3] == [first] * 3
    dispatcher.run_once()
    assert system.delivered == [first] * 3 + [second]
    with store.session() as session:
        dead = session.scalars(select(OutboxRow).where(OutboxRow.state == "dead")).one()
    assert (dead.order_key, "given up after 3 attempts: time-out" in dead.last_error) == (first, True)


def test_a_system_that_is_down_is_probed_and_costs_no_attempts(store: Store, desk: DomainOrderDesk) -> None:
    two_orders(store, desk)
    now, down = [TEN], [True]
    system = Counting(lambda order: Unknown("refused") if down[0] else Accepted("1"))
    dispatcher = Dispatcher(store, system, RetrySchedule(waits_s=(1, 1), jitter=0.0), now=lambda: now[0])
    for _ in range(40):
        dispatcher.run_once()
        now[0] += timedelta(seconds=16)
    opened(store, desk, "13800000005", "call-3")
    put(store, desk, "call-3", "101", 1)
    assert not placed(store, desk, "call-3").sales_open
    down[0] = False
    for _ in range(4):
        dispatcher.run_once()
        now[0] += timedelta(seconds=16)
    with store.session() as session:
        assert set(session.scalars(select(OutboxRow.state))) == {"sent"}


def test_a_lost_lease_is_taken_up_by_the_other_node(store: Store, desk: DomainOrderDesk) -> None:
    two_orders(store, desk)
    now = [TEN]

    def die(_order: SalesOrder) -> Delivery:
        raise SystemExit

    dying = Dispatcher(store, Counting(die), now=lambda: now[0], node="n1")
    with contextlib.suppress(SystemExit):
        dying.run_once()
    system = Counting(lambda order: Accepted("1"))
    other = Dispatcher(store, system, now=lambda: now[0], node="n2")
    assert other.run_once() == 0
    now[0] += timedelta(seconds=61)
    assert other.run_once() == 1
