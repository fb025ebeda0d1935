"""The command line: help that comes at once, errors in one line, configuration and calls shown; doctor's findings."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from admin.checkup.finding import Finding, examine
from admin.checkup.machine import check_clock, check_data_folder, check_disk, check_ports
from admin.checkup.parts import check_database, check_prompts, check_sales_system, check_surroundings
from admin.cli.group import COMMANDS, MENDABLE, orderline
from admin.config import Config
from admin.config_reading import read_config
from tests.peers import ROOT
from tests.tools.answerer import Answerer, LineCall, answering, write_clip


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ORDERLINE_CONFIG", "ORDERLINE_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(orderline, list(words))


# -- help


def test_help_lists_every_command_without_loading_any() -> None:
    script = (
        "import sys; sys.argv = ['orderline', '--help']\n"
        "from admin.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted(set(sys.modules) & {'pydantic', 'sqlalchemy', 'flask', 'aiosipua', 'numpy', 'alembic'}))"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    took = time.monotonic() - began
    for name, (_, about) in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert about.split()[0] in done.stdout
    assert done.stdout.rstrip().endswith("[]"), "help must not import what it does not need"
    assert took < 3.0, "half a second on a quiet machine; this bound is for a busy one"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_exists_and_its_help_teaches(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output, "each command shows how it is used"


def test_every_mendable_error_exists() -> None:
    for path in MENDABLE:
        module, _, kind = path.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


# -- errors


def test_a_broken_configuration_is_lines_on_standard_error() -> None:
    Path("orderline.toml").write_text("[sip]\nprot = 1\n[wbe]\n")
    result = run("config")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "orderline: orderline.toml: sip.prot: no such key; did you mean sip.port?",
        "orderline: orderline.toml: wbe: no such key; did you mean web?",
    ]


def test_a_fault_of_ours_stays_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Config:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("admin.cli.configured.read_config", broken)
    result = run("config")
    assert isinstance(result.exception, ZeroDivisionError)


# -- config


def test_config_shows_what_is_in_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERLINE_SIP__PORT", "5070")
    monkeypatch.setenv("ORDERLINE_ORDERS__PIN_KEY", "hush")
    assert "port = 5070" in run("config").output
    shown = json.loads(run("config", "--json").output)
    assert shown["sip"]["port"] == 5070
    assert shown["orders"]["pin_key"] == "***"
    assert "hush" not in run("config").output


def test_the_named_file_is_used() -> None:
    Path("shop.toml").write_text('node = "shop"\n')
    assert 'node = "shop"' in run("--config", "shop.toml", "config").output


def test_the_example_is_a_working_configuration() -> None:
    Path("orderline.toml").write_text(run("config", "--example").output)
    assert read_config(environ={}) == Config()


# -- call


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Answerer]:
    """A small SIP line on a thread of its own: welcomes, takes one key, says the order number, hangs up."""
    welcome = write_clip(tmp_path / "cache", "welcome", 300, 1)
    accepted = write_clip(tmp_path / "cache", "order_accepted", 300, 2, tail="0372")

    async def scenario(call: LineCall) -> None:
        await call.answer()
        call.play(welcome)
        await call.key()
        call.play(accepted)
        await call.played()
        call.hang_up()

    ready, done = threading.Event(), threading.Event()
    found: list[Answerer] = []

    async def serve() -> None:
        async with answering(scenario) as answerer:
            found.append(answerer)
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="answerer")
    thread.start()
    assert ready.wait(5)
    yield found[0]
    done.set()
    thread.join()


def test_call_prints_a_transcript_and_the_order(line: Answerer) -> None:
    result = run("call", "--to", line.uri, "--keys", "1", "--prompts", "cache", "--think", "100")
    assert result.exit_code == 0
    said = [row.split(None, 2)[1:] for row in result.output.splitlines()[:5]]
    assert said[0] == ["ANSWERED"]
    assert said[1] == ["HEARD", "welcome  您好，烟草订货热线。"]
    assert said[2] == ["KEYS", "1"]
    assert said[3] == ["HEARD", "order_accepted  订单已收，尾号0372。请于扣款前存足。"]
    assert said[4] == ["ENDED", "line hung up"]
    assert "order accepted, number ending in 0372" in result.output


def test_call_as_json(line: Answerer) -> None:
    result = run("call", "--to", line.uri, "--keys", "1", "--prompts", "cache", "--think", "100", "--json")
    outcome = json.loads(result.output)
    assert [heard["name"] for heard in outcome["heard"]] == ["welcome", "order_accepted"]
    assert (outcome["order_tail"], outcome["order_state"]) == ("0372", "accepted")


def test_call_to_nobody_exits_with_1() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result = run("call", "--to", f"sip:100@127.0.0.1:{port}")
    assert result.exit_code == 1
    assert "not answered: nothing listens at that address" in result.output


def test_call_with_a_wrong_script_says_what_to_write() -> None:
    result = run("call", "--keys", "1 zwei")
    assert result.exit_code == 2
    assert "~2 to wait 2 seconds" in result.stderr


# -- doctor


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


def test_a_taken_port_fails_and_our_own_line_does_not(line: Answerer) -> None:
    line.uas.user_agent = "orderline"
    port = line.uri.rpartition(":")[2]
    ours = with_changes(SIP__PORT=port, SIP__TRANSPORTS="udp")
    line.uas.on_options = None
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
    assert levels(check_database(with_changes(DATABASE__URL="sqlite:///here.db"))) == {"database": "WARN"}


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
