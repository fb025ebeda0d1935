"""`orderline serve --demo --once`: exit 0 only if today's order of the demonstration call is in the sales database."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 120

pytestmark = pytest.mark.xdist_group("wire")


def serve_once(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    ports = {"ORDERLINE_SIP__PORT": free_port(), "ORDERLINE_WEB__PORT": free_port()}
    environment = os.environ | {"ORDERLINE_DATA": str(folder), **ports, **environ}
    command = [Path(sys.executable).with_name("orderline"), "serve", "--demo", "--once"]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def sold(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "sales.db") as sales:
        return [key for (key,) in sales.execute("SELECT order_key FROM sales_orders ORDER BY id")]


def test_once_and_once_more(tmp_path: Path) -> None:
    first = serve_once(tmp_path)
    assert first.returncode == 0, first.stderr
    assert "The order as it stands in the sales database" in first.stdout
    (key,) = sold(tmp_path)
    assert key in first.stdout
    again = serve_once(tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(sold(tmp_path)) == 2
    assert sold(tmp_path)[1] in again.stdout


def test_an_older_order_with_the_same_tail_is_no_excuse(tmp_path: Path) -> None:
    """The sales system of today is out of reach, yesterday's orders are what was found there before."""
    assert serve_once(tmp_path).returncode == 0
    (tmp_path / "sales.db").rename(tmp_path / "yesterday.db")
    away = serve_once(tmp_path, ORDERLINE_SALES__URL="postgresql://nobody@127.0.0.1:1/none")
    assert away.returncode == 1
    assert "has not reached the sales database" in away.stdout
