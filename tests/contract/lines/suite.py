"""The contract that every kind of line keeps, as tests: subclass `LineContract` and give it a `rig` fixture.

What a kind of line can't do at all is named in its rig's abilities; such a test is skipped and says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ivr.lines.port import (
    Answered,
    Arrived,
    DialFailed,
    Dialled,
    Gone,
    Key,
    LineEvent,
    PlayEnded,
    TransferEnded,
)
from tests.contract.lines.rig import Ability, Events, FarEnd, Rig


def need(rig: Rig, ability: Ability) -> None:
    if ability not in rig.abilities:
        pytest.skip(f"the {rig.line.name} line can't do that: {ability}")


def until(what: object, within_s: float = 8.0) -> None:
    deadline = time.monotonic() + within_s
    assert callable(what)
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


class LineContract:
    """`events` is where the rig's line reports."""

    @pytest.fixture
    def events(self) -> Events:
        return Events()

    @pytest.fixture
    def rig(self, events: Events) -> Iterator[Rig]:
        raise NotImplementedError("a contract test brings its rig")

    # -- arriving

    def test_a_call_arrives_and_waits(self, rig: Rig, events: Events) -> None:
        before = time.time()
        far = rig.call_in("13800000007")
        arrived = events.wait_for(events.next_call(0), Arrived)
        assert isinstance(arrived, Arrived)
        assert arrived.caller == "13800000007"
        assert before - 1 < arrived.at < time.time() + 1
        assert not far.is_picked_up()
        far.give_up()

    def test_giving_up_before_the_answer(self, rig: Rig, events: Events) -> None:
        far = rig.call_in()
        call = events.next_call(0)
        far.give_up()
        gone = events.wait_for(call, Gone)
        assert gone == Gone("caller_hung_up")
        rig.line.answer(call)
        rig.line.play(call, [rig.clip("late", 200)], 1)
        self.nothing_after_the_end(events, call)

    @pytest.mark.parametrize("cause", ["busy", "unavailable", "forbidden"])
    def test_a_refusal(self, rig: Rig, events: Events, cause: str) -> None:
        need(rig, "refuses")
        far = rig.call_in()
        call = events.next_call(0)
        rig.line.reject(call, cause)  # type: ignore[arg-type]
        assert events.wait_for(call, Gone) == Gone("we_hung_up")
        until(far.is_over)
        assert not far.is_picked_up()

    # -- playing

    def test_what_is_played_is_heard_to_its_end(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.line.play(call, [rig.clip("greeting", 200), rig.clip("menu", 300)], 7)
        until(lambda: far.hears() == "greeting")
        until(lambda: far.hears() == "menu")
        assert events.wait_for(call, PlayEnded) == PlayEnded(7)
        until(lambda: far.hears() == "")

    def test_what_is_played_takes_the_place_of_what_was(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.line.play(call, [rig.clip("long", 5000)], 1)
        until(lambda: far.hears() == "long")
        rig.line.play(call, [rig.clip("short", 200)], 2)
        assert events.wait_for(call, PlayEnded) == PlayEnded(2)

    def test_stopping_is_silent_and_ends_nothing(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.line.play(call, [rig.clip("long", 5000)], 1)
        until(lambda: far.hears() == "long")
        rig.line.stop_playing(call)
        until(lambda: far.hears() == "")
        rig.line.play(call, [rig.clip("next", 100)], 2)
        assert events.wait_for(call, PlayEnded) == PlayEnded(2)

    # -- keys

    def test_each_key_by_each_way_once(self, rig: Rig, events: Events) -> None:
        for number, way in enumerate(rig.ways):
            far, call = self.talk(rig, events, number)
            for count, key in enumerate("1#5*0", 1):
                far.press(key, way)
                pressed = events.wait_for(call, Key, count)
                assert isinstance(pressed, Key)
                assert pressed.key == key
                assert abs(pressed.at - time.time()) < 2
            far.hang_up()
            events.wait_for(call, Gone)
            assert "".join(event.key for event in events.of(call) if isinstance(event, Key)) == "1#5*0"

    def test_a_key_stops_what_is_playing(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.line.play(call, [rig.clip("long", 6000)], 1)
        until(lambda: far.hears() == "long")
        time.sleep(0.3)
        far.press("1", rig.ways[0])
        key = events.wait_for(call, Key)
        assert isinstance(key, Key)
        assert 200 <= key.heard_ms <= 3000
        assert key.playing == 1
        until(lambda: far.hears() == "", 1.0)
        far.press("2", rig.ways[0])
        second = events.wait_for(call, Key, 2)
        assert isinstance(second, Key)
        assert (second.heard_ms, second.playing) == (0, None)
        assert not any(isinstance(event, PlayEnded) for event in events.of(call))

    def test_keys_of_one_call_are_heard_in_no_other(self, rig: Rig, events: Events) -> None:
        parties = [self.talk(rig, events, number) for number in range(4)]
        for number, (far, _) in enumerate(parties):
            far.press(str(number), rig.ways[0])
        for number, (_, call) in enumerate(parties):
            key = events.wait_for(call, Key)
            assert isinstance(key, Key)
            assert key.key == str(number)

    # -- ends

    def test_the_caller_hangs_up(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.line.play(call, [rig.clip("long", 5000)], 1)
        far.hang_up()
        assert events.wait_for(call, Gone) == Gone("caller_hung_up")
        rig.line.play(call, [rig.clip("late", 100)], 2)
        rig.line.hang_up(call)
        rig.line.transfer(call, "8001")
        self.nothing_after_the_end(events, call)

    def test_the_line_hangs_up(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.line.hang_up(call)
        rig.line.hang_up(call)
        assert events.wait_for(call, Gone) == Gone("we_hung_up")
        until(far.is_over)
        self.nothing_after_the_end(events, call)

    def test_hanging_up_a_call_that_was_not_answered(self, rig: Rig, events: Events) -> None:
        need(rig, "refuses")
        far = rig.call_in()
        call = events.next_call(0)
        rig.line.hang_up(call)
        assert events.wait_for(call, Gone) == Gone("we_hung_up")
        until(far.is_over)

    def test_the_line_closes(self, rig: Rig, events: Events) -> None:
        far, call = self.talk(rig, events)
        rig.close_line()
        assert events.wait_for(call, Gone) == Gone("line_closed")
        until(far.is_over)

    def test_a_caller_that_vanishes(self, rig: Rig, events: Events) -> None:
        need(rig, "notices_the_dead")
        far, call = self.talk(rig, events)
        far.vanish()
        assert events.wait_for(call, Gone, within_s=20) == Gone("dead_line")

    def test_calls_that_are_not_there_do_no_harm(self, rig: Rig, events: Events) -> None:
        started = time.monotonic()
        rig.line.answer("nobody")
        rig.line.reject("nobody", "busy")
        rig.line.play("nobody", [rig.clip("x", 100)], 1)
        rig.line.stop_playing("nobody")
        rig.line.transfer("nobody", "8001")
        rig.line.hang_up("nobody")
        assert time.monotonic() - started < 0.5
        assert events.calls() == []

    # -- handing over

    @pytest.mark.parametrize("done", [True, False])
    def test_a_transfer(self, rig: Rig, events: Events, done: bool) -> None:
        need(rig, "transfers")
        far, call = self.talk(rig, events)
        rig.line.transfer(call, "8001")
        until(lambda: far.asked_to_call() != "")
        assert "8001" in far.asked_to_call()
        rig.line.transfer(call, "8001")
        far.report_transfer(done=done)
        ended = events.wait_for(call, TransferEnded)
        assert isinstance(ended, TransferEnded)
        assert ended.done is done
        if done:
            assert events.wait_for(call, Gone) == Gone("transferred")
        else:
            rig.line.play(call, [rig.clip("sorry", 100)], 3)
            assert events.wait_for(call, PlayEnded) == PlayEnded(3)

    # -- calling out

    def test_somebody_answers(self, rig: Rig, events: Events) -> None:
        need(rig, "dials")
        rig.line.dial(Dialled("out-1", rig.somebody_at("answers"), "4001", 10))
        events.wait_for("out-1", Answered)
        rig.line.play("out-1", [rig.clip("reminder", 100)], 4)
        assert events.wait_for("out-1", PlayEnded) == PlayEnded(4)
        rig.line.hang_up("out-1")
        assert events.wait_for("out-1", Gone) == Gone("we_hung_up")

    @pytest.mark.parametrize(
        ("behaviour", "failure"),
        [("busy", "busy"), ("declines", "declined"), ("rings", "no_answer"), ("challenges", "challenged")],
    )
    def test_why_nobody_does(self, rig: Rig, events: Events, behaviour: str, failure: str) -> None:
        need(rig, "dials_told_apart")
        there = rig.somebody_at(behaviour)  # type: ignore[arg-type]
        rig.line.dial(Dialled("out-1", there, "4001", 1.0))
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == failure
        events.wait_for("out-1", Gone)
        self.nothing_after_the_end(events, "out-1")

    def test_nothing_listens_there(self, rig: Rig, events: Events) -> None:
        need(rig, "dials_told_apart")
        rig.line.dial(Dialled("out-1", rig.nobody(), "4001", 10))
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == "unreachable"

    def test_giving_up_a_call_that_rings(self, rig: Rig, events: Events) -> None:
        need(rig, "dials_told_apart")
        rig.line.dial(Dialled("out-1", rig.somebody_at("rings"), "4001", 10))
        time.sleep(0.2)
        rig.line.hang_up("out-1")
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == "cancelled"

    def test_a_target_that_is_none(self, rig: Rig, events: Events) -> None:
        rig.line.dial(Dialled("out-1", "nonsense\r\nEvil: 1", "4001", 10))
        assert isinstance(events.wait_for("out-1", DialFailed), DialFailed)

    # -- steps

    def talk(self, rig: Rig, events: Events, known: int = 0) -> tuple[FarEnd, str]:
        """A call that stands: (the caller, its id)."""
        far = rig.call_in()
        call = events.next_call(known)
        events.wait_for(call, Arrived)
        rig.line.answer(call)
        until(far.is_picked_up)
        until(lambda: far.hears() == "")
        return far, call

    def nothing_after_the_end(self, events: Events, call: str) -> None:
        time.sleep(0.15)
        told: list[LineEvent] = events.of(call)
        assert sum(isinstance(event, Gone) for event in told) == 1
        assert isinstance(told[-1], Gone)
