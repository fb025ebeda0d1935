"""Two nodes, each a process of its own, on one PostgreSQL; a balancer of the tests before them; a call at the cloud."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select

from admin.config import Config
from admin.opening import load_demo_data, open_database
from orders.models import Call, Order
from tests.lines.telephone import wait_for
from tests.lines.twilio.cloud import ACCOUNT, NUMBER, PUBLIC, TOKEN, Cloud, CloudCall
from tests.sipp.placed import free_tcp_port, noon_somewhere

PIN_KEY = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 60.0
PAUSE_S = 1
LISTENS_S = PAUSE_S + 0.7
"""What a caller hears before a key, and the pause after it: an order is not confirmed unheard."""


class Site:
    """Both nodes answer under one public address; the balancer asks the first that lives."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder, self._database = folder, database
        self._ports = {"a": free_tcp_port(), "b": free_tcp_port()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.answered: list[str] = []
        self.client = httpx.Client(timeout=20)
        config = Config(data=str(folder), timezone=noon_somewhere(), database={"url": database}, orders=_PIN)  # type: ignore[arg-type]
        self.store = open_database(config)
        load_demo_data(config, self.store)
        self.cloud = Cloud(self.post)

    def start(self, node: str) -> None:
        """Start a node and wait until it answers."""
        file = self._folder / f"{node}.toml"
        file.write_text(self._configuration(node), encoding="utf-8")
        secrets = {"ORDERLINE_TWILIO__TOKEN": TOKEN, "ORDERLINE_ORDERS__PIN_KEY": PIN_KEY}
        with (self._folder / f"{node}.log").open("ab") as log:
            command = [str(Path(sys.executable).parent / "orderline"), "--config", str(file), "serve"]
            self._processes[node] = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | secrets)
        wait_for(lambda: self._answers(node), PATIENCE_S)

    def alive(self, node: str) -> bool:
        return self._processes[node].poll() is None

    def kill(self, node: str) -> None:
        self._processes[node].send_signal(signal.SIGKILL)
        self._processes[node].wait()

    def kill_soon(self, node: str, after_s: float) -> threading.Timer:
        """Kill it in a moment, whatever it is doing then."""
        timer = threading.Timer(after_s, self.kill, (node,))
        timer.start()
        return timer

    def post(self, url: str, params: dict[str, str], signature: str) -> tuple[int, str]:
        """Implements `cloud.Post`: the balancer. A node that dies over a request is as good as one that was dead."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        for node, process in list(self._processes.items()):
            if process.poll() is not None:
                continue
            address = f"http://127.0.0.1:{self._ports[node]}{path}"
            try:
                answer = self.client.post(address, data=params, headers={"X-Twilio-Signature": signature})
            except httpx.TransportError:
                continue
            self.answered.append(node)
            return answer.status_code, answer.text
        raise OSError("no node lives")

    def heard(self, call: CloudCall) -> list[str]:
        """The sounds that are being played, as fetched: hashes of their bytes."""
        return [self._fetched(url) for url in call.sounds]

    def listen(self) -> None:
        time.sleep(LISTENS_S)

    def order_lines(self, call: CloudCall) -> list[str]:
        with self.store.session() as session:
            return list(session.scalars(select(Order.order_no).where(Order.call_id == f"tw-{call.sid}")))

    def ended(self, call: CloudCall) -> str:
        with self.store.session() as session:
            return session.scalar(select(Call.end_cause).where(Call.id == f"tw-{call.sid}")) or ""

    def close(self) -> None:
        self.client.close()
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        self.store.close()

    def _fetched(self, url: str) -> str:
        parts = urlsplit(url)
        for node, process in self._processes.items():
            if process.poll() is None:
                answer = self.client.get(f"http://127.0.0.1:{self._ports[node]}{parts.path}?{parts.query}")
                assert answer.status_code == 200, answer.text
                return hashlib.sha256(answer.content).hexdigest()
        raise OSError("no node lives")

    def _answers(self, node: str) -> bool:
        assert self._processes[node].poll() is None, (self._folder / f"{node}.log").read_text(encoding="utf-8")
        try:
            return self.client.get(f"http://127.0.0.1:{self._ports[node]}/sign-in").status_code == 200
        except httpx.TransportError:
            return False

    def _configuration(self, node: str) -> str:
        return "\n".join(
            (
                f'data = "{self._folder / node}"',
                f'node = "{node}"',
                f'timezone = "{noon_somewhere()}"',
                f'[database]\nurl = "{self._database}"',
                f'[speech]\ncache = "{self._folder / node / "prompts"}"\nlanguages = ["zh"]',
                f'[twilio]\nenabled = true\naccount = "{ACCOUNT}"\nnumber = "{NUMBER}"\npublic_url = "{PUBLIC}"',
                f"key_pause_s = {PAUSE_S}",
                "[sip]\nenabled = false",
                f"[web]\nport = {self._ports[node]}",
                '[log]\nlevel = "info"\nformat = "json"',
            )
        )


_PIN = {"pin_key": PIN_KEY}
