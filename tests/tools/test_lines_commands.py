"""`orderline lines` and `orderline tickets`, each run as a person runs it, on a registry filled from a plant file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from admin.cli.group import orderline
from admin.config import Config
from admin.opening import open_database, prepare_folder

PLANT = """
routes = ["carrier", "board-a"]
[[trunks]]
name = "carrier"
host = "sip.carrier.example"
user = "027"
password_file = "carrier.secret"
[[boards]]
name = "board-a"
kind = "analogue"
group = 1
ports = 3
slots = [
  {number = 1, module = "M1", lines = ["02785550001"]},
  {number = 2, module = "M2"},
  {number = 3},
]
[[modules]]
serial = "M9"
side = "outside"
[[numbers]]
number = "4001234567"
line = "carrier"
[[contacts]]
role = "vendor"
name = "Wang"
phone = "027-85550101"
on_call = true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORDERLINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ORDERLINE_ASTERISK__PASSWORD", "ari-secret")
    monkeypatch.chdir(tmp_path)
    config = Config(data=str(tmp_path / "data"))
    prepare_folder(config)
    open_database(config).close()
    (tmp_path / "plant.toml").write_text(PLANT)
    (tmp_path / "carrier.secret").write_text("secret")
    return tmp_path


@pytest.fixture
def filled(folder: Path) -> Path:
    assert "2 lines, 1 numbers, 1 contacts" in run("lines", "import", "plant.toml")
    return folder


def run(*arguments: str, fails: bool = False) -> str:
    done: Result = CliRunner().invoke(orderline, arguments)
    assert done.exit_code == (1 if fails else 0), done.output
    assert "Traceback" not in done.output
    return done.output


def test_an_empty_registry_says_what_to_do(folder: Path) -> None:
    assert "orderline lines import" in run("lines", "list")
    assert "registry is empty" in run("asterisk", "render", "--to", "etc", fails=True)
    assert "name the plant file" in run("lines", "import", "nowhere.toml", fails=True)


def test_lines_and_slots_are_listed(filled: Path) -> None:
    told = run("lines", "list")
    assert "sip.carrier.example:5060" in told
    assert "[4001234567]" in told
    assert "board-a/1" in told
    assert "spare slots: 1 outside" in told
    slots = run("lines", "list", "--slots")
    assert "shelf" in slots
    assert [row["use"] for row in json.loads(run("lines", "list", "--slots", "--json"))] == [
        "used",
        "spare",
        "empty",
        "good",
    ]
    assert json.loads(run("lines", "list", "--json"))[0]["name"] == "carrier"


def test_out_in_and_history(filled: Path) -> None:
    assert "out of service" in run("lines", "out", "carrier", "cable work", "--by", "li")
    assert "OUT OF SERVICE: cable work" in run("lines", "show", "carrier")
    assert "cable work" in run("lines", "out", "carrier", "again", fails=True)
    run("lines", "in", "carrier", "--by", "li")
    told = run("lines", "history", "carrier").splitlines()
    assert ["in service" in told[0], "out of service  cable work  (li)" in told[1]] == [True, True]
    assert "see `orderline lines list`" in run("lines", "history", "nowhere", fails=True)
    assert json.loads(run("lines", "show", "carrier", "--json"))["service"] == "in"


def test_a_moved_module_is_rendered(filled: Path) -> None:
    run("asterisk", "render", "--to", "etc")
    boards = filled / "etc" / "chan_dahdi_boards.conf"
    assert "group = 1\nchannel => 1  ; 02785550001" in boards.read_text()
    told = run("lines", "move-module", "board-a/1", "board-a/2")
    assert "02785550001: now at board-a/2" in told
    assert "spare slots left: 0 outside" in told
    assert "1 changed" in run("asterisk", "render", "--to", "etc")
    assert "group = 1\nchannel => 2  ; 02785550001" in boards.read_text()
    run("lines", "move-module", "board-a/2", "board-a/3", "--spare", "M9")
    assert "lines now at board-a/3" in run("lines", "history", "slot:board-a/2")
    assert "write BOARD/NUMBER" in run("lines", "move-module", "3", "board-a/2", fails=True)


def test_a_file_that_takes_something_away_must_be_meant(filled: Path) -> None:
    (filled / "plant.toml").write_text(PLANT.replace("02785550001", "02785550002"))
    told = run("lines", "import", "plant.toml", fails=True)
    assert "line 02785550001 is no longer there" in told
    assert "--replace" in told
    assert "02785550001" in run("lines", "list")
    assert "line 02785550001 is no longer there" in run("lines", "import", "plant.toml", "--replace")
    assert "plant changed" in run("lines", "history", "02785550001")


def test_a_ticket_s_life(filled: Path) -> None:
    told = run("tickets", "open", "board", "board:board-a", "no lamp is lit", "--by", "li")
    assert "ticket 1: opened" in told
    assert "call Wang (vendor, on call) 027-85550101" in told
    assert "open already" in run("tickets", "open", "board", "board:board-a", "again")
    assert "1 open" in run("tickets", "list")
    assert "on site by" in run("tickets", "list")
    assert "--arrived --spare" in run("tickets", "close", "1", "done", fails=True)
    run("tickets", "note", "1", "vendor called", "--arrived", "--spare", "VB-0099", "--by", "li")
    told = run("tickets", "show", "1")
    assert "note: vendor called  (li)" in told
    assert "spare VB-0099" in told
    run("tickets", "close", "1", "board exchanged")
    assert "0 open" in run("tickets", "list")
    assert "CLOSED" in run("tickets", "list", "--all")
    assert json.loads(run("tickets", "list", "--all", "--json"))[0]["clause"] == "3.1.8"


@pytest.mark.parametrize(
    ("arguments", "what_to_do"),
    [
        (("show", "9"), "no ticket 9"),
        (("note", "9", "x"), "no ticket 9"),
        (("note", "9", "--spare", "VB"), "give --arrived too"),
        (("close", "9", "x"), "no ticket 9"),
        (("open", "node", "node:n1", " "), "what is wrong"),
        (("contact", "friend", "A", "10000"), "is no role"),
        (("contact", "head", "A", "+86;1"), "no telephone number"),
    ],
)
def test_what_is_wrong_is_told(filled: Path, arguments: tuple[str, ...], what_to_do: str) -> None:
    assert what_to_do in run("tickets", *arguments, fails=True)


def test_contacts(filled: Path) -> None:
    assert "never checked" in run("tickets", "contact")
    told = run("tickets", "contact", "head", "Chen", "13900000009", "--on-call")
    assert "2 contacts" in told
    assert "ON CALL" in told
