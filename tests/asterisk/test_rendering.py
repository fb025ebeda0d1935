"""What is rendered from a plant file; bad plants are told; secrets stay with their owner."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from admin.cli.group import orderline
from ivr.lines.asterisk.rendering import render
from ivr.plant import PlantError, plant_of

PLANT = """
routes = ["carrier", "spare", "board-a"]
[[trunks]]
name = "carrier"
host = "sip.carrier.example"
user = "027123456"
password_file = "carrier.secret"
register = true
networks = ["192.0.2.0/24"]
max_calls = 60
[[trunks]]
name = "spare"
host = "192.0.2.200"
transport = "tls"
srtp = true
[[boards]]
name = "board-a"
kind = "e1"
group = 1
ports = 62
[[agents]]
extension = "8001"
password_file = "8001.secret"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERLINE_ASTERISK__PASSWORD", "ari-secret")
    (tmp_path / "plant.toml").write_text(PLANT)
    (tmp_path / "carrier.secret").write_text("semi;colon\n")
    (tmp_path / "8001.secret").write_text("agent-secret\n")
    return tmp_path


def rendered() -> Result:
    return CliRunner().invoke(orderline, ["asterisk", "render", "--plant", "plant.toml", "--to", "etc"])


def test_every_place_is_filled_and_secrets_are_their_owner_s(folder: Path) -> None:
    done = rendered()
    assert done.exit_code == 0, done.output
    files = {path.name: path for path in (folder / "etc").iterdir()}
    assert not [name for name, path in files.items() if "@@" in path.read_text()]
    for name in ("ari.conf", "manager.conf", "pjsip_trunks.conf", "pjsip_agents.conf"):
        assert stat.S_IMODE(files[name].stat().st_mode) == 0o600
    assert "0 changed" in rendered().output


def test_trunks_boards_and_routes(folder: Path) -> None:
    rendered()
    etc = folder / "etc"
    trunks = (etc / "pjsip_trunks.conf").read_text()
    assert "password = semi\\;colon" in trunks
    assert "match = 192.0.2.0/24" in trunks
    assert "media_encryption = sdes" in trunks
    assert "[tls]" in (etc / "pjsip.conf").read_text()
    assert "channel => 1-15,17-46,48-62" in (etc / "chan_dahdi_boards.conf").read_text()
    assert "load = chan_dahdi.so" in (etc / "modules.conf").read_text().splitlines()
    routes = (etc / "extensions_routes.conf").read_text()
    order = [routes.index(hop) for hop in ("@carrier,", "@spare,", "DAHDI/g1/")]
    assert order == sorted(order)
    assert "> 60]?hop2" in routes


@pytest.mark.parametrize(
    ("change", "what_to_do"),
    [
        ({"routes": ["nowhere"]}, "which is no trunk and no board"),
        ({"trunks": [{"name": "a", "host": "x;y"}]}, "trunks"),
        ({"trunks": [{"name": "a]\nb", "host": "x"}]}, "trunks"),
        ({"trunks": [{"name": "a", "host": "x"}, {"name": "a", "host": "y"}]}, "there twice"),
        ({"trunks": [{"name": "a", "host": "x", "user": "me"}]}, "no password_file"),
        ({"boards": [{"name": "a", "kind": "e1", "group": 1, "ports": 30}]}, "each span has 31"),
        ({"agents": [{"extension": "800", "password_file": "x"}]}, "agents"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_plant_is_told(change: dict[str, Any], what_to_do: str) -> None:
    with pytest.raises(PlantError, match=what_to_do):
        plant_of(change)


@pytest.mark.parametrize("secret", ["", "two words", "line\nend"])
def test_a_secret_that_would_break_out_is_refused(secret: str) -> None:
    plant = plant_of({"agents": [{"extension": "8001", "password_file": "x"}]})
    with pytest.raises(PlantError, match="write another"):
        render({}, {}, plant, lambda _file: secret)


def test_what_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "8001.secret").unlink()
    assert "8001.secret can't be read" in rendered().output
    (folder / "plant.toml").write_text("routes = [")
    assert "is no TOML" in rendered().output
    (folder / "plant.toml").write_text("")
    monkeypatch.delenv("ORDERLINE_ASTERISK__PASSWORD")
    assert "ARI needs a password" in rendered().output
