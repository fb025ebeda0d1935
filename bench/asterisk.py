"""How many calls a real Asterisk carries with orderline behind it, beside its own dialplan in the same scenario.

Callers hear a question, key seven digits into it and hear the next one. Capacity is the most calls at once of which
none failed, every digit was right, and sound came within 100 ms of the last key's end for 95 of 100. Callers, Asterisk
and order line share this machine's cores. Needs the tests' real peers (`make peers`).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil

from bench.result import Result, quantile
from bench.served import cpu_seconds, frames_of, free_port, served
from bench.telephones import Heard, Scenario, run_calls
from tests.lines.asterisk.pbx import Pbx

LEVELS = (400, 300, 250, 200, 150, 100, 50)
CALLS_PER_S = 40.0
COMPARED_AT = 100
KEYS = "100001#"
MOST_P95_MS = 100.0
LISTEN_S = 1.5
RTP_PORTS = 1400
CONNECT_S = 3.0

Started = Callable[[], AbstractContextManager[tuple[int, psutil.Process, psutil.Process | None]]]
"""Starts one of the two; gives the SIP port, Asterisk's process and ours, if any."""


def run() -> Result:
    """Both from the highest level down; and both at a hundred calls, where delays are compared."""
    with tempfile.TemporaryDirectory() as folder:
        prompts, welcome, wanted = _prompts(Path(folder))
        right = frames_of(wanted.read_bytes())
        baseline = _capacity("asterisk's dialplan", lambda: _native(welcome, wanted), right)
        figures = _capacity("orderline", lambda: _orderline(prompts), right)
    if baseline["capacity"]:
        figures["capacity_ratio"] = round(figures["capacity"] / baseline["capacity"], 2)
    notes = (
        f"capacity: the most of {', '.join(map(str, LEVELS))} calls at once with none failed, all digits right and key "
        f"to sound p95 within {MOST_P95_MS:.0f} ms; at_{COMPARED_AT}_*: the same at {COMPARED_AT} calls; cpu_*: "
        "percent of a core; Asterisk tells a key at its end, from which time runs; sound comes in "
        f"frames of 20 ms; calls begin {CALLS_PER_S:.0f} a second, and each has sound for its first seconds only"
    )
    return Result("asterisk", figures, baseline, notes)


def _prompts(folder: Path) -> tuple[Path, Path, Path]:
    """The folder of rendered prompts, and of them the first question and the one that is asked next, in a-law."""
    command = [sys.executable, "-m", "bench.line_under_test"]
    ports = {f"ORDERLINE_{name}__PORT": str(free_port()) for name in ("SIP", "WEB")}
    environment = {"ORDERLINE_DATA": str(folder), **ports}
    with served(command, os.environ | environment) as (_, ready):
        _, wanted, welcome = ready.split()
    return folder / "prompts", Path(welcome), Path(wanted)


def _capacity(name: str, started: Started, right: frozenset[bytes]) -> dict[str, float]:
    """Of one of the two: what it carries, and its figures at that level and at a hundred."""
    figures: dict[str, float] = {"capacity": 0}
    for calls in LEVELS:
        measured = _measured(started, calls, right)
        print(f"{name}, {calls} calls: {measured}", file=sys.stderr, flush=True)
        if _holds(measured):
            figures = {"capacity": calls, **measured}
            break
    at_hundred = figures if figures["capacity"] == COMPARED_AT else _measured(started, COMPARED_AT, right)
    shown = ("key_to_audio_p50_ms", "key_to_audio_p95_ms", "key_to_audio_p99_ms", "cpu_asterisk", "cpu_orderline")
    return figures | {f"at_{COMPARED_AT}_{name}": at_hundred[name] for name in shown}


def _holds(figures: dict[str, float]) -> bool:
    return (
        figures["digits_right"] == 1.0 and figures["answered"] == 1.0 and figures["key_to_audio_p95_ms"] < MOST_P95_MS
    )


def _measured(started: Started, calls: int, right: frozenset[bytes]) -> dict[str, float]:
    with started() as (port, asterisk, orderline):
        shares = [_share(asterisk), _share(orderline)]
        before, began = [share() for share in shares], time.monotonic()
        heard = run_calls(_scenario(port, right), calls, per_second=CALLS_PER_S)
        took = time.monotonic() - began
        used = [(share() - was) / took * 100 for share, was in zip(shares, before, strict=True)]
    return _figures(heard, calls) | {"cpu_asterisk": round(used[0], 1), "cpu_orderline": round(used[1], 1)}


def _scenario(port: int, right: frozenset[bytes]) -> Scenario:
    return Scenario(("127.0.0.1", port), KEYS, right, listen_s=LISTEN_S, from_key_end=True)


def _share(process: psutil.Process | None) -> Callable[[], float]:
    return lambda: cpu_seconds(process) if process else 0.0


def _figures(heard: Heard, calls: int) -> dict[str, float]:
    times = heard.key_to_audio
    quantiles = {f"key_to_audio_p{share}_ms": round(quantile(times, share / 100), 1) for share in (50, 95, 99)}
    return {
        "answered": round(heard.answered / calls, 4),
        "digits_right": round(heard.right / calls, 4),
        "packets_per_s": round(quantile(heard.packets_per_s, 0.5), 2),
        **quantiles,
    }


@contextmanager
def _native(welcome: Path, wanted: Path) -> Iterator[tuple[int, psutil.Process, psutil.Process | None]]:
    """Asterisk alone: its dialplan asks, reads the keys and asks again."""
    with _asterisk() as pbx:
        (pbx.etc / "extensions.conf").write_text(
            "[from-trunk]\n"
            f"exten => _X.,1,Answer()\n same => n,Read(code,{welcome.with_suffix('')},7)\n"
            f" same => n,Playback({wanted.with_suffix('')})\n same => n,Wait(60)\n same => n,Hangup()\n"
            "[nowhere]\n"
        )
        with (pbx.etc / "modules.conf").open("a") as modules:
            modules.write("load = app_read.so\n")
        pbx.start()
        yield pbx.sip_port, psutil.Process(pbx.pid), None


@contextmanager
def _orderline(prompts: Path) -> Iterator[tuple[int, psutil.Process, psutil.Process | None]]:
    """Asterisk with a node of ours: the same questions by the real dialogue, each step stored."""
    with _asterisk() as pbx, tempfile.TemporaryDirectory() as folder:
        pbx.start()
        environment = {
            "ORDERLINE_DATA": folder,
            "ORDERLINE_SPEECH__CACHE": str(prompts),
            "ORDERLINE_SIP__ENABLED": "false",
            "ORDERLINE_WEB__PORT": str(free_port()),
            "ORDERLINE_LOG__LEVEL": "error",
            "ORDERLINE_ASTERISK__ENABLED": "true",
            "ORDERLINE_ASTERISK__URL": pbx.url,
            "ORDERLINE_ASTERISK__USER": pbx.user,
            "ORDERLINE_ASTERISK__PASSWORD": pbx.password,
            "ORDERLINE_ASTERISK__MAX_CALLS": "700",
        }
        with served([sys.executable, "-m", "bench.line_under_test"], os.environ | environment) as (process, _):
            time.sleep(CONNECT_S)
            yield pbx.sip_port, psutil.Process(pbx.pid), process


@contextmanager
def _asterisk() -> Iterator[Pbx]:
    with tempfile.TemporaryDirectory() as folder:
        pbx = Pbx(Path(folder) / "asterisk", rtp_ports=RTP_PORTS)
        try:
            yield pbx
        finally:
            pbx.kill()
