"""The hand-over to a sales system, on both databases: each order once, in order, whatever the system answers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import event, select

from orders.connectors.port import Accepted, Claim, Delivery, HeldOrder, SalesOrder, Unknown
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.models import Order, OutboxRow
from orders.order_desk import DomainOrderDesk
from orders.outbox import retry_dead
from orders.placing import sales_open
from orders.retrying import RetrySchedule
from orders.store import Store
from tests.orders.conftest import TEN, TODAY
from tests.orders.test_concurrency import at_once
from tests.orders.test_ordering import opened, placed, put


class Counting:
    """A sales system that counts deliveries and answers as told."""

    name = "counting"

    def __init__(self, answers: Callable[[SalesOrder], Delivery]) -> None:
        self.delivered: list[str] = []
        self._answers = answers
        self._lock = threading.Lock()

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:
        with self._lock:
            self.delivered.append(order.order_key)
        return self._answers(order)

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        return iter(())

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
    nodes = [
        Dispatcher(HandOver(store, system, RetrySchedule(), lambda: TEN), node=f"n{number}") for number in range(2)
    ]
    for _ in range(4):
        at_once(*(node.run_once for node in nodes))
    assert system.delivered == keys
    with store.session() as session:
        assert set(session.scalars(select(Order.status).where(Order.order_day == TODAY))) == {"accepted"}


def test_with_nothing_due_nobody_is_kept_from_writing(store: Store) -> None:
    dispatcher = Dispatcher(HandOver(store, Counting(lambda order: Accepted("1")), RetrySchedule(), lambda: TEN))
    writing: list[bool] = []
    event.listen(store.engine, "begin", lambda begun: writing.append("reading" not in begun.get_execution_options()))
    assert dispatcher.run_once() == 0
    assert writing == [False]


def test_an_order_waits_behind_a_retried_one_but_not_behind_a_dead_one(store: Store, desk: DomainOrderDesk) -> None:
    first, second = two_orders(store, desk)
    now = [TEN]
    system = Counting(lambda order: Unknown("time-out") if order.order_key == first else Accepted("1"))
    schedule = RetrySchedule(waits_s=(5, 60), jitter=0.0, link_down_after=99)
    dispatcher = Dispatcher(HandOver(store, system, schedule, lambda: now[0]))
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
    schedule = RetrySchedule(waits_s=(1, 1), jitter=0.0)
    dispatcher = Dispatcher(HandOver(store, system, schedule, lambda: now[0]))
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

    dying = Dispatcher(HandOver(store, Counting(die), RetrySchedule(), lambda: now[0]), node="n1")
    with contextlib.suppress(SystemExit):
        dying.run_once()
    system = Counting(lambda order: Accepted("1"))
    other = Dispatcher(HandOver(store, system, RetrySchedule(), lambda: now[0]), node="n2")
    assert other.run_once() == 0
    now[0] += timedelta(seconds=61)
    assert other.run_once() == 1


def test_a_poisoned_order_dies_alone_and_callers_hear_the_truth(store: Store, desk: DomainOrderDesk) -> None:
    """On a quiet line: nothing else is delivered that could show that the system is well."""
    poisoned, _ = two_orders(store, desk)
    now = [TEN]

    def choke(order: SalesOrder) -> Delivery:
        if order.order_key == poisoned:
            raise ValueError("a name that no table takes")
        return Accepted(order.order_no)

    schedule = RetrySchedule(waits_s=(1, 1), jitter=0.0)
    dispatcher = Dispatcher(HandOver(store, Counting(choke), schedule, lambda: now[0]))
    for _ in range(5):
        dispatcher.run_once()
        now[0] += timedelta(seconds=2)
        with store.session() as session:
            assert sales_open(session)
    with store.session() as session:
        states = {row.order_key: row.state for row in session.scalars(select(OutboxRow))}
    assert sorted(states.values()) == ["dead", "sent"]
    assert states[poisoned] == "dead"


def test_the_first_noted_id_stands(store: Store, desk: DomainOrderDesk) -> None:
    two_orders(store, desk)
    stood: list[str] = []

    def claiming(_order: SalesOrder) -> Delivery:
        return Unknown("made a draft, then died")

    class Drafting(Counting):
        def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:
            stood.append(claim.standing())
            stood.append(claim.note(f"draft-{len(stood)}"))
            return super().deliver(order, claim)

    now = [TEN]
    schedule = RetrySchedule(waits_s=(1, 1), jitter=0.0, link_down_after=99)
    dispatcher = Dispatcher(HandOver(store, Drafting(claiming), schedule, lambda: now[0]))
    for _ in range(2):
        dispatcher.run_once()
        now[0] += timedelta(seconds=2)
    assert stood == ["", "draft-1", "draft-1", "draft-1"]
    # Dead after the third attempt; once a person sends it again, the sales system is asked anew.
    dispatcher.run_once()
    with store.transaction() as session:
        dead = session.scalars(select(OutboxRow.order_key).where(OutboxRow.state == "dead")).one()
        assert retry_dead(session, dead, now[0])
    stood.clear()
    dispatcher.run_once()
    assert stood[:1] == [""]


def test_a_slow_order_holds_up_its_own_retailer_only(store: Store, desk: DomainOrderDesk) -> None:
    slow_one, _ = two_orders(store, desk)
    opened(store, desk, "13800000005", "call-3")
    put(store, desk, "call-3", "101", 1)
    placed(store, desk, "call-3")
    answered, others, began = threading.Event(), threading.Event(), threading.Event()

    def answer(order: SalesOrder) -> Delivery:
        if order.order_key == slow_one:
            began.set()
            assert answered.wait(10)
        elif not answered.is_set():
            others.set()
        return Accepted(order.order_no)

    system = Counting(answer)
    dispatcher = Dispatcher(HandOver(store, system, RetrySchedule(), lambda: TEN), parallel=2, idle_s=0.01)
    dispatcher.start()
    try:
        assert began.wait(10)
        assert others.wait(10)
        assert len(system.delivered) == 2
    finally:
        answered.set()
        dispatcher.stop()
