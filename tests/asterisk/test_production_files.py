"""A real Asterisk on the rendered files: no complaints, callers reach people without us, numbers are strict."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from admin.cli.group import orderline
from tests import peers
from tests.get_asterisk import modules_of
from tests.lines.asterisk.pbx import Pbx
from tests.lines.telephone import Telephone, wait_for

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.xdist_group("wire")]


class ProductionPbx(Pbx):
    """Asterisk on what `orderline asterisk render` writes."""

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
        (here / "plant.toml").write_text(
            f'routes = ["carrier"]\n[[trunks]]\nname = "carrier"\nhost = "127.0.0.1"\nport = {self.trunk_port}\n'
            'networks = ["127.0.0.0/8"]\n[[agents]]\nextension = "8001"\npassword_file = "agent.secret"\n'
        )
        options = ["--plant", here / "plant.toml", "--to", self._etc, "--modules", modules, "--data", data]
        options += ["--var", self._work, "--sip-host", "127.0.0.1", "--sip-port", self.sip_port]
        environment = {"ORDERLINE_ASTERISK__PASSWORD": self.password, "ORDERLINE_ASTERISK__URL": self.url}
        done = CliRunner().invoke(
            orderline, ["asterisk", "render", *map(str, options), "--rtp", "21000-21398"], env=environment
        )
        assert done.exit_code == 0, done.output

    def start(self) -> None:
        super().start()
        # Read before any test's call, which may rightly be complained about, whatever the order of the tests.
        self.complaints_at_start = self._complaints()

    def _complaints(self) -> list[str]:
        log = (self._work / "log/asterisk/messages").read_text(errors="replace")
        return [line for line in log.splitlines() if " ERROR[" in line or " WARNING[" in line]


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionPbx]:
    pbx = ProductionPbx(tmp_path_factory.mktemp("production") / "asterisk")
    pbx.start()
    yield pbx
    pbx.kill()


def test_it_starts_without_a_complaint(pbx: ProductionPbx) -> None:
    assert pbx.complaints_at_start == []


@pytest.mark.parametrize("number", ["13800000001", "02712345678", "0101234567", "075512345678"])
def test_mobiles_and_landlines_go_out(pbx: ProductionPbx, number: str) -> None:
    assert "Gosub(route" in pbx.cli(f"dialplan show {number}@outbound")


@pytest.mark.parametrize(
    "number",
    ["16812345", "95588", "110", "0013105551234", "008613800000001", "+13105551234", "12345", "1380000000a"],
)
def test_premium_foreign_and_odd_numbers_do_not(pbx: ProductionPbx, number: str) -> None:
    assert "Gosub(route" not in pbx.cli(f"dialplan show {number}@outbound")


def test_a_smuggled_destination_rings_nowhere(pbx: ProductionPbx) -> None:
    pbx.cli("channel originate Local/500&PJSIP/13800000001@carrier@outbound application Wait 1")
    assert "PJSIP/" not in pbx.cli("core show channels concise")


def test_without_an_order_line_the_agents_queue_takes_the_call(pbx: ProductionPbx) -> None:
    telephone = Telephone(("127.0.0.1", pbx.sip_port), number="13800000001")
    try:
        telephone.invite()
        assert telephone.take_answer(8.0).status == 200
        wait_for(lambda: "No Callers" not in pbx.cli("queue show agents"))
    finally:
        telephone.hang_up()
        telephone.close()
