"""The exchange with a scripted line and a runner that fails on demand; inline workers, virtual timers, no sleeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from ivr.dialogue import events as told
from ivr.dialogue.actions import AnswerCall, ArmTimer, HangUp, PlayPrompts, TransferCall
from ivr.dialogue.settings import Settings
from ivr.dialogue.state import CallState
from ivr.exchange import RETRIES_S, Exchange
from ivr.lines import port
from ivr.runner import Handled, Sequenced
from orders.values import OrderSummary
from speech.prompt import Clip, Prompt, prompt

NOWHERE = Path("nowhere")


class Inline(Executor):
    """Does the work at once, on the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class VirtualTimers:
    """Timers that run out when told to."""

    def __init__(self, expired: Callable[[str, int], None]) -> None:
        self._expired = expired
        self.armed: dict[str, tuple[int, float]] = {}

    def arm(self, call: str, generation: int, after_s: float) -> None:
        self.armed[call] = (generation, after_s)

    def disarm(self, call: str) -> None:
        self.armed.pop(call, None)

    def run_out(self, call: str) -> float:
        generation, after_s = self.armed.pop(call)
        self._expired(call, generation)
        return after_s


class ScriptedLine:
    name = "scripted"

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []

    def answer(self, call: str) -> None:
        self.done.append(("answer",))

    def reject(self, call: str, cause: str) -> None:
        self.done.append(("reject", cause))

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        self.done.append(("play", tag, *(clip.name for clip in clips)))

    def stop(self, call: str) -> None:
        self.done.append(("stop",))

    def transfer(self, call: str, target: str) -> None:
        self.done.append(("transfer", target))

    def hang_up(self, call: str) -> None:
        self.done.append(("hang_up",))

    def dial(self, wish: port.Dialled) -> None:
        self.done.append(("dial", wish.to))


class Clips:
    def __init__(self) -> None:
        self.unsayable: set[str] = set()

    def clip(self, said: Prompt, language: str, pace: str) -> Clip:
        if said.name in self.unsayable:
            raise OSError("no voice for this")
        return Clip(said.name, said.name, NOWHERE, NOWHERE, NOWHERE, 1000)


class FakeRunner:
    """Answers every event with the next prepared actions; fails while `broken`."""

    def __init__(self) -> None:
        self.events: list[told.Event] = []
        self.broken: Exception | None = None
        self.actions: list[Any] = []
        self.placed = False

    def adopt(self, call: str, event: told.Event) -> Handled:
        return self.handle(call, event, 0)

    def handle(self, call: str, event: told.Event, after: int) -> Handled:
        if self.broken:
            raise self.broken
        self.events.append(event)
        actions, self.actions = self.actions, []
        sequenced = tuple(Sequenced(call, number, action) for number, action in enumerate(actions))
        order = OrderSummary("20261123000001", "0001", "2026-11-23", 1, 1, 100, "received") if self.placed else None
        return Handled(CallState(order=order), sequenced, self.placed, secret=False, sequence=after + 1)


LOCKED = OperationalError("update", {}, Exception("database is locked"))


class Rig:
    def __init__(self) -> None:
        self.runner, self.line, self.clips = FakeRunner(), ScriptedLine(), Clips()
        self.orders = 0
        self.timers: VirtualTimers
        self.exchange = Exchange(
            self.runner,
            self.clips,
            dialogue=Settings(),
            order_placed=self._ordered,
            executor=Inline(),
            timers=self._virtual,
        )
        self.report = self.exchange.events_of(lambda: self.line)

    def _virtual(self, expired: Callable[[str, int], None]) -> VirtualTimers:
        self.timers = VirtualTimers(expired)
        return self.timers

    def _ordered(self) -> None:
        self.orders += 1

    def arrive(self) -> None:
        self.report("c", port.Arrived("13800000001", "95001", at=100.0))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_reports_become_events_in_order(rig: Rig) -> None:
    rig.arrive()
    rig.report("c", port.Key("1", at=101.5, heard_ms=700))
    rig.report("c", port.PlayEnded(4))
    rig.report("c", port.Interrupted("media"))
    rig.report("c", port.TransferEnded(done=False, status=486))
    rig.report("c", port.Gone("caller_hung_up"))
    assert rig.runner.events == [
        told.CallArrived("13800000001", "95001", "scripted", Settings()),
        told.KeyPressed("1", 1500, 700),
        told.PromptsEnded(4),
        told.LineResumed("media"),
        told.TransferFailed("486"),
        told.LineLost("caller_hung_up"),
    ]
    assert rig.exchange.live_calls() == 0


def test_nothing_is_known_of_a_call_that_never_arrived(rig: Rig) -> None:
    rig.report("ghost", port.Key("1", at=1.0, heard_ms=0))
    rig.report("ghost", port.Gone("dead_line"))
    assert rig.runner.events == []


def test_actions_are_done_in_order(rig: Rig) -> None:
    says = PlayPrompts((prompt("welcome"), prompt("pin_wanted")), "zh", "normal", 7)
    rig.runner.actions = [AnswerCall(), says, ArmTimer(7, 6000), TransferCall("sip:a"), HangUp()]
    rig.arrive()
    assert rig.line.done == [
        ("answer",),
        ("play", 7, "welcome", "pin_wanted"),
        ("transfer", "sip:a"),
        ("hang_up",),
    ]


def test_the_timer_tells_its_generation(rig: Rig) -> None:
    rig.runner.actions = [ArmTimer(7, 6000)]
    rig.arrive()
    assert rig.timers.run_out("c") == 6.0
    assert rig.runner.events[-1] == told.TimerExpired(7)


def test_a_call_that_can_not_be_stored_is_rejected(rig: Rig) -> None:
    rig.runner.broken = LOCKED
    rig.arrive()
    assert rig.line.done == []
    rig.timers.run_out("c/retry")
    assert rig.line.done == [("reject", "unavailable")]
    rig.report("c", port.Gone("we_hung_up"))  # its arrival may have been stored after all: so is its end
    for _ in RETRIES_S:
        rig.timers.run_out("c/retry")
    assert rig.exchange.live_calls() == 0


def test_a_call_that_can_be_stored_a_moment_later_is_answered(rig: Rig) -> None:
    rig.runner.broken, rig.runner.actions = LOCKED, [AnswerCall()]
    rig.arrive()
    rig.runner.broken = None
    rig.timers.run_out("c/retry")
    assert rig.line.done == [("answer",)]


def test_an_event_that_can_not_be_stored_is_tried_again_and_nothing_said_twice(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = LOCKED
    rig.report("c", port.Key("1", at=101.0, heard_ms=0))
    rig.report("c", port.Key("2", at=102.0, heard_ms=0))
    assert rig.line.done == [("play", -1, "system_busy")]
    rig.runner.broken = None
    rig.timers.run_out("c/retry")
    assert [event.key for event in rig.runner.events if isinstance(event, told.KeyPressed)] == ["1", "2"]


def test_a_caller_is_told_and_let_go_when_the_store_stays_away(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = LOCKED
    rig.report("c", port.Key("1", at=101.0, heard_ms=0))
    for _ in RETRIES_S:
        rig.timers.run_out("c/retry")
    assert rig.line.done == [("play", -1, "system_busy"), ("play", -2, "system_failed")]
    rig.timers.run_out("c/leaving")
    assert rig.line.done[-1] == ("hang_up",)


def test_what_the_caller_was_told_is_not_done_is_not_done_later(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = LOCKED
    rig.report("c", port.Key("1", at=101.0))
    rig.report("c", port.Key("1", at=101.5))
    for _ in RETRIES_S:
        rig.timers.run_out("c/retry")
    rig.runner.broken = None
    rig.report("c", port.Key("1", at=110.0))
    rig.report("c", port.PlayEnded(-2))
    assert rig.line.done[-1] == ("hang_up",)
    rig.report("c", port.Gone("we_hung_up"))
    assert not any(isinstance(event, told.KeyPressed) for event in rig.runner.events)
    assert rig.runner.events[-1] == told.LineLost("we_hung_up")
    assert rig.exchange.live_calls() == 0


def test_a_caller_that_hung_up_is_not_booked_long_after(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = LOCKED
    rig.report("c", port.Key("1", at=101.0))
    rig.report("c", port.Gone("caller_hung_up"))
    for _ in RETRIES_S:
        rig.timers.run_out("c/retry")
    rig.runner.broken = None
    rig.timers.run_out("c/retry")
    assert [type(event) for event in rig.runner.events] == [told.CallArrived, told.LineLost]


def test_the_end_of_a_call_is_tried_until_it_is_stored(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = LOCKED
    rig.report("c", port.Gone("dead_line"))
    for _ in range(len(RETRIES_S) + 5):
        rig.timers.run_out("c/retry")
    assert rig.exchange.live_calls() == 1
    rig.runner.broken = None
    rig.timers.run_out("c/retry")
    assert rig.runner.events[-1] == told.LineLost("dead_line")
    assert rig.exchange.live_calls() == 0


def test_half_a_read_back_is_not_said(rig: Rig) -> None:
    rig.arrive()
    rig.clips.unsayable = {"basket_total"}
    rig.runner.actions = [PlayPrompts((prompt("basket_total"), prompt("confirm_choice")), "zh", "normal", 3)]
    rig.report("c", port.Key("#", at=101.0, heard_ms=0))
    assert rig.line.done == [("play", -2, "system_failed")]


def test_an_order_whose_number_can_not_be_said_is_not_denied(rig: Rig) -> None:
    rig.arrive()
    rig.clips.unsayable = {"order_accepted"}
    rig.runner.placed = True
    rig.runner.actions = [PlayPrompts((prompt("order_accepted", tail="0001"),), "zh", "normal", 3)]
    rig.report("c", port.Key("1", at=101.0))
    assert rig.line.done == [("play", -2, "order_stands")]


def test_without_any_voice_the_call_is_ended(rig: Rig) -> None:
    rig.arrive()
    rig.clips.unsayable = {"main_menu", "system_failed"}
    rig.runner.actions = [PlayPrompts((prompt("main_menu"),), "zh", "normal", 3)]
    rig.report("c", port.Key("#", at=101.0, heard_ms=0))
    assert rig.line.done == [("hang_up",)]


def test_a_fault_of_ours_ends_one_call_only(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = ZeroDivisionError("a fault")
    rig.report("c", port.Key("1", at=101.0, heard_ms=0))
    assert rig.line.done == [("play", -2, "system_failed")]
    rig.runner.broken = None
    rig.report("c", port.Gone("we_hung_up"))
    assert rig.runner.events[-1] == told.LineLost("we_hung_up")
    assert rig.exchange.live_calls() == 0
    rig.report("d", port.Arrived("", "95001", at=1.0))
    assert isinstance(rig.runner.events[-1], told.CallArrived)


def test_a_fault_at_the_end_of_a_call_does_not_lose_the_end(rig: Rig) -> None:
    rig.arrive()
    rig.runner.broken = ZeroDivisionError("a fault")
    rig.report("c", port.Gone("caller_hung_up"))
    assert rig.exchange.live_calls() == 1
    rig.runner.broken = None
    assert rig.timers.run_out("c/retry") == 30.0
    assert rig.runner.events[-1] == told.LineLost("caller_hung_up")
    assert rig.exchange.live_calls() == 0


def test_a_fault_after_a_step_loses_no_event_behind_it(rig: Rig) -> None:
    rig.arrive()
    rig.line.answer = lambda call: rig.report(call, port.Gone("caller_hung_up")) or 1 / 0  # type: ignore[func-returns-value, method-assign]
    rig.runner.actions = [AnswerCall()]
    rig.report("c", port.Key("1", at=101.0))
    assert rig.runner.events[-1] == told.LineLost("caller_hung_up")
    assert rig.exchange.live_calls() == 0


def test_a_key_is_told_beside_what_it_stopped(rig: Rig) -> None:
    said = PlayPrompts((prompt("usual_changed", lines=1), prompt("basket_total")), "zh", "normal", 7, notices=1)
    rig.runner.actions = [said]
    rig.arrive()
    rig.report("c", port.Key("1", at=101.0, heard_ms=1420, playing=7))
    rig.report("c", port.Key("1", at=101.2, heard_ms=900, playing=6))
    rig.report("c", port.Key("1", at=101.4))
    keys = [event for event in rig.runner.events if isinstance(event, told.KeyPressed)]
    assert keys == [
        told.KeyPressed("1", 1000, 1420, 420, 7),
        told.KeyPressed("1", 1200, 900, 0, 6),
        told.KeyPressed("1", 1400),
    ]


def test_what_is_said_long_is_waited_for_long(rig: Rig) -> None:
    lines = tuple(prompt("basket_line", position=number) for number in range(40))
    rig.runner.actions = [PlayPrompts(lines, "zh", "normal", 7), ArmTimer(7, 30_000, after_sound=True)]
    rig.arrive()
    assert rig.timers.armed["c"] == (7, 70.0)


def test_the_dispatcher_is_woken_by_an_order(rig: Rig) -> None:
    rig.arrive()
    rig.runner.placed = True
    rig.report("c", port.Key("1", at=101.0, heard_ms=0))
    assert rig.orders == 1


def test_a_call_that_lasts_too_long_is_ended(rig: Rig) -> None:
    rig.arrive()
    assert rig.timers.run_out("c/longest") == 1800.0
    assert rig.line.done == [("play", -2, "long_call")]
    rig.report("c", port.PlayEnded(-2))
    assert rig.line.done[-1] == ("hang_up",)


def test_a_clock_that_is_set_back_loses_no_key(rig: Rig) -> None:
    rig.arrive()
    for at in (101.0, 40.0, 40.3):
        rig.report("c", port.Key("1", at=at))
    times = [event.at_ms for event in rig.runner.events if isinstance(event, told.KeyPressed)]
    assert times == [1000, 0, 0]
