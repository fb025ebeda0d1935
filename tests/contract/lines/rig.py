"""What a kind of line brings so that the contract suite can run against it: the line, and somebody at its far end.

A rig owns its line and whatever the line needs (media process, PBX, fake cloud). The suite speaks to the line through
`ivr.lines.port` only, and to the other side through `FarEnd`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol

from ivr.lines.port import Line, LineEvent
from speech.prompt import Clip

Way = Literal["event", "info", "tone"]
Ability = Literal["refuses", "rings", "transfers", "dials", "dials_told_apart", "notices_the_dead", "asserts_called"]
PATIENCE_S = 8.0


class FarEnd(Protocol):
    """A person with a telephone. Every method returns when its effect is on the wire."""

    def is_picked_up(self) -> bool: ...

    def press(self, key: str, way: Way) -> None: ...

    def hears(self) -> str:
        """The name of the clip that is heard now; "" for silence."""

    def give_up(self) -> None:
        """Stop calling before anybody picked up."""

    def hang_up(self) -> None: ...

    def vanish(self) -> None:
        """The battery is out: nothing is sent or answered any more."""

    def is_over(self) -> bool:
        """Whether the line has refused or ended the call."""

    def asked_to_call(self) -> str:
        """The target of a transfer that was asked for, "" while none was."""

    def report_transfer(self, *, done: bool) -> None: ...


class Rig(Protocol):
    """One line, started. `abilities`: what this kind of line can do at all; `ways`: how keys may come."""

    line: Line
    abilities: frozenset[Ability]
    ways: tuple[Way, ...]

    def call_in(self, caller: str = "13800000001") -> FarEnd:
        """Somebody calls."""

    def somebody_at(self, behaviour: Literal["answers", "busy", "declines", "rings", "challenges"]) -> str:
        """A number or URI that can be dialled, with somebody there who does this."""

    def nobody(self) -> str:
        """A number or URI where nothing listens."""

    def clip(self, name: str, ms: int) -> Clip:
        """A clip whose sound the far end can tell from others."""

    def close_line(self) -> None: ...


class Events:
    """Where the line reports: events of each call in order, to be waited for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._told: dict[str, list[LineEvent]] = {}

    def __call__(self, call: str, event: LineEvent) -> None:
        with self._changed:
            self._told.setdefault(call, []).append(event)
            self._changed.notify_all()

    def calls(self) -> list[str]:
        with self._changed:
            return list(self._told)

    def of(self, call: str) -> list[LineEvent]:
        with self._changed:
            return list(self._told.get(call, []))

    def wait(self, what: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + within_s
        with self._changed:
            while not what():
                left = deadline - time.monotonic()
                assert left > 0, self._told
                self._changed.wait(min(left, 0.05))

    def next_call(self, known: int) -> str:
        """The id of the call after so many."""
        self.wait(lambda: len(self._told) > known)
        return self.calls()[known]

    def wait_for(self, call: str, kind: type[LineEvent], count: int = 1, within_s: float = PATIENCE_S) -> LineEvent:
        """The last of `count` events of this kind."""
        self.wait(lambda: sum(isinstance(e, kind) for e in self._told.get(call, [])) >= count, within_s)
        return [event for event in self.of(call) if isinstance(event, kind)][count - 1]
