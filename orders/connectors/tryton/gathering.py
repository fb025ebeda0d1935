"""One call for several threads: what they ask at the same time goes to the server together.

In Tryton most of a call's cost is the call, not the records in it: ten sales quoted at once take a third of the time of
ten quoted one by one (bench/sales).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from orders.connectors.tryton.rpc import Declined, NoAnswer, ServerFault

Ask = TypeVar("Ask")
Told = TypeVar("Told")

MOST_AT_ONCE = 20


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Ask, Told]):
    ask: Ask
    told: Told | None = None
    error: Exception | None = None
    done: bool = False


class Gathered(Generic[Ask, Told]):
    """`together(asks, until)` answers many at once, in their order; calling this object asks for one.

    While a call is under way, or none of the `turns` that all kinds of calls share is free, the others wait; whoever
    comes next takes all of them along. When the server declines a call of several, each is asked on its own: one bad
    order says nothing about the others.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Ask], float], Sequence[Told]],
        turns: threading.Semaphore,
        now: Callable[[], float],
    ) -> None:
        self._together = together
        self._turns = turns
        self._now = now
        self._under_way = threading.Lock()
        self._list_lock = threading.Lock()
        self._waiting: list[_Waiting[Ask, Told]] = []

    def __call__(self, ask: Ask, until: float) -> Told:
        mine: _Waiting[Ask, Told] = _Waiting(ask)
        with self._list_lock:
            self._waiting.append(mine)
        if not self._under_way.acquire(timeout=max(0.0, until - self._now())):
            self._withdraw(mine)
            raise NoAnswer("Tryton is too slow: the calls before this one are not answered yet")
        try:
            while not mine.done:
                self._in_turn(until)
        finally:
            self._under_way.release()
            self._withdraw(mine)
        if mine.error is not None:
            raise mine.error
        return mine.told  # type: ignore[return-value]  # done without an error: it was told

    def _in_turn(self, until: float) -> None:
        if not self._turns.acquire(timeout=max(0.0, until - self._now())):
            raise NoAnswer("Tryton is too slow: other calls are not answered yet")
        try:
            self._take(until)
        finally:
            self._turns.release()

    def _take(self, until: float) -> None:
        with self._list_lock:
            some, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        try:
            self._answer(some, until)
        except (Declined, ServerFault) as error:
            if len(some) == 1:
                some[0].error = error
            else:
                self._one_by_one(some, until)
        except Exception as error:
            for each in some:
                each.error = error
        for each in some:
            each.done = True

    def _one_by_one(self, some: Sequence[_Waiting[Ask, Told]], until: float) -> None:
        for each in some:
            try:
                self._answer([each], until)
            except Exception as error:
                each.error = error

    def _answer(self, some: Sequence[_Waiting[Ask, Told]], until: float) -> None:
        told = self._together([each.ask for each in some], until)
        if len(told) != len(some):
            raise ServerFault(f"Tryton answered {len(told)} of {len(some)}")
        for each, one in zip(some, told, strict=True):
            each.told = one

    def _withdraw(self, mine: _Waiting[Ask, Told]) -> None:
        with self._list_lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
