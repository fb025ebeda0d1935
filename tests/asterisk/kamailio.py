"""A real Kamailio on `asterisk_conf/kamailio`, with the values and the list of a test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import peers
from tests.lines.shared_media import free_port
from tests.lines.telephone import wait_for

SHIPPED = peers.ROOT / "asterisk_conf" / "kamailio" / "kamailio.cfg"
MODULES = "lib/*/kamailio/modules"
NODE, CARRIER = 1, 2
CARRIER_HOST = "127.0.0.2"
"""From here carriers ask; nodes ask from 127.0.0.1."""


class Kamailio:
    """`nodes` and `carriers` are ports, those of carriers in the order in which they are tried."""

    def __init__(self, folder: Path, nodes: Iterable[int], carriers: Iterable[int] = ()) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.port = free_port()
        shutil.copy(SHIPPED, folder)
        (folder / "local.cfg").write_text(
            f"#!define LISTEN udp:127.0.0.1:{self.port}\n"
            f'#!substdef "!LIST!{folder / "dispatcher.list"}!g"\n#!substdef "!CONTROL!{folder / "ctl"}!g"\n'
        )
        lines = [f"{NODE} sip:127.0.0.1:{port} 0 0" for port in nodes]
        lines += [f"{CARRIER} sip:{CARRIER_HOST}:{port} 0 {100 - at}" for at, port in enumerate(carriers)]
        (folder / "dispatcher.list").write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def check(self) -> str:
        """What it says of its configuration."""
        done = subprocess.run([*self._command(), "-c"], capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            command = [*self._command(), "-DD", "-E", "-n", "2", "-m", "32", "-M", "8", "-Y", str(self._folder)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        process = self._process
        wait_for(lambda: (self._folder / "ctl").exists() or process.poll() is not None, 20)
        assert process.poll() is None, self.log()

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def _command(self) -> list[str]:
        program = peers.require("kamailio")["kamailio"]
        tree = peers.ROOT / ".peers" / "tree" / "usr" if program.is_relative_to(peers.UNPACKED) else Path("/usr")
        (modules,) = tree.glob(MODULES)
        return [str(program), "-f", str(self._folder / "kamailio.cfg"), "-L", str(modules)]


@contextmanager
def running_kamailio(folder: Path, nodes: Iterable[int], carriers: Iterable[int] = ()) -> Iterator[Kamailio]:
    kamailio = Kamailio(folder, nodes, carriers)
    try:
        kamailio.start()
        yield kamailio
    finally:
        kamailio.stop()
