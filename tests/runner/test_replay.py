"""Stored calls replayed: the same code finds no difference, a changed one shows where it leaves the recorded way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, update

from ivr.dialogue import events as told
from ivr.replay import replay_stored, stored_calls
from ivr.runner import Runner
from ivr.transcripts.stage_set import World
from orders.models import CallEvent
from speech.wording import Wording
from tests.runner.callers import answering

KEYS = "1" + "1234#" + "1" + "3" + "205#5#1" + "#" + "1"


@pytest.fixture
def world(wording: Wording, tmp_path: Path) -> Iterator[World]:
    world = World(wording, tmp_path / "world.db")
    runner = Runner(world.store, world.desk, node="n", boot="b", now=world.now)
    state = runner.handle("c", told.CallArrived("13800000001", "95001", "main")).state
    for number, key in enumerate(KEYS):
        state = runner.handle("c", answering(state, key, number * 300)).state
    runner.handle("c", told.LineLost("caller_hung_up"))
    yield world
    world.store.close()


def test_todays_code_does_what_it_did(world: World) -> None:
    assert list(stored_calls(world.store, None)) == ["c"]
    assert replay_stored(world.store, "c") is None


def edit(world: World, was: str, becomes: str, column: str = "actions") -> None:
    """What an older version would have stored."""
    stored = CallEvent.actions if column == "actions" else CallEvent.event
    with world.store.transaction() as session:
        session.execute(update(CallEvent).values({column: func.replace(stored, was, becomes)}))


def test_another_prompt_is_a_difference_in_sound(world: World) -> None:
    edit(world, '"name":"limit_choice"', '"name":"limit_question"')
    difference = replay_stored(world.store, "c")
    assert difference is not None
    assert (difference.stage, difference.orders) == ("awaiting_quantity", False)
    assert "limit_question" in difference.what


def test_another_question_is_a_difference_in_orders(world: World) -> None:
    edit(world, '"is":"PutLine","code":"205","requested":5', '"is":"PutLine","code":"205","requested":4')
    difference = replay_stored(world.store, "c")
    assert difference is not None
    assert difference.orders
    assert "requested=5" in difference.what


def test_a_record_that_can_not_be_read_is_told(world: World) -> None:
    edit(world, '"is":"KeyPressed"', '"is":"KeyStruck"', "event")
    difference = replay_stored(world.store, "c")
    assert difference is not None
    assert "can't be read" in difference.what


def test_a_pin_is_not_in_the_record(world: World) -> None:
    with world.store.session() as session:
        events = session.query(CallEvent.event).all()
    keys = [event for (event,) in events if '"key":"?"' in event]
    assert len(keys) == 4
