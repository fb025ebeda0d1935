"""One call in progress on this node, as the exchange keeps it. Plain state; the exchange decides."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ivr.dialogue import events as told
from ivr.dialogue.actions import Pace
from ivr.lines.port import Line
from orders.values import Language

CLOCK_SET_BACK_MS = 200
"""The pause assumed between two keys when the clock went back between them: a human's pace."""


ADOPTED = -1


@dataclass(slots=True)
class LiveCall:
    """One call in progress on this node. Touched only by the worker that holds `busy`, but for `waiting`.

    `sequence` is the step at which the call stands, 0 before its first one is stored, ADOPTED until another process's
    record is read. `adopting` is set from the moment a call of another process goes on here until its record is taken.
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
    last_key_ms: int = 0
    gone: bool = False
    leaving: bool = False
    adopting: told.CallArrived | None = None


def key_ms(live: LiveCall, at: float) -> int:
    """When a key was pressed, in ms since the call arrived. A clock that was set back must not make keys bounces."""
    pressed_ms = int((at - live.arrived_at) * 1000)
    if pressed_ms < live.last_key_ms:
        pressed_ms = live.last_key_ms + CLOCK_SET_BACK_MS
        live.arrived_at = at - pressed_ms / 1000
    live.last_key_ms = pressed_ms
    return pressed_ms
