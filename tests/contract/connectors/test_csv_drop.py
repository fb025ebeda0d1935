"""The drop folder keeps the contract of connectors, whatever operation of the disk fails and wherever it is killed."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orders.connectors.csv_drop.connector import CsvDropConnector
from orders.connectors.csv_drop.disk import Disk
from orders.connectors.csv_drop.files import acknowledgements
from orders.connectors.port import Accepted, Refused, SalesOrder, Unknown
from tests.contract.connectors.killed import DeathContract
from tests.contract.connectors.relay import Fault
from tests.contract.connectors.suite import ORDER, ConnectorContract, Note, SalesSide


class FailingDisk(Disk):
    """Fails at the n-th operation: before it (the disk is full), or after it (done, but the answer is an error)."""

    def __init__(self) -> None:
        self.fault = Fault()
        self._done = 0

    def arm(self, fault: Fault) -> None:
        self.fault, self._done = fault, 0

    @contextmanager
    def _operation(self) -> Iterator[None]:
        strikes = self.fault.kind == "refuse" or (self.fault.kind != "none" and self._done == self.fault.after)
        self._done += 1
        if strikes and self.fault.kind in ("refuse", "reset"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield
        if strikes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def write(self, path: Path, data: bytes) -> None:
        if self.fault.kind == "half_answer" and self._done == self.fault.after:
            path.with_name(f".{path.name}.half").write_bytes(data[: len(data) // 2])
        with self._operation():
            super().write(path, data)

    def link(self, path: Path, name: Path) -> None:
        with self._operation():
            super().link(path, name)

    def move(self, path: Path, name: Path) -> None:
        with self._operation():
            super().move(path, name)

    def list(self, folder: Path) -> list[Path]:
        with self._operation():
            return super().list(folder)


class DropSide:
    most_answers = 5

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = FailingDisk()
        self.connector = CsvDropConnector(folder, self._disk)

    def arm(self, fault: Fault) -> None:
        self._disk.arm(fault)

    def times_held(self, order_key: str) -> int:
        return sum(row["order_key"] == order_key for row in taken(self._folder / "out")) // 2

    def description(self) -> dict[str, object]:
        return {"kind": "csv_drop", "folder": str(self._folder)}

    def poisoned(self, order: SalesOrder) -> SalesOrder:
        return replace(order, order_key="../../etc/passwd")


def taken(out: Path) -> list[dict[str, Any]]:
    """What the sales system reads: every finished file that its manifest vouches for."""
    rows: list[dict[str, Any]] = []
    for path in sorted(out.glob("*.csv")):
        manifest = json.loads(path.with_suffix(".manifest.json").read_text())
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == manifest["sha256"]
        own = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert (len(own), sum(int(row["accepted"]) for row in own)) == (manifest["lines"], manifest["cartons"])
        rows += own
    return rows


class TestCsvDrop(ConnectorContract, DeathContract):
    @pytest.fixture
    def side(self, tmp_path: Path) -> SalesSide:
        return DropSide(tmp_path / "drop")


def test_what_the_other_side_has_taken_away_does_not_come_again(tmp_path: Path) -> None:
    connector = CsvDropConnector(tmp_path / "drop")
    connector.deliver(ORDER, Note())
    for path in (tmp_path / "drop" / "out").iterdir():
        path.unlink()
    assert isinstance(connector.deliver(ORDER, Note()), Accepted)
    assert taken(tmp_path / "drop" / "out") == []
    assert [one.order_key for one in connector.held(ORDER.order_day)] == [ORDER.order_key]


def test_a_key_of_another_day_is_the_same_key(tmp_path: Path) -> None:
    connector = CsvDropConnector(tmp_path / "drop")
    connector.deliver(ORDER, Note())
    assert isinstance(connector.deliver(replace(ORDER, order_day="2026-11-24"), Note()), Refused)


def test_acknowledgements_are_read_back_the_last_word_counts(tmp_path: Path) -> None:
    connector = CsvDropConnector(tmp_path / "drop")
    connector.deliver(ORDER, Note())
    ack = tmp_path / "drop" / "ack"
    (ack / "1.csv").write_text(f"order_key,status,reason\n{ORDER.order_key},待扣款,\n")
    (ack / "2.csv").write_bytes(f"order_key,status,reason\n{ORDER.order_key},已拒绝,余额不足\n".encode("gb18030"))
    (ack / "3.csv.part").write_text(f"order_key,status,reason\n{ORDER.order_key},debited,\n")
    (held,) = connector.held(ORDER.order_day)
    assert (held.status, held.reason) == ("rejected", "余额不足")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xff", b"order_key\nx\n", b"order_key,status\nx,sold\n", b'order_key,status\n"x']
)
def test_rubbish_acknowledges_nothing(content: bytes) -> None:
    assert list(acknowledgements(content)) == []


def test_a_share_that_is_not_mounted_is_no_empty_folder(tmp_path: Path) -> None:
    away = CsvDropConnector(tmp_path / "not mounted" / "drop").deliver(ORDER, Note())
    assert isinstance(away, Unknown)
    assert "mount it" in away.reason


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    CsvDropConnector(tmp_path / "drop").deliver(replace(ORDER, retailer="=cmd()"), Note())
    assert {row["retailer"] for row in taken(tmp_path / "drop" / "out")} == {"'=cmd()"}


KILLED = """
import os, signal, sys
from pathlib import Path
from orders.connectors.csv_drop.connector import CsvDropConnector
from orders.connectors.csv_drop.disk import Disk
from tests.contract.connectors.suite import ORDER, Note

class Dying(Disk):
    left = int(sys.argv[2])
    def _settle(self, folder):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        super()._settle(folder)

CsvDropConnector(Path(sys.argv[1]), Dying()).deliver(ORDER, Note())
"""


@pytest.mark.parametrize("step", range(6))
def test_killed_at_each_step_then_exactly_one_order(tmp_path: Path, step: int) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "drop"), str(step)], check=False)
    assert died.returncode == (-signal.SIGKILL if step < 5 else 0)
    in_between = taken(tmp_path / "drop" / "out")
    assert isinstance(CsvDropConnector(tmp_path / "drop").deliver(ORDER, Note()), Accepted)
    assert len(taken(tmp_path / "drop" / "out")) == 2
    assert len(in_between) in (0, 2)
