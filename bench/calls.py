"""How many SIP calls at once, every digit right and evenly paced, and how long from a key to the next sound.

The whole order line under the real dialogue (licence's last six, hash, PIN question) beside stock pyVoIP in the same
scenario and the same run; both as processes of their own, load from this one, all on loopback.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.result import Result, quantile
from bench.served import cpu_seconds, frames_of, free_port, served
from bench.telephones import Heard, Scenario, run_calls

LEVELS = (300, 200, 100, 50)
PYVOIP_LEVELS = (100, 50, 25)
MOST_P99_MS = 30.0
KEYS = "100001#"
BURDENS = ("busy", "hung")


def run() -> Result:
    """Try from the highest level down; the first at which all digits are right and the pacing holds counts."""
    figures = _order_line(LEVELS)
    same_level = (int(figures["concurrent"]) or 50,)
    for burden in BURDENS:
        figures |= {f"{burden}_{name}": value for name, value in _order_line(same_level, burden).items()}
    baseline = _pyvoip()
    if baseline.get("concurrent"):
        figures["concurrent_ratio"] = round(figures["concurrent"] / baseline["concurrent"], 2)
    notes = (
        "caller and line share this machine's cores; gaps by kernel time stamps; busy_*: the same beside a CPU-bound "
        "Python thread in the application; hung_*: the same while the sales system takes connections and says nothing, "
        "with 200 orders waiting for it"
    )
    return Result("calls", figures, baseline, notes)


def _order_line(levels: tuple[int, ...], burden: str = "") -> dict[str, float]:
    figures: dict[str, float] = {}
    for calls in levels:
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            environment = os.environ | {
                "ORDERLINE_DATA": folder,
                "ORDERLINE_SIP__PORT": str(port),
                "ORDERLINE_WEB__PORT": str(free_port()),
                "ORDERLINE_SIP__MAX_CALLS": "400",
                "ORDERLINE_LOG__LEVEL": "error",
            }
            command = [sys.executable, "-m", "bench.line_under_test", *([burden] if burden else [])]
            with _silence() as silent, served(command, environment | _sales_at(silent, burden)) as (process, ready):
                right = frames_of(Path(ready.split()[1]).read_bytes())
                scenario = Scenario(("127.0.0.1", port), KEYS, right)
                figures = _measured(scenario, calls, process)
        if _holds(figures):
            break
    if not _holds(figures):
        figures["concurrent"] = 0
    return figures


@contextmanager
def _silence() -> Iterator[int]:
    """A port of loopback that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        yield server.getsockname()[1]


def _sales_at(port: int, burden: str) -> dict[str, str]:
    if burden != "hung":
        return {}
    return {
        "ORDERLINE_SALES__SYSTEM": "http_json",
        "ORDERLINE_SALES__HTTP__URL": f"http://127.0.0.1:{port}/orderline",
        "ORDERLINE_SALES__HTTP__SECRET": "only a bench knows this secret",
        "ORDERLINE_SALES__HTTP__ALLOW_PRIVATE": "true",
    }


def _pyvoip() -> dict[str, float]:
    figures: dict[str, float] = {}
    for calls in PYVOIP_LEVELS:
        port = free_port()
        command = [sys.executable, "-W", "ignore", "-m", "bench.stock_pyvoip", str(port)]
        with served(command, dict(os.environ)) as (process, _):
            # pyVoIP re-codes what it plays, so any sound after the last key is the answer, which only right keys get;
            # it can't be interrupted either, so its prompt of 3 s has to be over before the first key.
            scenario = Scenario(("127.0.0.1", port), KEYS, _Anything(), payload_type=0, listen_s=4.0, caller="bench")
            figures = _measured(scenario, calls, process)
        if _holds(figures):
            break
    if not _holds(figures):
        figures["concurrent"] = 0
    return figures


class _Anything(frozenset[bytes]):
    def __contains__(self, frame: object) -> bool:
        return True


def _measured(scenario: Scenario, calls: int, process: psutil.Process) -> dict[str, float]:
    before, began = cpu_seconds(process), time.monotonic()
    heard = run_calls(scenario, calls)
    share = (cpu_seconds(process) - before) / (time.monotonic() - began)
    return _figures(heard, calls, share)


def _figures(heard: Heard, calls: int, share: float) -> dict[str, float]:
    return {
        "concurrent": calls,
        "answered": heard.answered,
        "digits_right": round(heard.right / calls, 4),
        "pacing_p99_ms": round(quantile(heard.gaps, 0.99), 2),
        "packets_per_s": round(quantile(heard.packets_per_s, 0.5), 2),
        "key_to_audio_p50_ms": round(quantile(heard.key_to_audio, 0.5), 1),
        "key_to_audio_p99_ms": round(quantile(heard.key_to_audio, 0.99), 1),
        "cpu_per_100_calls": round(share * 100 * 100 / calls, 1),
    }


def _holds(figures: dict[str, float]) -> bool:
    return figures["digits_right"] == 1.0 and figures["pacing_p99_ms"] <= MOST_P99_MS
