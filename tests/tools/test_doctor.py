"""Doctor: each part's findings, what they say to do, and that looking changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from admin.checkup.finding import Finding, examine
from admin.checkup.machine import check_clock, check_data_folder, check_disk, check_ports
from admin.checkup.parts import check_database, check_prompts, check_sales_system, check_surroundings
from admin.cli.group import orderline
from admin.config import Config
from admin.config_reading import read_config
from tests.tools.answerer import Answerer

pytestmark = pytest.mark.usefixtures("empty_folder")


def run(*words: str) -> Result:
    return CliRunner().invoke(orderline, list(words))


def levels(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.about: finding.level for finding in findings}


def with_changes(**environ: str) -> Config:
    return read_config(environ={f"ORDERLINE_{name}": value for name, value in environ.items()})


def test_doctor_on_a_sound_machine_and_on_a_broken_configuration() -> None:
    result = run("doctor", "--json")
    findings = json.loads(result.output)
    looked_at = ("configuration", "data folder", "disk", "clock", "database", "sales system", "voice", "media process")
    assert {finding["about"] for finding in findings} >= {*looked_at, "wording", "media ports"}
    assert all(finding["do"] for finding in findings if finding["level"] != "OK"), "whatever is wrong says what to do"
    failed = [finding for finding in findings if finding["level"] == "FAIL"]
    assert result.exit_code == (1 if failed else 0)
    assert not Path("var").exists(), "doctor changes nothing"

    Path("orderline.toml").write_text("[sip]\nprot = 1\n")
    result = run("doctor")
    assert result.exit_code == 1
    assert result.output.startswith("FAIL  configuration   orderline.toml: sip.prot: no such key")


def test_a_folder_that_cannot_be_made_fails(tmp_path: Path) -> None:
    Path("file").write_text("in the way")
    (finding,) = check_data_folder(with_changes(DATA="file"))
    assert finding.level == "FAIL"
    assert "ORDERLINE_DATA" in finding.do


def test_a_pin_key_that_others_can_read_is_a_warning() -> None:
    Path("var").mkdir()
    Path("var/pin.key").write_text("k")
    Path("var/pin.key").chmod(0o644)
    assert levels(check_data_folder(Config())) == {"data folder": "OK", "PIN key": "WARN"}
    Path("var/pin.key").chmod(0o600)
    assert levels(check_data_folder(Config())) == {"data folder": "OK"}


def test_a_full_disk_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 100_000_000, "total": 10**11})
    monkeypatch.setattr("psutil.disk_usage", lambda _path: usage)
    (finding,) = check_disk(Config())
    assert finding.level == "FAIL"
    assert finding.says.startswith("0.1 GB free of 100.0 GB")


def test_an_unkept_clock_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin.checkup.machine._synchronised", lambda: False)
    assert levels(check_clock(Config())) == {"clock": "WARN"}
    monkeypatch.setattr("admin.checkup.machine._synchronised", lambda: True)
    assert levels(check_clock(Config())) == {"clock": "OK"}


def test_a_taken_port_fails_and_our_own_line_does_not(line: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = with_changes(SIP__PORT=line.uri.rpartition(":")[2], SIP__TRANSPORTS="udp")
    assert levels(check_ports(ours))["sip.port"] == "FAIL", "some SIP line, but no console of ours beside it"
    monkeypatch.setattr("admin.checkup.machine._is_our_web", lambda _host, _port: True)
    findings = {finding.about: finding for finding in check_ports(ours)}
    assert findings["sip.port"].says.endswith("a running SIP line answers there")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        other = with_changes(SIP__PORT=str(taken.getsockname()[1]), SIP__TRANSPORTS="udp")
        finding = next(found for found in check_ports(other) if found.about == "sip.port")
    assert (finding.level, finding.do) == ("FAIL", "stop it, or change sip.port")


def test_a_foreign_web_server_on_our_port_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = with_changes(WEB__PORT=str(taken.getsockname()[1]), SIP__ENABLED="false")
        (finding,) = check_ports(config)
    assert (finding.about, finding.level) == ("web.port", "FAIL")


def test_an_address_of_another_machine_fails() -> None:
    config = with_changes(WEB__HOST="192.0.2.1", WEB__ALLOWED_HOSTS="a.example", SIP__ENABLED="false")
    (finding,) = check_ports(config)
    assert finding.do == "name an own address in web.host"


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///none/here.db", "postgresql://me:hush@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_used_fails_without_telling_the_password(url: str) -> None:
    findings = list(check_database(with_changes(DATABASE__URL=url)))
    assert [finding.level for finding in findings] == ["FAIL"]
    assert "hush" not in str(findings)


def test_an_empty_database_is_a_warning() -> None:
    Path("here.db").touch()
    assert levels(check_database(with_changes(DATABASE__URL="sqlite:///here.db"))) == {"database": "WARN"}


def test_each_kind_of_sales_system_is_asked(tmp_path: Path) -> None:
    dropped = with_changes(SALES__SYSTEM="csv_drop", SALES__CSV__FOLDER=str(tmp_path / "drop"))
    assert levels(check_sales_system(dropped)) == {"sales system": "OK"}
    (nameless,) = check_sales_system(with_changes(SALES__SYSTEM="csv_drop"))
    assert "name the drop folder" in str(nameless)
    (secretless,) = check_sales_system(
        with_changes(SALES__SYSTEM="http_json", SALES__HTTP__URL="https://sales.example.com")
    )
    assert "shorter than 16 bytes" in str(secretless)


def test_looking_makes_no_database() -> None:
    assert levels(check_database(with_changes(DATABASE__URL="sqlite:///there.db"))) == {"database": "OK"}
    assert levels(check_sales_system(with_changes(SALES__URL="sqlite:///sold.db"))) == {"sales system": "OK"}
    assert not Path("there.db").exists()
    assert not Path("sold.db").exists()


def test_an_unreachable_sales_system_fails() -> None:
    (finding,) = check_sales_system(with_changes(SALES__URL="postgresql+psycopg://me:hush@127.0.0.1:1/x"))
    assert finding.level == "FAIL"
    assert "hush" not in str(finding)


def test_bad_recordings_are_named() -> None:
    folder = Path("recorded/zh")
    folder.mkdir(parents=True)
    (folder / "welcome.wav").write_bytes(b"no sound")
    (folder / "wellcome.wav").write_bytes(b"no sound")
    findings = list(check_prompts(with_changes(SPEECH__RECORDINGS="recorded", SPEECH__LANGUAGES="zh")))
    said = {finding.level: finding.says for finding in findings}
    assert "welcome.wav" in said["FAIL"]
    assert "wellcome.wav" in said["WARN"]


def test_an_open_allow_list_is_a_warning_and_an_unknown_registrar_fails() -> None:
    config = with_changes(SIP__ALLOW="0.0.0.0/0", SIP__REGISTRAR__SERVER="nowhere.invalid", SIP__REGISTRAR__USER="600")
    assert levels(check_surroundings(config)) == {"sip.allow": "WARN", "sip.registrar": "FAIL"}


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on() -> None:
    def check_broken_thing(_config: Config) -> Iterator[Finding]:
        raise RuntimeError("broken")

    findings = list(examine(Config(), [check_broken_thing, check_disk]))
    assert [finding.about for finding in findings] == ["broken thing", "disk"]
    assert findings[0].level == "FAIL"
