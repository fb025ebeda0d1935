"""kill -9 at 200 seeded points of an order call: what the caller was told equals what the sales system has.

After each death the process is started again and the caller dials again, until it has been told an order number. Then
the sales database must hold exactly that order, once, with the lines that were read back.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import inspect
from sqlalchemy import select as select_rows

from orders.connectors.sql_tables import SalesLineRow, SalesOrderRow
from orders.store import open_store

SEEDS = 200
BATCHES = 20
POINTS_IN_A_CALL = 120
CALLER = "13800000001"
ANSWERS = {
    "other_choice": "1",
    "pin_wanted": "1234#",
    "main_menu": "1",
    "resume_choice": "1",
    "take_over_choice": "1",
    "confirm_choice": "1",
}
ORDERED = {"101": 10, "205": 2, "102": 3}


class Nursery:
    """A process that has imported everything once and forks a worker for each life."""

    def __init__(self, **environment: str) -> None:
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def life(self, folder: Path, last_point: int) -> Process:
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
        for pipe in ("in", "out"):
            (folder / pipe).unlink(missing_ok=True)
            os.mkfifo(folder / pipe)
        assert self._mother.stdin
        assert self._mother.stdout
        self._mother.stdin.write(f"{folder} {last_point} {today}\n")
        return Process(int(self._mother.stdout.readline()), folder)

    def close(self) -> None:
        self._mother.kill()
        self._mother.communicate()


class Process:
    """One life of the worker."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self._to = (folder / "in").open("w", buffering=1)
        self._out = (folder / "out").open()

    def tell(self, *words: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._to.write(" ".join(words) + "\n")

    def heard(self) -> str | None:
        """The next line, or None when the process is dead."""
        return self._out.readline().strip() or None

    def wait_for_death(self, within_s: float) -> None:
        select.select([self._out], [], [], within_s)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._out.read()
        self._out.close()
        with contextlib.suppress(BrokenPipeError):
            self._to.close()


class Caller:
    """A retailer who wants one order of ORDERED and dials until it was told a number."""

    def __init__(self) -> None:
        self.told: str = ""
        self._entered: set[str] = set()

    def call(self, process: Process) -> bool:
        """One call; True when told a number, False when the process died under it."""
        call = uuid.uuid4().hex
        process.tell("ARRIVE", call, CALLER)
        while (heard := process.heard()) is not None:
            words = heard.split(" ", 3)
            if words[0] == "PLAY" and words[1] == call:
                self._answer(process, call, words[3])
                if self.told:
                    process.tell("GONE", call)
                    return True
        return False

    def _answer(self, process: Process, call: str, prompts: str) -> None:
        if tail := re.search(r"(?:order_accepted|order_registered|already_ordered)\(tail=(\d+)\)", prompts):
            self.told = tail.group(1)
            return
        last = prompts.rsplit(",", 1)[-1].partition("(")[0]
        for key in self._keys(last, prompts):
            process.tell("KEY", call, key)

    def _keys(self, last: str, prompts: str) -> str:
        match last:
            case "usual_choice":
                return "3"
            case "article_wanted" | "next_article":
                # What was noted before the death is still in the draft, and naming it again only replaces it.
                if "article_wanted" in prompts and "line_noted" not in prompts:
                    self._entered.clear()
                left = [code for code in ORDERED if code not in self._entered]
                if not left:
                    return "#"
                self._entered.add(left[0])
                return f"{left[0]}#"
            case "quantity_wanted" | "quantity_again":
                code = next(reversed([code for code in ORDERED if code in self._entered]))
                return f"{ORDERED[code]}#"
            case "limit_choice":
                return "1"
        return ANSWERS.get(last, "")

    def forget_unsure(self) -> None:
        """Dialling again, the caller names everything once more: it does not know what was noted."""
        self._entered.clear()


def sales(folder: Path) -> list[tuple[str, dict[str, int]]]:
    """What the sales system has: (order number, {code: cartons}) of each order."""
    if not (folder / "sales.db").exists():
        return []
    store = open_store(f"sqlite:///{folder / 'sales.db'}")
    # The worker may be making the tables at this very moment.
    if not inspect(store.engine).has_table("sales_order_lines"):
        store.close()
        return []
    with store.session() as session:
        orders = session.scalars(select_rows(SalesOrderRow)).all()
        found = []
        for order in orders:
            lines = session.scalars(select_rows(SalesLineRow).where(SalesLineRow.order_id == order.id))
            found.append((order.order_no, {line.article_code: line.accepted for line in lines}))
    store.close()
    return found


def handed_over(folder: Path, within_s: float = 20.0) -> list[tuple[str, dict[str, int]]]:
    """The sales database once the outbox has nothing left to send: only then would a second delivery be seen."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with contextlib.closing(sqlite3.connect(folder / "orders.db", timeout=5)) as orders:
            states = [state for (state,) in orders.execute("SELECT state FROM outbox")]
        if states and set(states) == {"sent"}:
            break
        time.sleep(0.02)
    return sales(folder)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def ready_made(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Path:
    """A database with the demo data: each life would otherwise spend most of its time making one."""
    folder = tmp_path_factory.mktemp("ready")
    process = nursery.life(folder, 0)
    assert process.heard() == "READY"
    process.tell("QUIT")
    process.end()
    for pipe in ("in", "out"):
        (folder / pipe).unlink()
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_told_equals_sold(tmp_path: Path, nursery: Nursery, ready_made: Path, batch: int) -> None:
    for seed in range(batch, SEEDS, BATCHES):
        folder = tmp_path / str(seed)
        shutil.copytree(ready_made, folder)
        _one(nursery, folder, _deaths(seed))


def _deaths(seed: int) -> tuple[int, ...]:
    """Every point of the call is somebody's first death; every second caller meets another one on redialling."""
    first = seed % POINTS_IN_A_CALL + 1
    return (first, random.Random(seed).randint(1, POINTS_IN_A_CALL)) if seed % 2 else (first,)


def _one(nursery: Nursery, folder: Path, deaths: tuple[int, ...]) -> None:
    """One caller's way through these deaths to an order number; the last life is not cut short."""
    caller = Caller()
    for last_point in (*deaths, 0):
        process = nursery.life(folder, last_point)
        try:
            if process.heard() == "READY":
                caller.forget_unsure()
                told = bool(caller.told) or caller.call(process)
                if told and last_point == 0:
                    _compare(folder, caller)
                    return
                if told:
                    # Told while death was still ahead: give the hand-over a chance to meet it.
                    process.wait_for_death(0.3)
        finally:
            process.end()
    raise AssertionError(f"deaths at {deaths}: the caller was never told a number")


def _compare(folder: Path, caller: Caller) -> None:
    found = handed_over(folder)
    assert [number[-4:] for number, _ in found] == [caller.told]
    assert found[0][1] == ORDERED


@pytest.mark.slow
def test_a_sales_system_without_memory_would_be_seen(tmp_path: Path, ready_made: Path) -> None:
    """The check proven by a seeded fault: with its dedupe off, a death after delivery makes two orders of one."""
    faulty = Nursery(ORDERLINE_CRASH_FAULT="dedupe")
    seen = []
    try:
        for point in range(108, 130):
            folder = tmp_path / str(point)
            shutil.copytree(ready_made, folder)
            try:
                _one(faulty, folder, (point,))
            except AssertionError as difference:
                seen.append(str(difference))
                break
    finally:
        faulty.close()
    assert seen
