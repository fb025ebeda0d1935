"""A real Asterisk on what `orderline asterisk render` writes: two trunks, one agent, a plant file."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from admin.cli.group import orderline
from tests import peers
from tests.get_asterisk import modules_of
from tests.lines.asterisk.pbx import Pbx
from tests.sipp.placed import free_tcp_port


def plant_text(pbx: Pbx, more: str = "") -> str:
    """The plant: `carrier` first, whose calls come from 127.0.0.1; then `spare`, from 127.0.0.2; and `more`."""
    trunks = "".join(
        f'[[trunks]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {port}\nnetworks = ["{source}"]\nmax_calls = 2\n'
        for name, port, source in (
            ("carrier", pbx.trunk_port, "127.0.0.1"),
            ("spare", pbx.agent_port, "127.0.0.2"),
        )
    )
    agent = '[[agents]]\nextension = "8001"\npassword_file = "agent.secret"\n'
    return f'routes = ["carrier", "spare"]\n{trunks}{agent}{more}'


class ProductionPbx(Pbx):
    """Asterisk on the rendered files; `more` is added to the plant file."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self._more = more
        self.manager_port = free_tcp_port()
        super().__init__(folder)

    @property
    def plant_file(self) -> Path:
        return self._etc.parent / "plant.toml"

    def _write(self) -> None:
        modules, data = modules_of(peers.require("asterisk")["asterisk"])
        here = self._etc.parent
        here.mkdir(parents=True)
        self._work.mkdir()
        for name in ("lib/asterisk/moh", "lib/asterisk/keys", "spool/asterisk", "run/asterisk", "log/asterisk"):
            (self._work / name).mkdir(parents=True)
        (self._work / "log/asterisk/cdr-csv").mkdir()
        (self._work / "log/asterisk/cel-custom").mkdir()
        # A second of silence, so that those who wait have something to hear.
        (self._work / "lib/asterisk/moh/silence.alaw").write_bytes(b"\xd5" * 8000)
        (here / "agent.secret").write_text("agent-secret")
        self.plant_file.write_text(plant_text(self, self._more))
        options = ["--plant", self.plant_file, "--to", self._etc, "--modules", modules, "--data", data]
        options += ["--var", self._work, "--sip-host", "127.0.0.1", "--sip-port", self.sip_port]
        environment = {"ORDERLINE_ASTERISK__PASSWORD": self.password, "ORDERLINE_ASTERISK__URL": self.url}
        environment["ORDERLINE_ASTERISK__MANAGER_PORT"] = str(self.manager_port)
        done = CliRunner().invoke(
            orderline, ["asterisk", "render", *map(str, options), "--rtp", "21000-21398"], env=environment
        )
        assert done.exit_code == 0, done.output

    def start(self) -> None:
        super().start()
        # Read before any test's call, which may rightly be complained about, whatever the order of the tests.
        self.complaints_at_start = self.complaints()

    def complaints(self) -> list[str]:
        log = (self._work / "log/asterisk/messages").read_text(errors="replace")
        return [line for line in log.splitlines() if " ERROR[" in line or " WARNING[" in line]


def require_boards_driver() -> None:
    """Fail, saying what to do, where this Asterisk has no chan_dahdi, which is a package of its own."""
    modules, _data = modules_of(peers.require("asterisk")["asterisk"])
    assert (modules / "chan_dahdi.so").exists(), (
        "this Asterisk has no chan_dahdi: as root apt-get install asterisk-dahdi, or remove .peers/asterisk and "
        ".peers/bin/asterisk and run `make peers`"
    )
