"""The process that the test of two nodes kills and freezes: a real dialler over PostgreSQL, a network made of a file.

Each call that goes out is one line appended to the file, whatever becomes of this process: what the retailers have
heard. Arguments: database URL, node, file, seconds by which this process's clock is wrong.
"""

from __future__ import annotations

import datetime as clocks
import os
import sys
import threading
import time
from datetime import time as of_day
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ivr.dialling.dialler import Dialler
from ivr.dialling.pacing import Pacing
from ivr.dialling.settings import DiallingSettings
from ivr.dialogue.settings import Settings
from ivr.lines import port
from orders.calling import claims
from orders.calling.desk import CallingDesk
from orders.calling.outcomes import RetryPlan
from orders.calling.rules import CallingRules
from orders.calling.schedule import care
from orders.store import open_store
from tests.sipp.placed import noon_somewhere

FAULT = "ORDERLINE_DIALLING_FAULT"
"""Set by the test that proves this test: "impatient" takes calls under way for those of a dead node."""


class Network:
    """A line on which everybody's telephone rings and nobody answers."""

    name = "network"

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.dialler: Dialler

    def dial(self, wish: port.Dialled) -> None:
        os.write(self._file, f"{wish.to} {wish.call}\n".encode())
        threading.Timer(0.1, self._rings, (wish.call,)).start()

    def _rings(self, call: str) -> None:
        self._report(call, port.Ringing(time.time()))
        threading.Timer(0.1, self._report, (call, port.DialFailed("no_answer", 480))).start()

    def _report(self, call: str, event: port.LineEvent) -> None:
        self.dialler.happened(self, call, event)  # type: ignore[arg-type]

    def hang_up(self, call: str) -> None:
        self._report(call, port.DialFailed("cancelled", 487))


def set_clock_wrong(by: timedelta) -> None:
    """For all code of this process that asks what time it is."""
    right = time.time

    class Wrong(clocks.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + by

    time.time = lambda: right() + by.total_seconds()
    for module in list(sys.modules.values()):
        if module.__name__.split(".")[0] in ("orders", "ivr") and getattr(module, "datetime", None) is clocks.datetime:
            module.datetime = Wrong  # type: ignore[attr-defined]


def main(url: str, node: str, file: Path, wrong_by_s: float) -> None:
    set_clock_wrong(timedelta(seconds=wrong_by_s))
    claims.CLAIM_LASTS = timedelta(seconds=1)
    retry = RetryPlan(most=1)
    if os.environ.get(FAULT) == "impatient":
        claims.CALL_LASTS = timedelta(0)
        retry = RetryPlan(wait_s={"not_known": 0, "no_answer": 0}, most=9)
    every_hour = ((of_day(0), of_day(23, 59)),)
    rules = CallingRules(ZoneInfo(noon_somewhere()), every_hour, per_day=10, per_month=30, spacing_s=0)
    store, network = open_store(url), Network(file)
    desk = CallingDesk(rules, retry)
    pacing = Pacing(lines=100, most=20, reserve=0, reserve_at_cutoff=0, starts_per_s=400)
    settings = DiallingSettings(node, pacing, tick_s=0.05)
    network.dialler = Dialler(
        store, desk, [network], settings, live=frozenset, dialogue=Settings  # type: ignore[list-item]
    )  # fmt: skip
    network.dialler.reclaim()
    network.dialler.start()
    while True:
        with store.transaction() as session:
            care(session, desk.now(session), rules, retry, timedelta(0))
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
