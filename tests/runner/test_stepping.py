"""The step process is killed and frozen: each event of a call counts once, and the order is there once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ivr.dialogue import events as told
from ivr.runner import CallMovedOn, Handled, Runner, UnknownCall
from ivr.stepping.client import NotStored, StepProcess
from ivr.stepping.process import StepSettings
from orders.demo import load_demo
from orders.migrations import upgrade
from orders.models import Order, OrderLine
from orders.models.calls import CallEvent
from orders.order_desk import DomainOrderDesk
from orders.store import Store, open_store
from tests.runner.callers import answering

PIN_KEY = b"stepping"
CALLER = "13800000001"
KEYS = "1" + "1234#" + "1" + "3" + "101#10#" + "#" + "1"


def nothing() -> None:
    """The log stays as pytest has it."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'orders.db'}")
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, datetime.now(UTC).date(), PIN_KEY)
    yield store
    store.close()


@pytest.fixture
def settings(store: Store) -> StepSettings:
    return StepSettings(str(store.engine.url), DomainOrderDesk(PIN_KEY), "n", "b", nothing, threads=2)


@pytest.fixture
def steps(settings: StepSettings) -> Iterator[StepProcess]:
    steps = StepProcess(settings)
    steps.start()
    yield steps
    steps.stop()


def until_stored(steps: StepProcess, event: told.Event, after: int) -> Handled:
    """As the exchange does: again and again, the same event after the same step."""
    for _ in range(4):
        try:
            return steps.handle("c", event, after)
        except NotStored:
            continue
    raise AssertionError(f"{event} could not be stored")


def kill(steps: StepProcess) -> None:
    assert steps.pid
    os.kill(steps.pid, signal.SIGKILL)


def orders(store: Store) -> list[tuple[str, int]]:
    with store.session() as session:
        lines = select(OrderLine.article_code, OrderLine.accepted).join(Order).where(Order.call_id == "c")
        return [(line.article_code, line.accepted) for line in session.execute(lines)]


def test_an_order_through_a_process_that_is_killed_again_and_again(steps: StepProcess, store: Store) -> None:
    handled = until_stored(steps, told.CallArrived(CALLER, "95001", "main"), 0)
    placed = 0
    for number, key in enumerate(KEYS):
        # Not while the PIN is keyed: its digits live in the process only, and the caller would be asked again.
        if number % 3 == 0 and not 1 < number < 7:
            kill(steps)
        handled = until_stored(steps, answering(handled.state, key, number * 300), handled.sequence)
        placed += handled.placed_order
    assert placed == 1
    assert orders(store) == [("101", 10)]


def test_a_lost_reply_is_told_again_not_done_again(steps: StepProcess, store: Store) -> None:
    steps.handle("c", told.CallArrived(CALLER, "95001", "main"), 0)
    key = told.KeyPressed("1", 300, 3000)
    first, again = steps.handle("c", key, 1), steps.handle("c", key, 1)
    assert again == first
    assert steps.handle("c", told.CallArrived("x", "y", "main"), 2).sequence == 3
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(CallEvent)) == 3


def test_the_key_of_an_order_repeated_is_one_order(steps: StepProcess, store: Store) -> None:
    """Seeded fault: without the sequence each repetition is a key of its own, and this goes red."""
    first = steps.handle("c", told.CallArrived(CALLER, "95001", "main"), 0)
    for number, key in enumerate(KEYS):
        event, after = answering(first.state, key, number * 300), first.sequence
        first, again = (steps.handle("c", event, after) for _ in range(2))
        assert (again.sequence, again.actions, again.placed_order) == (
            first.sequence,
            first.actions,
            first.placed_order,
        )
        after = first.sequence
    assert orders(store) == [("101", 10)]


def test_another_event_after_the_same_step_is_refused(steps: StepProcess) -> None:
    steps.handle("c", told.CallArrived(CALLER, "95001", "main"), 0)
    steps.handle("c", told.KeyPressed("1", 300, 3000), 1)
    with pytest.raises(CallMovedOn):
        steps.handle("c", told.KeyPressed("2", 900, 3000), 1)
    with pytest.raises(CallMovedOn):
        steps.handle("c", told.KeyPressed("1", 300, 3000), 0)
    with pytest.raises(UnknownCall):
        steps.handle("unheard-of", told.KeyPressed("1", 300, 3000), 0)


def test_a_process_that_hangs_is_replaced(settings: StepSettings) -> None:
    steps = StepProcess(replace(settings, hung_after_s=0.4))
    steps.start()
    frozen = steps.pid
    assert frozen
    os.kill(frozen, signal.SIGSTOP)
    arrived = told.CallArrived(CALLER, "95001", "main")
    with pytest.raises(NotStored, match="hangs"):
        steps.handle("c", arrived, 0)
    assert until_stored(steps, arrived, 0).sequence == 1
    assert steps.pid != frozen
    steps.stop()
    with pytest.raises(NotStored, match="stopping"):
        steps.handle("c", arrived, 0)


def test_a_database_that_fails_is_not_stored_and_a_fault_is_told(settings: StepSettings, store: Store) -> None:
    steps = StepProcess(replace(settings, database="postgresql://nobody@127.0.0.1:1/none"))
    steps.start()
    with pytest.raises(NotStored, match="PostgreSQL does not answer"):
        steps.handle("c", told.CallArrived(CALLER, "95001", "main"), 0)
    steps.stop()


def test_a_process_that_can_not_start_says_so(settings: StepSettings) -> None:
    steps = StepProcess(replace(settings, database="oracle://nowhere"))
    with pytest.raises(NotStored, match="does not start"):
        steps.start()
    steps.stop()


def test_in_this_process_it_is_the_same(store: Store) -> None:
    runner = Runner(store, DomainOrderDesk(PIN_KEY), node="n", boot="b")
    arrived = told.CallArrived(CALLER, "95001", "main")
    assert runner.handle("c", arrived, 0) == runner.handle("c", arrived, 0)
