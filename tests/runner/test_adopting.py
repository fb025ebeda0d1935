"""Calls whose process is gone go on at another: the record is taken over, the last prompt said again, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ivr.dialogue import events as told
from ivr.exchange import Exchange
from ivr.lines import port
from ivr.runner import CallMovedOn, Runner
from ivr.transcripts.stage_set import World
from orders.models import Draft
from orders.models.calls import Call
from speech.prompt import Clip, Prompt
from speech.wording import Wording
from tests.runner.test_exchange import Inline, ScriptedLine, VirtualTimers

NOWHERE = Path("nowhere")
CALL = "pbx-1795456061.0"


class Named:
    def clip(self, said: Prompt, language: str, pace: str) -> Clip:
        return Clip(said.name, said.name, NOWHERE, NOWHERE, NOWHERE, 1000)


class BoundLine(ScriptedLine):
    name = "asterisk"
    playing: int | None = None

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        self.playing = tag
        self.done.append(("play", *(clip.name for clip in clips)))


class Process:
    """One process of a node: its own runner, exchange and line on the one database."""

    def __init__(self, world: World, node: str, boot: str) -> None:
        self.runner = Runner(
            world.store, world.desk, node=node, boot=node + boot, now=world.now, bound_lines=frozenset({"asterisk"})
        )
        self.line = BoundLine()
        self.exchange = Exchange(self.runner, Named(), dialogue=world.settings, executor=Inline(), timers=VirtualTimers)
        self.report = self.exchange.events_of(lambda: self.line)

    def arrive(self) -> None:
        self.report(CALL, port.Arrived("13800000001", "100", at=100.0))

    def resume(self) -> None:
        self.report(CALL, port.Resumed("its node is gone", "13800000001", "100", at=100.0))

    def key(self, key: str, at: float) -> None:
        self.report(CALL, port.Key(key, at, heard_ms=900, playing=self.line.playing))


@pytest.fixture
def world(wording: Wording) -> Iterator[World]:
    world = World(wording)
    yield world
    world.store.close()


def row(world: World) -> Any:
    with world.store.session() as session:
        return session.execute(select(Call.node, Call.boot, Call.stage, Call.ended_at).where(Call.id == CALL)).one()


def test_the_last_prompt_is_said_again_at_the_other_node(world: World) -> None:
    first, second = Process(world, "a", "1"), Process(world, "b", "1")
    first.arrive()
    first.key("1", 101.0)
    said = first.line.done[-1]
    second.resume()
    assert second.line.done == [said]
    assert row(world)[:2] == ("b", "b1")
    for at, key in enumerate("1234#", 110):
        second.key(key, at)
    assert second.line.done[-1] != said


def test_what_the_first_node_still_hears_counts_no_more(world: World) -> None:
    first, second = Process(world, "a", "1"), Process(world, "b", "1")
    first.arrive()
    second.resume()
    done = list(first.line.done)
    first.key("1", 101.0)
    first.report(CALL, port.Gone("dead_line"))
    assert first.line.done == done
    assert row(world).ended_at is None
    with pytest.raises(CallMovedOn):
        first.runner.handle(CALL, told.LineLost("dead_line"))


def test_a_call_taken_elsewhere_is_forgotten_and_not_ended(world: World) -> None:
    first = Process(world, "a", "1")
    first.arrive()
    first.report(CALL, port.TakenElsewhere())
    assert first.exchange.live_calls() == 0
    assert row(world).ended_at is None


def test_a_call_whose_process_had_stored_nothing_begins_here(world: World) -> None:
    second = Process(world, "b", "1")
    second.resume()
    assert second.line.done[0] == ("answer",)
    assert row(world).node == "b"


def test_a_call_whose_record_is_closed_is_let_go(world: World) -> None:
    first, second = Process(world, "a", "1"), Process(world, "b", "1")
    first.arrive()
    first.report(CALL, port.Gone("caller_hung_up"))
    second.resume()
    assert second.line.done == [("hang_up",)]
    second.report(CALL, port.Gone("we_hung_up"))
    assert second.exchange.live_calls() == 0
    assert row(world).ended_at is not None


def test_a_restart_leaves_calls_on_bound_lines_alone(world: World) -> None:
    Process(world, "a", "1").arrive()
    again = Process(world, "a", "2")
    assert again.runner.end_orphans() == 0
    assert row(world).ended_at is None


@pytest.mark.parametrize(
    ("how", "ended"),
    [
        ({}, True),
        ({"living": frozenset({CALL})}, False),
        ({"node": "c"}, False),
        ({"prefix": "other-"}, False),
        ({"line": "asterisk2"}, False),
        ({"begun_before": -5}, False),
    ],
)
def test_only_lost_calls_are_ended(world: World, how: dict[str, Any], ended: bool) -> None:
    Process(world, "a", "1").arrive()
    asked = {"line": "asterisk", "node": "a", "prefix": "pbx-", "living": frozenset(), "begun_before": 5} | how
    asked["begun_before"] = world.now() + timedelta(seconds=asked["begun_before"])
    assert Process(world, "b", "1").runner.end_lost(**asked) == int(ended)
    assert (row(world).ended_at is not None) is ended


@pytest.mark.parametrize("spoilt", ["{}", '{"flow": 1}', '{"flow": 2, "stage": "a_stage_of_old"}', "not JSON"])
def test_calls_that_can_no_longer_be_read_are_ended_and_hold_no_draft(world: World, spoilt: str) -> None:
    old = Process(world, "n1", "1")
    old.arrive()
    for number, key in enumerate("11234#1"):
        old.key(key, 101.0 + number)
    with world.store.transaction() as session:
        assert session.scalars(select(Draft.id).where(Draft.owner == CALL)).all()
        session.execute(update(Call).values(state=spoilt, line="main"))
    new = Process(world, "n1", "2")
    assert new.runner.end_orphans() == 1
    assert row(world).ended_at is not None
    with world.store.session() as session:
        assert not session.scalars(select(Draft.id).where(Draft.owner == CALL)).all()
