"""The process that is killed while it hands orders over: the real outbox, dispatcher and connector of one system.

It dies by its own SIGKILL at its n-th point. A point is each time before and after something leaves or enters the
process in a delivery: a statement or a commit, what is sent to or read from a socket, an operation on a file.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from sqlalchemy import select

from orders.connectors.csv_drop.connector import CsvDropConnector
from orders.connectors.http_json.client import HttpSettings
from orders.connectors.http_json.connector import HttpJsonConnector
from orders.connectors.port import Connector
from orders.connectors.sql_tables import SqlTablesConnector
from orders.connectors.tryton import TrytonConnector, TrytonSettings
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.models import OutboxRow
from orders.retrying import RetrySchedule
from orders.store import open_store

STUCK_AFTER_S = 120
STATEMENTS = frozenset({"do_execute", "do_executemany", "do_commit"})
CALLS_OUT = frozenset(
    {"connect", "sendall", "send", "recv", "recv_into", "link", "rename", "replace", "fsync", "write"}
)


class Points:
    """A profile function that counts; the n-th point is this process's last. 0: it counts only."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._lock = threading.Lock()
        self.passed = 0

    def watch(self, frame: FrameType, event: str, what: Any) -> None:
        if event in ("c_call", "c_return"):
            is_point = getattr(what, "__name__", "") in CALLS_OUT
        else:
            is_point = frame.f_code.co_name in STATEMENTS
        if is_point:
            self._pass()

    def _pass(self) -> None:
        with self._lock:
            self.passed += 1
            if self.passed == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(STUCK_AFTER_S)


def connector_of(system: dict[str, Any]) -> Connector:
    """The connector that a side describes: its `kind`, and what its constructor wants."""
    given = {name: value for name, value in system.items() if name != "kind"}
    match system["kind"]:
        case "http_json":
            return HttpJsonConnector(HttpSettings(given["url"], given["secret"].encode(), allow_private=True))
        case "csv_drop":
            return CsvDropConnector(Path(given["folder"]))
        case "tryton":
            return TrytonConnector(TrytonSettings(**given))
    return SqlTablesConnector(given["url"])


def live(store_url: str, last: int, system: dict[str, Any]) -> int:
    """Hand over until nothing is left, or until the n-th point. Returns the points passed."""
    points, store = Points(last), open_store(store_url)
    schedule = RetrySchedule(waits_s=(1,) * 60, probe_every_s=1)
    threading.setprofile(points.watch)
    dispatcher = Dispatcher(HandOver(store, connector_of(system), schedule), node="n1", idle_s=0.02)
    dispatcher.start()
    while True:
        with store.session() as session:
            states = set(session.scalars(select(OutboxRow.state).distinct()))
        if states <= {"sent", "dead"}:
            return points.passed
        time.sleep(0.01)


def main() -> None:
    """Import once, then fork one life for each line of JSON; says "done N", "killed" or "stuck" of each."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for text in sys.stdin:
        job = json.loads(text)
        ours, its = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(STUCK_AFTER_S)
            os.write(its, str(live(job["store"], job["last"], job["system"])).encode())
            os._exit(0)
        os.close(its)
        _, status = os.waitpid(pid, 0)
        os.write(1, f"{_end(status, os.read(ours, 20).decode())}\n".encode())
        os.close(ours)


def _end(status: int, points: str) -> str:
    if not os.WIFSIGNALED(status):
        return "failed" if os.waitstatus_to_exitcode(status) else f"done {points}"
    return "killed" if os.WTERMSIG(status) == signal.SIGKILL else "stuck"


if __name__ == "__main__":
    main()
