"""Several events at once: all of them are stored or none, and only on top of the step they follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ivr.call_record import CallRecords
from ivr.dialogue.actions import HangUp
from ivr.dialogue.events import CallArrived, Event, KeyPressed, PromptsEnded, TimerExpired
from ivr.runner import CallMovedOn, Handled, Runner
from ivr.transcripts.stage_set import World
from orders.models import CallEvent
from speech.wording import Wording

CALL = "burst-1"


@pytest.fixture
def world(wording: Wording, tmp_path: Path) -> Iterator[World]:
    world = World(wording, tmp_path / "world.db")
    yield world
    world.store.close()


@pytest.fixture
def runner(world: World) -> Runner:
    runner = Runner(world.store, world.desk, node="n", boot="b", now=world.now)
    runner.handle(CALL, CallArrived("13800000001", "100", "twilio"), 0)
    return runner


def keys(text: str) -> list[Event]:
    return [KeyPressed(key, 1000 + at * 250) for at, key in enumerate(text)]


def test_a_burst_is_its_keys_one_after_the_other(runner: Runner, world: World) -> None:
    handled = runner.handle_burst(CALL, keys("11234#"), 1)
    assert (handled.state.stage, handled.sequence) == ("awaiting_main_choice", 7)
    record = CallRecords(world.store).of(CALL)
    assert record is not None
    assert (record.state, record.sequence) == (handled.state, 7)
    assert record.actions == tuple(done.action for done in handled.actions)


def test_all_or_none(runner: Runner, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store fails at the fourth key: the first three were not pressed either."""
    stored = Runner._store_step

    def failing(self: Runner, session: object, row: object, event: Event, taken: object) -> None:
        if _stored(world, session) == 4:
            raise OSError("disk full")
        stored(self, session, row, event, taken)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "_store_step", failing)
    with pytest.raises(OSError, match="disk full"):
        runner.handle_burst(CALL, keys("11234#"), 1)
    monkeypatch.undo()
    assert _stored(world) == 1
    # What was keyed then is not remembered either: the PIN is taken from its own digits.
    assert runner.handle_burst(CALL, keys("11234#"), 1).state.stage == "awaiting_main_choice"


def test_only_on_top_of_the_step_it_follows(runner: Runner, world: World) -> None:
    runner.handle_burst(CALL, keys("1"), 1)
    for after in (0, 1, 3):
        with pytest.raises(CallMovedOn):
            runner.handle_burst(CALL, keys("1"), after)
    assert _stored(world) == 2
    with pytest.raises(KeyError):
        runner.handle_burst("nobody", keys("1"), 0)


def test_an_order_in_the_middle_of_a_burst_is_told(runner: Runner, world: World) -> None:
    """Its last event places nothing, but the dispatcher is to be woken all the same."""
    assert not ordered(runner, world, to_its_end=False).placed_order
    assert ordered(runner, world, to_its_end=True).placed_order


def test_nothing_counts_after_the_end(runner: Runner, world: World) -> None:
    ordered(runner, world, to_its_end=False)
    placed = ordered(runner, world, to_its_end=True)
    silence = [PromptsEnded(placed.state.generation), TimerExpired(placed.state.generation)]
    said = runner.handle_burst(CALL, silence, placed.sequence)
    assert said.state.stage == "ending"
    ended = runner.handle_burst(CALL, [PromptsEnded(said.state.generation), *keys("11")], said.sequence)
    assert any(isinstance(done.action, HangUp) for done in ended.actions)
    assert ended.sequence == said.sequence + 1


def ordered(runner: Runner, world: World, *, to_its_end: bool) -> Handled:
    """The usual basket up to its read-back; or from there, confirmed, with a stale timer behind."""
    if not to_its_end:
        return runner.handle_burst(CALL, keys("11234#11"), 1)
    record = CallRecords(world.store).of(CALL)
    assert record is not None
    confirming = KeyPressed("1", 9000, 3000, 3000, record.state.generation)
    return runner.handle_burst(CALL, [confirming, TimerExpired(0)], 9)


def _stored(world: World, session: object = None) -> int:
    count = select(func.count()).select_from(CallEvent).where(CallEvent.call_id == CALL)
    if session is not None:
        return session.execute(count).scalar_one()  # type: ignore[attr-defined, no-any-return]
    with world.store.session() as own:
        return own.execute(count).scalar_one()
