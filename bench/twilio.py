"""How long Twilio waits for our answers with a hundred calls at once, beside an empty view behind the same server.

Callers order by code, at a person's pace, a hundred of them on the line together. Each webhook is signed, taken through
the whole node (signature, record, steps with their commit, TwiML) and answered over real HTTP. Each order is counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import aiohttp
import psutil
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from bench.postgres_cluster import NoPostgres, cluster, free_port
from bench.result import Result, quantile
from orders.models import Order
from orders.store import open_store

CALLS = 100
ARRIVE_WITHIN_S = 10.0
KEYS = ("1", "1234#", "1", "101#", "1#", "102#", "1#", "301#", "1#", "#", "1")
LISTENS_S = (3.0, 7.0)
"""How long a caller takes for one prompt and its key, with the two seconds' pause that ends the keys."""

ACCOUNT, TOKEN, PUBLIC = "AC" + "0" * 32, "a token of the bench", "https://bench.example.com"
NUMBER = "+862160001111"


@dataclass
class Callers:
    """A hundred callers of one server; `waited` are the times of all answers, `first` those to all dialling at once."""

    port: int
    empty: bool = False
    waited: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    validator: RequestValidator = field(default_factory=lambda: RequestValidator(TOKEN))
    chance: random.Random = field(default_factory=lambda: random.Random(8))

    async def call_all(self, listens: tuple[float, float]) -> None:
        """They dial within ten seconds, and go on each at its own pace."""
        # Every fourth shop of the demo data has a usual basket, and would be asked about it.
        numbers = [number for number in range(CALLS * 2) if number % 4][:CALLS]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(self._call(session, number, listens) for number in numbers))

    async def dial_all(self) -> None:
        """All dial at the very same moment."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            dialled = (self._ask(session, PUBLIC + "/twilio/voice", _posted(CALLS * 2 + one)) for one in range(CALLS))
            self.first += [took for _, took in await asyncio.gather(*dialled)]

    async def _call(self, session: aiohttp.ClientSession, number: int, listens: tuple[float, float]) -> None:
        params = _posted(number)
        await asyncio.sleep(self.chance.uniform(0, ARRIVE_WITHIN_S))
        document, took = await self._ask(session, PUBLIC + "/twilio/voice", params)
        self.waited.append(took)
        for keys in KEYS:
            await asyncio.sleep(self.chance.uniform(*listens))
            action = PUBLIC + "/twilio/voice/keys?step=1" if self.empty else _action(document)
            document, took = await self._ask(session, action, {**params, "Digits": keys})
            self.waited.append(took)

    async def _ask(self, session: aiohttp.ClientSession, url: str, params: dict[str, str]) -> tuple[str, float]:
        headers = {"X-Twilio-Signature": self.validator.compute_signature(url, params)}
        at = url.replace(PUBLIC, f"http://127.0.0.1:{self.port}")
        began = time.perf_counter()
        async with session.post(at, data=params, headers=headers) as answer:
            text = await answer.text()
            took = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{url} answered {answer.status}")
        return text, took


def run(calls_listen: tuple[float, float] = LISTENS_S) -> Result:
    """Measure SQLite, PostgreSQL where it can be had, and the empty view."""
    figures: dict[str, float] = {"calls": CALLS}
    notes = f"{CALLS} calls at once, {len(KEYS) + 1} webhooks each; all_dial_p95_ms: {CALLS} callers dial in one moment"
    with tempfile.TemporaryDirectory() as folder:
        _measure("", f"sqlite:///{Path(folder) / 'orderline.db'}", calls_listen, figures)
    try:
        with cluster() as url:
            _measure("postgres_", url, calls_listen, figures)
    except NoPostgres as missing:
        notes += f"; PostgreSQL not measured: {missing}"
    with _server("empty", "sqlite://") as (port, _):
        empty = Callers(port, empty=True)
        asyncio.run(empty.call_all(calls_listen))
        asyncio.run(empty.dial_all())
    baseline = {
        "answer_p50_ms": _ms(empty.waited, 0.5),
        "answer_p95_ms": _ms(empty.waited, 0.95),
        "all_dial_p95_ms": _ms(empty.first, 0.95),
    }
    notes += f"; load average of the machine afterwards: {os.getloadavg()[0]:.1f}"
    figures["ratio_p95"] = round(figures["answer_p95_ms"] / max(baseline["answer_p95_ms"], 0.01), 1)
    return Result("twilio", figures, baseline, notes)


def _measure(kind: str, url: str, listens: tuple[float, float], figures: dict[str, float]) -> None:
    with _server("node", url) as (port, server):
        callers = Callers(port)
        before = _cpu_s(server)
        asyncio.run(callers.call_all(listens))
        used = _cpu_s(server) - before
        asyncio.run(callers.dial_all())
        store = open_store(url)
        with store.session() as session:
            mine = select(func.count()).where(Order.call_id.startswith("tw-"))
            placed = session.execute(mine).scalar_one()
        store.close()
    if placed != CALLS:
        raise RuntimeError(f"{placed} orders of {CALLS} calls: the callers' keys no longer fit the dialogue")
    figures[f"{kind}answer_p50_ms"] = _ms(callers.waited, 0.5)
    figures[f"{kind}answer_p95_ms"] = _ms(callers.waited, 0.95)
    figures[f"{kind}answer_p99_ms"] = _ms(callers.waited, 0.99)
    figures[f"{kind}cpu_ms_per_webhook"] = round(used * 1000 / len(callers.waited), 1)
    figures[f"{kind}all_dial_p95_ms"] = _ms(callers.first, 0.95)


@contextmanager
def _server(what: str, database: str) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "DATA": folder,
            "DATABASE__URL": database,
            "WEB__PORT": str(port),
            "SIP__ENABLED": "false",
            "LOG__LEVEL": "error",
            "TWILIO__ENABLED": "true",
            "TWILIO__ACCOUNT": ACCOUNT,
            "TWILIO__TOKEN": TOKEN,
            "TWILIO__NUMBER": NUMBER,
            "TWILIO__PUBLIC_URL": PUBLIC,
        }
        environment = os.environ | {f"ORDERLINE_{name}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "bench.webhooks_under_test", what]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            if not process.stdout.readline().startswith("READY"):
                raise RuntimeError("the server under test does not start: its last lines say why")
            yield port, psutil.Process(process.pid)
        finally:
            process.communicate(timeout=60)


def _posted(number: int) -> dict[str, str]:
    """What comes with each webhook of the call of this shop."""
    return {
        "CallSid": f"CA{number:032x}",
        "AccountSid": ACCOUNT,
        "From": f"+86135{number:08d}",
        "To": NUMBER,
        "CallStatus": "in-progress",
    }


def _cpu_s(server: psutil.Process) -> float:
    """What the node and its step process have used of the processor: it tells also on a machine busy with others."""
    times = [one.cpu_times() for one in (server, *server.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def _action(document: str) -> str:
    """Where this document wants keys to go."""
    gather = ET.fromstring(document).find("Gather")
    if gather is None:
        raise RuntimeError(f"nobody listens any more: {document}")
    return gather.attrib["action"]


def _ms(values: list[float], share: float) -> float:
    return round(quantile(values, share) * 1000, 1)
