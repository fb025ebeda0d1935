"""Nodes of their own processes at one database, and at one Asterisk or each at its own; a retailer on the telephone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from admin.config import Config
from admin.opening import load_demo_data, open_database
from orders.models.calls import Call, CallEvent
from tests.lines.asterisk.pbx import Pbx
from tests.lines.telephone import Telephone, wait_for
from tests.sipp.placed import free_tcp_port, noon_somewhere

PIN_KEY = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 60.0
SILENCE = bytes([0xD5]) * 160


class Site:
    """One database with the demo data, and nodes that are started and killed; `own` are Asterisks of single nodes."""

    def __init__(
        self, folder: Path, pbx: Pbx, database: str, prompts: Path, own: Mapping[str, Pbx] | None = None
    ) -> None:
        self._folder, self._pbx, self._database, self._prompts = folder, pbx, database, prompts
        self._own = dict(own or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._telephones: list[Telephone] = []
        self._since = self._spoke = 0.0
        config = Config(data=str(folder), timezone=noon_somewhere(), database={"url": database}, orders=_PIN)  # type: ignore[arg-type]
        self.store = open_database(config)
        load_demo_data(config, self.store)

    def start(self, *nodes: str) -> None:
        """Start them, and wait until Asterisk knows them and lists no calls they could not have taken up."""
        for node in nodes:
            file = self._folder / f"{node}.toml"
            file.write_text(self._configuration(node), encoding="utf-8")
            secrets = {"ORDERLINE_ASTERISK__PASSWORD": self._pbx.password, "ORDERLINE_ORDERS__PIN_KEY": PIN_KEY}
            with (self._folder / f"{node}.log").open("ab") as log:
                command = [str(Path(sys.executable).parent / "orderline"), "--config", str(file), "serve"]
                process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | secrets)
            self._processes[node] = process
        for node in nodes:
            self.wait(lambda node=node: self.log(node).count("ari_up") >= 1, PATIENCE_S)  # type: ignore[misc]

    def node_with_the_call(self) -> str:
        """Which node has the only call."""
        asked = urllib.request.Request(f"{self._pbx.url}/ari/applications")
        login = b64encode(f"{self._pbx.user}:{self._pbx.password}".encode()).decode()
        asked.add_header("Authorization", f"Basic {login}")
        with urllib.request.urlopen(asked, timeout=5) as answer:
            listed: list[dict[str, Any]] = json.load(answer)
        having = [app["name"].removeprefix("orderline-") for app in listed if app["channel_ids"]]
        return having[0] if having else ""

    def send(self, node: str, what: signal.Signals) -> None:
        self._processes[node].send_signal(what)
        if what is signal.SIGKILL:
            self._processes[node].wait()
            (self._folder / f"{node}.log").rename(self._folder / f"{node}.old.log")

    def call(self, number: str = "13800000001", own_host: str = "127.0.0.1", port: int = 0) -> Telephone:
        """A call to the Asterisk, or to whatever listens on `port`, answered."""
        telephone = Telephone(target=("127.0.0.1", port or self._pbx.sip_port), number=number, own_host=own_host)
        self._telephones.append(telephone)
        telephone.invite()
        telephone.take_answer(PATIENCE_S)
        telephone.sound.send(8, SILENCE)
        return telephone

    def key(self, telephone: Telephone, keys: str) -> None:
        """As who listens a second first: an order is not confirmed by what was keyed before its read-back."""
        frames = telephone.sound.frames
        self.wait(lambda: sum(at > self._since for at, _, _ in frames[-200:]) > 30, 20)
        for key in keys:
            telephone.sound.press_at_pace(key)
        self._since = time.monotonic()

    def stage(self) -> str:
        """Where the newest call stands, by the database."""
        with self.store.session() as session:
            return session.scalar(select(Call.stage).order_by(Call.started_at.desc()).limit(1)) or ""

    def wait_for_stage(self, stage: str) -> None:
        self.wait(lambda: self.stage() == stage, 20)

    def wait_until_taken_over(self, telephone: Telephone, boot: str, within_s: float) -> None:
        """Until the newest call is another process's than this, and the caller hears something from it.

        A prompt that was playing plays on without any process: sound alone shows nothing.
        """
        self.wait(lambda: self.calls()[-1].boot != boot, within_s)
        taken_over = time.monotonic()
        heard = telephone.sound.frames
        self.wait(lambda: heard[-1][0] > taken_over, within_s)
        self._since = taken_over

    def calls(self) -> list[Call]:
        with self.store.session() as session:
            return list(session.scalars(select(Call).order_by(Call.started_at)))

    def events(self) -> list[str]:
        with self.store.session() as session:
            return list(session.scalars(select(CallEvent.event).order_by(CallEvent.call_id, CallEvent.sequence)))

    def log(self, node: str) -> str:
        file = self._folder / f"{node}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def close(self) -> None:
        for telephone in self._telephones:
            telephone.close()
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.store.close()

    def wait(self, what: Callable[[], bool], within_s: float) -> None:
        """With sound from the telephones meanwhile: Asterisk hangs up when it hears nothing for six seconds."""

        def with_sound() -> bool:
            if time.monotonic() - self._spoke > 0.5:
                self._spoke = time.monotonic()
                for telephone in self._telephones:
                    if telephone.sound.to is not None:
                        telephone.sound.talk(SILENCE, 8)
            return what()

        wait_for(with_sound, within_s)

    def _configuration(self, node: str) -> str:
        return "\n".join(
            (
                f'data = "{self._folder / node}"',
                f'node = "{node}"',
                f'timezone = "{noon_somewhere()}"',
                f'[database]\nurl = "{self._database}"',
                f'[speech]\ncache = "{self._prompts}"\nlanguages = ["zh"]',
                f'[asterisk]\nenabled = true\nurl = "{self._own.get(node, self._pbx).url}"',
                "[sip]\nenabled = false",
                f"[web]\nport = {free_tcp_port()}",
                '[log]\nlevel = "info"\nformat = "json"',
            )
        )


_PIN = {"pin_key": PIN_KEY}
