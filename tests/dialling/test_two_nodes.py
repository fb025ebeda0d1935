"""Two nodes on one PostgreSQL, killed, frozen, their clocks a day off: nobody is called twice, nobody is missed.

A process that dies between writing a call down and placing it leaves a call of which nobody knows whether it rang: it
counts as one, and is settled as not known. No system on this side of the telephone network can do better.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bench.campaign import filled
from bench.postgres_cluster import cluster
from orders.calling.campaigns import Wish, make
from orders.calling.planning import Filters
from orders.calling.rules import CallingRules
from orders.models import CallAttempt, Campaign, CampaignTarget, Phone
from orders.store import Store
from tests.dialling.worker import FAULT
from tests.sipp.placed import noon_somewhere

RETAILERS = 1000
IN_HAND = 20
DISTURBANCES = 8
DAY_AND_AN_HOUR_S = 25 * 3600
ROOT = Path(__file__).resolve().parents[2]


class Node:
    """A worker process; started again under the same name after it was killed."""

    def __init__(self, url: str, name: str, file: Path, fault: str) -> None:
        self._arguments = (url, name, str(file))
        self._fault = fault
        self.process = self._begin(0)

    def _begin(self, wrong_by_s: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.dialling.worker", *self._arguments, str(wrong_by_s)]
        return subprocess.Popen(command, cwd=ROOT, env=os.environ | {FAULT: self._fault}, stdout=subprocess.DEVNULL)

    def kill(self, wrong_by_s: float) -> None:
        """Die and come back with another clock."""
        self.process.kill()
        self.process.wait()
        self.process = self._begin(wrong_by_s)

    def freeze(self, for_s: float) -> None:
        """Stand still, longer than a claim lasts."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(for_s)
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def two_nodes(url: str, file: Path, fault: str = "") -> Iterator[tuple[Node, Node]]:
    nodes = Node(url, "a", file, fault), Node(url, "b", file, fault)
    try:
        yield nodes
    finally:
        for node in nodes:
            node.end()


def begun(store: Store) -> None:
    """A campaign for everybody, begun."""
    now = datetime.now(UTC)
    rules = CallingRules(ZoneInfo(noon_somewhere()))
    ends = now.astimezone(rules.zone).replace(hour=23, minute=50)
    with store.transaction() as session:
        make(session, Wish("reminder", "all", ends.date(), now, ends, Filters()), rules, "test", now)


def left(store: Store) -> int:
    """Targets not settled, and the campaign itself until a node has closed it."""
    with store.session() as session:
        waiting = CampaignTarget.state.not_in(("done", "left_out"))
        targets = session.scalar(select(func.count()).select_from(CampaignTarget).where(waiting)) or 0
        return targets + (session.scalar(select(func.count()).where(Campaign.state != "done")) or 0)


def rang(file: Path) -> Counter[str]:
    """How often each number was called, as the network knows."""
    return Counter(line.split()[0] for line in file.read_text().splitlines()) if file.exists() else Counter()


@pytest.mark.peer("postgres")
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nobody_twice_nobody_missed(tmp_path: Path) -> None:
    calls, chance, kills = tmp_path / "calls", random.Random(6), 0
    with cluster() as url:
        store = filled(url, RETAILERS)
        begun(store)
        with two_nodes(url, calls) as nodes:
            for _ in range(DISTURBANCES):
                time.sleep(chance.uniform(1.5, 2.5))
                node = chance.choice(nodes)
                if chance.random() < 0.6:
                    node.kill(chance.choice((-1, 1)) * DAY_AND_AN_HOUR_S)
                    kills += bool(left(store))
                else:
                    node.freeze(1.5)
            deadline = time.monotonic() + 90
            while left(store) and time.monotonic() < deadline:
                time.sleep(0.2)
        assert not left(store)
        with store.session() as session:
            called = select(Phone.number).join(CampaignTarget, CampaignTarget.retailer_id == Phone.retailer_id)
            wanted = set(session.scalars(called.where(CampaignTarget.state == "done")))
            unknown = set(session.scalars(select(CallAttempt.number).where(CallAttempt.outcome == "not_known")))
        store.close()
    heard = rang(calls)
    assert kills >= 3, "nothing was tested"
    assert len(wanted) == RETAILERS - RETAILERS // 50
    assert {number: times for number, times in heard.items() if times > 1} == {}
    assert wanted - set(heard) - unknown == set()
    assert len(unknown) <= kills * IN_HAND


@pytest.mark.peer("postgres")
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_this_test_would_see_a_second_call(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    with cluster() as url:
        store = filled(url, 100)
        begun(store)
        with two_nodes(url, calls, "impatient"):
            deadline = time.monotonic() + 40
            while time.monotonic() < deadline and not any(times > 1 for times in rang(calls).values()):
                time.sleep(0.2)
        store.close()
    assert any(times > 1 for times in rang(calls).values())
