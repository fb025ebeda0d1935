"""Timers of calls: one per call, replaced by arming again; a thread waits for the earliest.

Owns no meaning: a timer is (call, generation), and whoever armed it is told when it ran out.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

Expired = Callable[[str, int], None]
"""(call, generation): told on the timers' own thread, must return at once."""


class Timers(Protocol):
    """What the exchange needs of timers; tests give it virtual ones."""

    def arm(self, call: str, generation: int, after_s: float) -> None:
        """Tell (call, generation) after this many seconds, unless armed again or disarmed."""

    def disarm(self, call: str) -> None:
        """Forget the call's timer."""


class ThreadTimers:
    """Timers on the monotonic clock. Start before arming; `stop` forgets them all."""

    def __init__(self, expired: Expired) -> None:
        self._expired = expired
        self._heap: list[tuple[float, int, str, int]] = []
        self._current: dict[str, int] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._running = False
        self._thread = threading.Thread(target=self._run, name="call-timers", daemon=True)

    def start(self) -> None:
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._running = False
            self._changed.notify()
        self._thread.join()

    def arm(self, call: str, generation: int, after_s: float) -> None:
        with self._changed:
            number = next(self._numbers)
            self._current[call] = number
            heapq.heappush(self._heap, (time.monotonic() + after_s, number, call, generation))
            if self._heap[0][1] == number:
                self._changed.notify()

    def disarm(self, call: str) -> None:
        with self._changed:
            self._current.pop(call, None)

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            self._expired(*due)

    def _next_due(self) -> tuple[str, int] | None:
        with self._changed:
            while self._running:
                self._drop_replaced()
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    _, _, call, generation = heapq.heappop(self._heap)
                    del self._current[call]
                    return call, generation
                self._changed.wait(wait)
        return None

    def _drop_replaced(self) -> None:
        while self._heap and self._current.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
