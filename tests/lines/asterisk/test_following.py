"""Asterisk's files follow the plant: what is read again, what is tried again, what is told; no Asterisk here."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.lines.asterisk.following import Following
from ivr.lines.asterisk.wire import Reply
from ivr.plant import Plant, Trunk, plant_of

ONE = plant_of({"routes": ["a"], "trunks": [{"name": "a", "host": "h"}]})
TWO = plant_of({"routes": ["a", "b"], "trunks": [{"name": "a", "host": "h"}, {"name": "b", "host": "h"}]})
BOARD = {"name": "b", "kind": "analogue", "group": 1}
READ = ["res_pjsip.so", "app_queue.so", "pbx_config.so"]


class Asked:
    """Answers each request with the status that the test sets; the driver of boards does not run."""

    def __init__(self) -> None:
        self.status = 204
        self.paths: list[str] = []

    def __call__(self, method: str, path: str) -> Reply:
        assert method == "PUT"
        self.paths.append(path)
        return Reply(404 if path.endswith("chan_dahdi.so") else self.status)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def following(tmp_path: Path, asked: Asked) -> Following:
    (tmp_path / "pjsip.conf").write_text("")
    return Following(tmp_path, asked)


def test_at_the_start_all_is_read_once_then_only_what_changed(following: Following, asked: Asked) -> None:
    assert sorted(following.follow(ONE)) == sorted(READ)
    assert following.follow(ONE) == []
    assert following.follow(TWO) == ["res_pjsip.so", "pbx_config.so"], "routes after the trunks they name"
    assert asked.paths[-1] == "asterisk/modules/pbx_config.so"


def test_what_asterisk_did_not_read_is_tried_again(following: Following, asked: Asked) -> None:
    following.follow(ONE)
    for status, told in ((0, ""), (500, "see Asterisk's log")):
        asked.status = status
        assert following.follow(TWO) == []
        assert told in following.problem
    asked.status = 204
    assert following.follow(TWO) == ["res_pjsip.so", "pbx_config.so"]
    assert following.problem == ""


def test_a_first_board_needs_a_restart(following: Following) -> None:
    following.follow(ONE)
    assert following.problem == "", "without a board its driver need not run"
    following.follow(plant_of({"trunks": [{"name": "a", "host": "h"}], "boards": [BOARD]}))
    assert "restart Asterisk" in following.problem


def test_an_empty_registry_empties_no_files(following: Following, tmp_path: Path) -> None:
    assert following.follow(Plant()) == []
    assert not (tmp_path / "pjsip_trunks.conf").exists()


def test_what_breaks_the_rules_is_never_written(following: Following, tmp_path: Path) -> None:
    assert following.follow(Plant(trunks=(Trunk("a]\ntype = global", "h"),))) == []
    assert "trunks" in following.problem
    assert not (tmp_path / "pjsip_trunks.conf").exists()


def test_a_missing_password_file_is_told(following: Following, tmp_path: Path) -> None:
    agent = {"extension": "8001", "password_file": str(tmp_path / "nowhere")}
    following.follow(plant_of({"trunks": [{"name": "a", "host": "h"}], "agents": [agent]}))
    assert "can't be read" in following.problem
