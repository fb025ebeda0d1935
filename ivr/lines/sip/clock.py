"""Time for everything in this package: what it is, and "do this later". Tests bring a clock that they turn by hand.

`LoopClock` runs on an asyncio loop but may be asked from any thread; what is due runs on the loop, under the line's
lock. Nothing here knows SIP.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import structlog

from ivr.lines.loop_thread import LoopThread

log = structlog.get_logger(__name__)

Act = Callable[[], object]


class Timer(Protocol):
    """What can still be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """`now` is monotonic seconds, `wall` is `time.time()`."""

    def now(self) -> float: ...

    def wall(self) -> float: ...

    def call_later(self, after_s: float, act: Act) -> Timer: ...


class LoopTimer:
    """One thing to be done; forgets it when called off, so that nothing is held by a timer that lies in the heap."""

    __slots__ = ("act",)

    def __init__(self, act: Act) -> None:
        self.act: Act | None = act

    def cancel(self) -> None:
        self.act = None


class LoopClock:
    """Real time on the loop of `thread`, once that is started; everything due runs with `lock` held."""

    def __init__(self, thread: LoopThread, lock: AbstractContextManager[Any]) -> None:
        self._thread = thread
        self._lock = lock
        self._guard = threading.Lock()
        self._heap: list[tuple[float, int, LoopTimer]] = []
        self._numbers = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._stopped = False

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def call_later(self, after_s: float, act: Act) -> Timer:
        timer = LoopTimer(act)
        with self._guard:
            if self._stopped:
                return timer
            heapq.heappush(self._heap, (self.now() + max(0.0, after_s), next(self._numbers), timer))
            first = self._heap[0][2] is timer
            if first:
                self._thread.loop.call_soon_threadsafe(self._arm)
        return timer

    def stop(self) -> None:
        """Call everything off; later wishes are taken and never done."""
        with self._guard:
            self._stopped = True
            self._heap.clear()
        if self._handle:
            self._handle.cancel()

    def _arm(self) -> None:
        if self._handle:
            self._handle.cancel()
            self._handle = None
        with self._guard:
            if self._heap:
                wait = max(0.0, self._heap[0][0] - self.now())
                self._handle = self._thread.loop.call_later(wait, self._run_due)

    def _run_due(self) -> None:
        for timer in self._due():
            with self._lock:
                act, timer.act = timer.act, None
                if act is None:
                    continue
                try:
                    act()
                except Exception:
                    # One call's fault must not stop the clock of all others.
                    log.exception("sip_timer_fault")
        self._arm()

    def _due(self) -> list[LoopTimer]:
        found = []
        with self._guard:
            now = self.now()
            while self._heap and self._heap[0][0] <= now:
                found.append(heapq.heappop(self._heap)[2])
        return found
