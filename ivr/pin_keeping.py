"""PIN digits between their keys and their check: in memory only, never in a state, an event or a log.

Everything else of a call may be stored; these few characters live here, until the step that checks them has run.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from ivr.dialogue.collectors import LONE_DIGITS, Digits
from ivr.dialogue.events import Event, KeyPressed
from ivr.dialogue.flow import STAGES
from ivr.dialogue.state import SECRET_DIGIT, CallState


def is_secret(state: CallState) -> bool:
    """Whether the stage stood in takes a PIN."""
    collector = STAGES[state.stage].listens(state) if state.stage in STAGES else None
    return isinstance(collector, Digits) and collector.secret


class PinKeeper:
    """What was keyed so far at secret stages, by call."""

    def __init__(self) -> None:
        self._digits: dict[str, str] = {}
        self._lock = threading.Lock()

    def masked(self, call: str, state: CallState, event: Event) -> tuple[Event, str]:
        """The event as dialogue and log may see it, and the PIN so far with this key."""
        with self._lock:
            digits = self._digits.get(call, "")[: len(state.entry)]
        if not isinstance(event, KeyPressed) or not is_secret(state):
            return event, digits
        if event.key.isdigit():
            return replace(event, key=SECRET_DIGIT), digits + event.key
        if (lone := digits + event.key) in LONE_DIGITS:
            # A single 0 or 9 is no PIN but the wish it is everywhere.
            return replace(event, key=lone), ""
        return event, digits

    def keep(self, call: str, state: CallState, digits: str) -> None:
        """Remember what the new state still counts; forget the rest."""
        with self._lock:
            if is_secret(state) and state.entry and len(digits) >= len(state.entry):
                self._digits[call] = digits[: len(state.entry)]
            else:
                self._digits.pop(call, None)
