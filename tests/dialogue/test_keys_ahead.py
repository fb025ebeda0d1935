"""What a key answers: only what its caller can have heard."""

from __future__ import annotations

import pytest

from ivr.dialogue.events import KeyPressed
from ivr.dialogue.state import CallState
from ivr.dialogue.step import step

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
