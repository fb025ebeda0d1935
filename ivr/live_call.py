"""One call in progress on this node, as the exchange keeps it. Plain state; the exchange decides."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ivr.dialogue import events as told
from ivr.dialogue.actions import Pace
from ivr.lines.port import Key, Line
from orders.values import Language

ADOPTED = -1


@dataclass(frozen=True, slots=True)
class Saying:
    """What the line was last given to play: how long it lasts, and how much of that its notices are."""

    tag: int
    lasts_ms: int
    notices_ms: int


@dataclass(slots=True)
class LiveCall:
    """One call in progress on this node. Touched only by the worker that holds `busy`, but for `waiting`.

    `sequence` is the step at which the call stands, 0 before its first one is stored, ADOPTED until another process's
    record is read. `adopting` is set from the moment a call of another process goes on here until its record is taken.
    `leaving`: the caller has been told that we can't go on, and nothing but the end of the call is stored any more.
    `placed`: the newest thing stored is an order, and nothing is open beside it.
    """

    call: str
    line: Line
    arrived_at: float
    waiting: deque[told.Event] = field(default_factory=deque)
    busy: bool = False
    language: Language = "zh"
    pace: Pace = "normal"
    sequence: int = 0
    tries: int = 0
    saying: Saying = Saying(0, 0, 0)
    placed: bool = False
    gone: bool = False
    leaving: bool = False
    adopting: told.CallArrived | None = None


def key_pressed(live: LiveCall, key: Key) -> told.KeyPressed:
    """A key as the dialogue is told: counted from the call's arrival, beside what was being said."""
    at_ms = max(0, int((key.at - live.arrived_at) * 1000))
    saying = live.saying
    asked_ms = key.heard_ms - saying.notices_ms if key.playing == saying.tag else 0
    return told.KeyPressed(key.key, at_ms, key.heard_ms, max(0, asked_ms), key.playing or 0)
