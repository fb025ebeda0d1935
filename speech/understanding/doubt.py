"""What to do with what was heard: take it, ask which of two, confirm it, ask again, or go to the keys. Pure.

Low confidence asks back; low twice in a row goes to the keys, which work at every moment anyway. What was "taken" is
still spoken back by the stage: no order line comes from speech alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from speech.recognition.port import Candidate, Heard

_NEAR = 3.0
"""Nats: a runner-up within this of the best is worth asking about."""
MOST_LOW = 2


@dataclass(frozen=True, slots=True)
class Take:
    """Sure enough: go on with it, spoken back."""

    value: str


@dataclass(frozen=True, slots=True)
class AskWhich:
    """Two values are as likely: 「玉溪按1，利群按2」."""

    first: Candidate
    second: Candidate


@dataclass(frozen=True, slots=True)
class Confirm:
    """One value, not sure: 「白沙，对吗？」."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Nothing was understood; `silent` when nobody spoke."""

    silent: bool


@dataclass(frozen=True, slots=True)
class UseKeys:
    """Speech does not help here: say which keys to press, and listen no more in this stage."""


Decision = Take | AskWhich | Confirm | AskAgain | UseKeys


def decide(heard: Heard, low_before: int) -> Decision:
    """`low_before` counts how often in a row this stage was not sure; silence does not count, it has its own timer."""
    if heard.verdict == "sure":
        return Take(heard.candidates[0].value)
    if heard.verdict == "silence":
        return AskAgain(silent=True)
    if low_before + 1 >= MOST_LOW:
        return UseKeys()
    if heard.verdict == "rejected":
        return AskAgain(silent=False)
    best, *others = heard.candidates
    if others and heard.margin < _NEAR:
        return AskWhich(best, others[0])
    return Confirm(best)
