"""The process that the crash test kills: real runner, exchange, dispatcher and databases behind a line made of pipes.

It dies by its own SIGKILL when it passes its n-th point. A point is every place where something was, or is about to
be, written or said: around each commit, around each thing the line does, around each delivery to the sales system.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from ivr.dialogue.settings import Settings
from ivr.exchange import Exchange
from ivr.lines import port
from ivr.runner import Runner
from orders.connectors.port import Claim, Delivery, SalesOrder
from orders.connectors.sql_tables import SqlTablesConnector
from orders.demo import load_demo
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.migrations import upgrade
from orders.order_desk import DomainOrderDesk
from orders.retrying import RetrySchedule
from orders.store import open_store
from speech.prompt import Clip, Prompt

PIN_KEY = b"crash"
FAULT = "ORDERLINE_CRASH_FAULT"
"""Set by the test that proves this test: "dedupe" switches the sales system's knowledge of order keys off."""


class Points:
    """Counts points; the n-th is this process's last."""

    def __init__(self, last: int) -> None:
        self._left = last
        self._lock = threading.Lock()

    def passed(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)


class PipeLine:
    """A line whose far end is the test: what is played goes out as one line of text."""

    name = "pipe"

    def __init__(self, points: Points) -> None:
        self._points = points
        self.playing: dict[str, int] = {}

    def _tell(self, *words: object) -> None:
        self._points.passed()
        os.write(1, (" ".join(str(word) for word in words) + "\n").encode())
        self._points.passed()

    def answer(self, call: str) -> None:
        self._tell("ANSWER", call)

    def reject(self, call: str, cause: str) -> None:
        self._tell("REJECT", call, cause)

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        self.playing[call] = tag
        self._tell("PLAY", call, tag, ",".join(clip.name for clip in clips))

    def stop(self, call: str) -> None: ...

    def transfer(self, call: str, target: str) -> None: ...

    def hang_up(self, call: str) -> None:
        self._tell("HANGUP", call)

    def dial(self, wish: port.Dialled) -> None: ...


class NamesAsClips:
    """Clips that carry the prompt's name and arguments instead of sound."""

    def clip(self, said: Prompt, language: str, pace: str) -> Clip:
        arguments = ";".join(f"{name}={value}" for name, value in said.arguments if name == "tail")
        nowhere = Path("/dev/null")
        return Clip(said.name, f"{said.name}({arguments})", nowhere, nowhere, nowhere, 1000)


class WatchedConnector(SqlTablesConnector):
    def __init__(self, url: str, points: Points) -> None:
        super().__init__(url)
        self._points = points

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:
        self._points.passed()
        if os.environ.get(FAULT) == "dedupe":
            order = replace(order, order_key=f"{order.order_key}-{time.time_ns()}")
        delivered = super().deliver(order, claim)
        self._points.passed()
        return delivered


def live(folder: Path, last: int, today: str) -> None:
    """One life: until the n-th point, or until told to quit."""
    points = Points(last)
    store = open_store(f"sqlite:///{folder / 'orders.db'}")
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, date.fromisoformat(today), PIN_KEY)
    event.listen(Session, "before_commit", lambda _session: points.passed())
    event.listen(Session, "after_commit", lambda _session: points.passed())
    sales = WatchedConnector(f"sqlite:///{folder / 'sales.db'}", points)
    dispatcher = Dispatcher(HandOver(store, sales, RetrySchedule()), idle_s=0.05)
    runner = Runner(store, DomainOrderDesk(PIN_KEY), node="n1", boot=f"{os.getpid()}-{time.time()}")
    runner.end_orphans()
    exchange = Exchange(runner, NamesAsClips(), dialogue=Settings(), order_placed=dispatcher.wake)
    line: Any = PipeLine(points)
    report = exchange.events_of(lambda: line)
    exchange.start()
    dispatcher.start()
    os.write(1, b"READY\n")
    for text in sys.stdin:
        _obey(text.split(), report, line)


def _obey(words: list[str], report: port.LineEvents, line: PipeLine) -> None:
    match words:
        case ["ARRIVE", call, caller]:
            report(call, port.Arrived(caller, "95001", time.time()))
        case ["KEY", call, key]:
            report(call, port.Key(key, time.time(), 3000, line.playing.pop(call, None)))
        case ["GONE", call]:
            report(call, port.Gone("caller_hung_up"))
        case ["QUIT"]:
            os._exit(0)


def main() -> None:
    """Import once, then fork one life for each line "folder last-point today" and print its pid.

    Each life talks through two named pipes in its folder.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for text in sys.stdin:
        folder, last, today = text.split()
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(f"{folder}/in", os.O_RDONLY), 0)
            os.dup2(os.open(f"{folder}/out", os.O_WRONLY), 1)
            sys.stdin = os.fdopen(0, "r")
            live(Path(folder), int(last), today)
            os._exit(0)
        os.write(1, f"{pid}\n".encode())


if __name__ == "__main__":
    main()
