"""A full disk: nothing is said that is not stored, and the call goes on as soon as there is room again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from ivr.codec import state_from_json
from ivr.dialogue import events as told
from ivr.dialogue.actions import PlayPrompts
from ivr.runner import Runner
from ivr.transcripts.stage_set import World
from orders.models import Call, CallEvent, Order
from orders.store import explain
from speech.wording import Wording
from tests.runner.callers import answering

KEYS = "1" + "1234#" + "1" + "1"


def test_a_full_disk_costs_no_order_and_no_call(wording: Wording, tmp_path: Path) -> None:
    world = World(wording, tmp_path / "world.db")
    runner = Runner(world.store, world.desk, node="n", boot="b", now=world.now)
    state = runner.handle("c", told.CallArrived("13800000001", "95001", "main")).state
    for number, key in enumerate(KEYS):
        state = runner.handle("c", answering(state, key, number * 300)).state
    confirm = answering(state, "1", 9000)

    @event.listens_for(world.store.engine, "begin")
    def no_more_pages(connection) -> None:  # type: ignore[no-untyped-def]
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages if full else 1_000_000}")

    full = True
    with pytest.raises(OperationalError) as refused:
        _fill(runner)
    assert "free space" in explain(refused.value)
    with pytest.raises(OperationalError):
        runner.handle("c", confirm)
    with world.store.session() as session:
        assert session.scalar(select(Order.id).where(Order.call_id == "c")) is None
        stored = session.get_one(Call, "c")
        events = len(session.scalars(select(CallEvent.sequence).where(CallEvent.call_id == "c")).all())
        assert (stored.stage, stored.sequence) == ("awaiting_confirmation", events)
        confirm = answering(state_from_json(stored.state), "1", 9000)
    full = False
    handled = runner.handle("c", confirm)
    said = [one.name for play in handled.actions if isinstance(play.action, PlayPrompts) for one in play.action.prompts]
    assert said[0] == "order_accepted"
    world.store.close()


def _fill(runner: Runner) -> None:
    """There is some room left in the last pages; events that change nothing use it up."""
    for _ in range(500):
        runner.handle("c", told.LineResumed("filling"))
