"""What a key answers: only what its caller can have heard."""

from __future__ import annotations

import pytest

from ivr.dialogue.events import KeyPressed, LineResumed
from ivr.dialogue.state import CallState
from ivr.dialogue.step import step
from speech.prompt import prompt

TOTAL = CallState(stage="awaiting_confirmation", generation=7, said_notices=1, owns_draft=True)


def asks_for_an_order(key: KeyPressed, state: CallState = TOTAL) -> bool:
    return any(type(action).__name__ == "PlaceOrder" for action in step(state, key)[1])


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        (KeyPressed("1", 0, heard_ms=2400, asked_ms=400, playing=7), True),
        (KeyPressed("1", 0, heard_ms=2400, asked_ms=380, playing=7), False),  # still in the notice before the total
        (KeyPressed("1", 0, heard_ms=5000, asked_ms=5000, playing=6), False),  # heard of something else
        (KeyPressed("1", 0), False),  # in silence, while the total is being made
    ],
)
def test_an_order_needs_its_total_to_have_begun(key: KeyPressed, counts: bool) -> None:
    assert asks_for_an_order(key) is counts


def test_a_notice_heard_is_enough_after_a_surprise() -> None:
    state = CallState(stage="awaiting_limit_choice", generation=7, surprised=True)
    assert step(state, KeyPressed("7", 0, heard_ms=500, asked_ms=0, playing=7))[0].misses == 1
    assert step(state, KeyPressed("7", 0, heard_ms=300, asked_ms=0, playing=7))[0].misses == 0


@pytest.mark.parametrize(
    ("surprised", "heard_ms", "again"),
    [
        (False, 900, ("basket_total",)),  # "2 cartons, noted" was heard: the total alone is put again
        (False, 300, ("line_noted", "basket_total")),
        (True, 900, ("line_noted", "basket_total")),  # that something has changed must be heard
    ],
)
def test_a_key_into_the_notice_is_answered_with_the_question(
    surprised: bool, heard_ms: int, again: tuple[str, ...]
) -> None:
    said = (prompt("line_noted", cartons=2), prompt("basket_total", kinds=1, cartons=2, amount=100))
    state = CallState(stage="awaiting_confirmation", generation=7, said=said, said_notices=1, surprised=surprised)
    after, actions = step(state, KeyPressed("1", 0, heard_ms=heard_ms, playing=7))
    assert tuple(one.name for one in after.said) == again
    assert after.said_notices == len(again) - 1
    assert type(actions[0]).__name__ == "PlayPrompts"


def test_a_transfer_is_asked_for_again_after_a_gap() -> None:
    """Another node has taken the call on: whoever was calling the agents is gone."""
    waiting = CallState(stage="transferring", generation=7, said=(prompt("to_agent"),), transfer_asked=True)
    state, _ = step(waiting, LineResumed("its node is gone"))
    state, actions = step(state, KeyPressed("0", 0))
    assert [type(action).__name__ for action in actions] == ["TransferCall"]
    assert step(state, KeyPressed("0", 0))[1] == ()
