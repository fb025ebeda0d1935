"""The command line: help that comes at once, errors in one line, configuration and calls shown."""

from __future__ import annotations

import importlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from admin.cli.group import COMMANDS, MENDABLE, orderline
from admin.config import Config
from admin.config_reading import read_config
from tests.peers import ROOT
from tests.tools.answerer import Answerer

pytestmark = pytest.mark.usefixtures("empty_folder")


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


def test_a_command_that_only_looks_into_the_database_loads_no_line() -> None:
    script = "import sys, admin.cli.callbacks; print(sorted(set(sys.modules) & {'ivr.exchange', 'aiosipua', 'flask'}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
