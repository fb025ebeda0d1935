"""A real Asterisk for tests: private folders and ports, a trunk to call in on, an agent's phone."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from tests import peers
from tests.get_asterisk import modules_of
from tests.lines.shared_media import free_port

CONF = Path(__file__).parent / "conf"
BOOT_S = 30.0


class Pbx:
    """One Asterisk below `folder`. Ports stay the same when it is started again."""

    user, password = "orderline", "secret"

    def __init__(self, folder: Path, rtp_ports: int = 398) -> None:
        self._rtp_ports = rtp_ports
        self._program = peers.require("asterisk")["asterisk"]
        self._etc, self._work = folder / "etc", folder / "work"
        self.sip_port, self.trunk_port, self.agent_port = free_port(), free_port(), free_port()
        self._http_port = _free_tcp_port()
        self.url = f"http://127.0.0.1:{self._http_port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._write()

    def start(self) -> None:
        with (self._work / "console").open("ab") as console:
            command = [self._program, "-C", self._etc / "asterisk.conf", "-f"]
            self._process = subprocess.Popen(command, stdout=console, stderr=console, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + BOOT_S
        while "fully booted" not in self.cli("core waitfullybooted"):
            assert self._process.poll() is None, (self._work / "console").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "Asterisk does not come up"
            time.sleep(0.05)

    @property
    def etc(self) -> Path:
        """Its configuration, which may be changed until it is started."""
        return self._etc

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cli(self, command: str) -> str:
        asked = [self._program, "-C", self._etc / "asterisk.conf", "-rx", command]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=BOOT_S)
        return done.stdout + done.stderr

    def kill(self) -> None:
        """As when the power goes."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def complaints(self) -> list[str]:
        """Errors in its log."""
        log = self._work / "full"
        return [line for line in log.read_text(errors="replace").splitlines() if " ERROR[" in line]

    def _write(self) -> None:
        modules, data = modules_of(self._program)
        self._etc.mkdir(parents=True)
        self._work.mkdir(parents=True)
        first = free_port() // 2 * 2
        first = min(first, 65_400 - self._rtp_ports)
        values = {
            "etc": self._etc,
            "work": self._work,
            "modules": modules,
            "data": data,
            "http_port": self._http_port,
            "sip_port": self.sip_port,
            # As on machines of their own: calls are named after the Asterisk that has them.
            "entity": f"02:00:00:00:{self.sip_port >> 8:02x}:{self.sip_port & 255:02x}",
            "trunk_port": self.trunk_port,
            "agent_port": self.agent_port,
            "rtp_first": first,
            "rtp_last": first + self._rtp_ports,
        }
        for file in CONF.iterdir():
            # The dialplan has "${…}" of its own.
            text = file.read_text(encoding="utf-8")
            written = text if file.name == "extensions.conf" else Template(text).substitute(values)
            (self._etc / file.name).write_text(written, encoding="utf-8")


@contextmanager
def running_pbx(folder: Path) -> Iterator[Pbx]:
    """A started Asterisk, gone afterwards with its files."""
    pbx = Pbx(folder)
    try:
        pbx.start()
        yield pbx
    finally:
        pbx.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_tcp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
