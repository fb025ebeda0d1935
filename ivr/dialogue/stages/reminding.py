"""A call that we make: why we call, and order now, later, or never again; a notice; and the few words for a machine.

The domain is asked once more before the first word: whoever ordered, refused or was suspended while it rang is let go.
`result_of` tells what came of the call, from its state alone, whenever and however it ends.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import CheckErrand, HangUp, Pace, PromiseCall, RefuseCalls
from ivr.dialogue.collectors import Chosen, Heard, JustListen, Menu, Silent
from ivr.dialogue.events import CallPromised, CallsRefused, ErrandChecked
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go
from ivr.dialogue.state import CallState
from orders.values import CallResult, Errand
from speech.prompt import Prompt, prompt

_FIRST = {"reminder": "awaiting_reminder_choice", "notice": "awaiting_notice_heard"}


def begin_errand(state: CallState, errand: Errand) -> Move:
    """The first move: is there still a reason to talk to this retailer?"""
    pace: Pace = "slow" if errand.assisted else "normal"
    state = replace(state, language=errand.language, pace=pace)
    return ask(state, CheckErrand(), at="arriving", retailer_id=errand.retailer_id)


def on_checked(state: CallState, checked: ErrandChecked) -> Move:
    """Go on as the domain says."""
    errand = _errand(state)
    if checked.reason:
        said = "reminder_done" if checked.reason == "ordered" else "reminder_void"
        return go(state, "ending", prompt(said), result="called_off")
    if errand.by_machine:
        return go(state, "leaving_word", result="voicemail")
    return go(state, _FIRST[errand.kind], surprised=True)


def result_of(state: CallState) -> CallResult:
    """What came of this call; a refusal before an order, and an order before all the rest."""
    if state.order is not None and state.result != "opted_out":
        return "ordered"
    if state.result:
        return state.result
    if state.reason:
        return "wants_agent"
    at_first = state.stage in _FIRST.values()
    if at_first and not state.misses and not state.heard:
        return "hung_up_early"
    return "not_ordered"


def _errand(state: CallState) -> Errand:
    if state.errand is None:
        raise AssertionError("only calls that we make come here")
    return state.errand


def _reminder_says(state: CallState) -> tuple[Prompt, ...]:
    return (prompt("reminder", cutoff=_errand(state).cutoff), prompt("reminder_choice"))


def _reminder_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return go(state, "awaiting_pin")
        case Chosen("2"):
            return ask(state, PromiseCall())
        case CallPromised(at) if at:
            return go(state, "ending", prompt("later_promised", at=at), result="asked_later")
        case CallPromised():
            notice = prompt("later_impossible", cutoff=_errand(state).cutoff)
            return go(state, "ending", notice, result="asked_later")
        case _:
            return _refusal_or_silence(state, told)


def _notice_says(state: CallState) -> tuple[Prompt, ...]:
    words = [prompt("notice_words", words=sentence) for sentence in _errand(state).words]
    return (prompt("notice"), *words, prompt("notice_choice"))


def _notice_decides(state: CallState, told: Told) -> Move | None:
    if told == Chosen("1"):
        return go(state, "ending", result="heard")
    return _refusal_or_silence(state, told)


def _refusal_or_silence(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("3"):
            return ask(state, RefuseCalls())
        case CallsRefused():
            return go(state, "ending", prompt("calls_refused"), result="opted_out")
        case Silent() if state.misses:
            return go(state, "leaving_word", result="no_key")
        case Silent():
            # Once more, for whoever was slow to take the receiver up; nobody is connected to an agent for silence.
            return go(state, state.stage, misses=state.misses + 1)
    return None


def _word_says(state: CallState) -> tuple[Prompt, ...]:
    number = _errand(state).callback_number
    return (prompt("voicemail"), prompt("voicemail_number", number=number)) if number else (prompt("voicemail"),)


def _word_decides(state: CallState, told: Told) -> Move | None:
    return Move(state, line=(HangUp(),)) if isinstance(told, Heard) else None


_COMMON = (
    Lead("3", "ending"),
    Lead("silence", "leaving_word"),
)

STAGES = (
    Stage(
        "awaiting_reminder_choice",
        "remind",
        says=_reminder_says,
        listens=lambda _: Menu("123", must_hear=True, silence_is_answer=True),
        decides=_reminder_decides,
        leads=(Lead("1", "awaiting_pin"), Lead("2", "ending"), *_COMMON),
    ),
    Stage(
        "awaiting_notice_heard",
        "remind",
        says=_notice_says,
        listens=lambda _: Menu("13", must_hear=True, silence_is_answer=True),
        decides=_notice_decides,
        leads=(Lead("1", "ending"), *_COMMON),
    ),
    Stage(
        "leaving_word",
        "remind",
        says=_word_says,
        listens=lambda _: JustListen(),
        decides=_word_decides,
        leads=(),
    ),
)
