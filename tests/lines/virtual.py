"""What stands in for time and for the media process in unit tests: a clock turned by hand, streams on paper.

Both are strict: a stream that is used before it is opened, or never closed, fails the test.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ivr.media.port import StreamPlan
from speech.prompt import Clip

NOWHERE = Path("nowhere")


class VirtualTimer:
    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        self.act = None


class VirtualClock:
    """Implements `ivr.lines.sip.clock.Clock`; nothing happens but in `advance`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._heap: list[tuple[float, int, VirtualTimer]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + 1_700_000_000

    def call_later(self, after_s: float, act: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(act)
        heapq.heappush(self._heap, (self._now + max(0.0, after_s), next(self._numbers), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass; what falls due happens at its own moment, in order."""
        until = self._now + seconds
        while self._heap and self._heap[0][0] <= until:
            due, _, timer = heapq.heappop(self._heap)
            self._now = due
            if timer.act is not None:
                act, timer.act = timer.act, None
                act()
        self._now = until

    @property
    def pending(self) -> int:
        """How many timers still wait to do something."""
        return sum(timer.act is not None for _, _, timer in self._heap)


@dataclass
class WrittenMedia:
    """Implements `ivr.media.port.MediaPort` on paper."""

    open_streams: dict[str, tuple[str, int]] = field(default_factory=dict)
    plans: dict[str, StreamPlan] = field(default_factory=dict)
    played: list[tuple[str, int]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    injected: list[tuple[str, str]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    is_full: bool = False
    _ports: itertools.count[int] = field(default_factory=lambda: itertools.count(30000, 2))

    def open(self, stream: str) -> tuple[str, int]:
        if self.is_full:
            raise OSError("no free RTP port")
        assert stream not in self.open_streams, "opened twice"
        self.opened.append(stream)
        self.open_streams[stream] = ("127.0.0.1", next(self._ports))
        return self.open_streams[stream]

    def connect(self, stream: str, plan: StreamPlan) -> None:
        assert stream in self.open_streams, "connected before it was opened"
        self.plans[stream] = plan

    def play(self, stream: str, clips: Sequence[Clip], tag: int) -> None:
        assert stream in self.plans, "played before it was connected"
        self.played.append((stream, tag))

    def stop_playing(self, stream: str) -> None:
        assert stream in self.open_streams
        self.stopped.append(stream)

    def press(self, stream: str, keys: str) -> None:
        raise AssertionError("the line presses no keys")

    def inject_key(self, stream: str, key: str) -> None:
        assert stream in self.open_streams
        self.injected.append((stream, key))

    def close(self, stream: str) -> None:
        assert stream in self.open_streams, "closed twice, or never opened"
        del self.open_streams[stream]
        self.plans.pop(stream, None)


def clip(name: str = "greeting", ms: int = 1000) -> Clip:
    return Clip(name, name, NOWHERE, NOWHERE, NOWHERE, ms)
