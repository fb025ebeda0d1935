"""Several askers, one call: nobody is forgotten, one bad record harms no other, waiting ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from orders.connectors.tryton.gathering import MOST_AT_ONCE, Gathered
from orders.connectors.tryton.rpc import Declined, NoAnswer

FAR = time.monotonic() + 3600


class Server:
    """Doubles numbers; declines any call with 13 in it. Holds its first call until `go`."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.busy, self.go = threading.Event(), threading.Event()
        self.turns = threading.Semaphore(1)
        self.ask = Gathered(self.double, self.turns, time.monotonic)

    def double(self, asks: Sequence[int], until: float) -> list[int]:
        self.calls.append(list(asks))
        self.busy.set()
        assert self.go.wait(10)
        if 13 in asks:
            raise Declined("13 is not liked")
        return [2 * ask for ask in asks]

    def waiting(self, count: int) -> None:
        while len(self.ask._waiting) < count:
            threading.Event().wait(0.001)


def test_those_who_come_during_a_call_go_together() -> None:
    server, many = Server(), MOST_AT_ONCE + 5
    with ThreadPoolExecutor(many + 1) as pool:
        first = pool.submit(server.ask, 0, FAR)
        assert server.busy.wait(10)
        others = [pool.submit(server.ask, number, FAR) for number in range(101, many + 101)]
        server.waiting(many)
        server.go.set()
        assert first.result() == 0
        assert [other.result() for other in others] == [2 * number for number in range(101, many + 101)]
    assert [len(call) for call in server.calls] == [1, MOST_AT_ONCE, 5]


def test_one_bad_ask_harms_no_other() -> None:
    server = Server()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(server.ask, 0, FAR)
        assert server.busy.wait(10)
        good, bad, last = (pool.submit(server.ask, number, FAR) for number in (12, 13, 14))
        server.waiting(3)
        server.go.set()
        assert (first.result(), good.result(), last.result()) == (0, 24, 28)
        with pytest.raises(Declined):
            bad.result()


def test_who_has_no_time_left_is_told_and_not_asked_for() -> None:
    server = Server()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.ask, 0, FAR)
        assert server.busy.wait(10)
        with pytest.raises(NoAnswer, match="too slow"):
            server.ask(5, time.monotonic() - 1)
        server.go.set()
        assert first.result() == 0
    assert server.calls == [[0]]
