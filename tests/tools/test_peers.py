"""Peers are found wherever they are, are skipped or fail when missing, and are named at the end of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import peers

pytest_plugins = ["pytester"]

NEEDS_A_PEER = """
import pytest

@pytest.mark.peer("sipp")
def test_that_talks_to_it():
    assert True

def test_that_does_not():
    assert True
"""


def pretend_peer(folder: Path, *programs: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for program in programs:
        (folder / program).write_text("#!/bin/sh\necho\necho ' Pretender v1.2.3.'\n")
        (folder / program).chmod(0o755)
    return folder


def test_a_peer_on_path_is_found_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pretend_peer(tmp_path, "sipp")
    monkeypatch.setenv("PATH", str(folder) + os.pathsep + os.environ["PATH"])

    found = peers.require("sipp")

    assert found["sipp"] == folder / "sipp"
    assert found.version() == "Pretender v1.2.3"


def test_an_unpacked_peer_is_found_when_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(peers, "UNPACKED", pretend_peer(tmp_path / "bin", "sipp"))

    assert peers.require("sipp")["sipp"] == tmp_path / "bin" / "sipp"


def test_a_peer_with_a_program_missing_is_no_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(peers, "UNPACKED", pretend_peer(tmp_path / "bin", "initdb", "pg_ctl"))
    monkeypatch.setattr(peers, "_debian_postgres_folders", list)

    assert peers.find("postgres") is None
    with pytest.raises(LookupError, match="make peers"):
        peers.require("postgres")


@pytest.fixture
def a_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.Pytester:
    """A run of its own under our conftest, on a machine without SIPp (until a test puts one on PATH)."""
    pytester.makeconftest((peers.ROOT / "tests" / "conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers = peer(name): needs it\n")
    pytester.makepyfile(NEEDS_A_PEER)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(peers, "UNPACKED", tmp_path / "no.peers")
    return pytester


def test_a_missing_peer_skips_and_is_named(a_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDERLINE_REQUIRE_PEERS", raising=False)
    result = a_run.runpytest_inprocess()
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["peer sipp: missing, 1 tests did not run*make peers*"])


def test_a_missing_peer_fails_where_peers_are_required(a_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERLINE_REQUIRE_PEERS", "1")
    result = a_run.runpytest_inprocess()
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_peer_that_ran_is_named_with_its_version(
    a_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{pretend_peer(tmp_path / 'path', 'sipp')}:/bin")
    result = a_run.runpytest_inprocess()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["peer sipp: ran 1 of 1 tests (Pretender v1.2.3)"])


def test_an_unknown_peer_is_an_error(a_run: pytest.Pytester) -> None:
    a_run.makepyfile(test_wrong='import pytest\n@pytest.mark.peer("asterics")\ndef test_it(): pass\n')
    result = a_run.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_browser_tests_come_last_whatever_the_shuffling(a_run: pytest.Pytester) -> None:
    a_run.makepyfile(
        test_browser='import pytest\n@pytest.mark.peer("chromium")\ndef test_page(): pass\n',
        test_zebra="def test_after_it_by_name(): pass\n",
    )
    result = a_run.runpytest_inprocess("--collect-only", "-q", "-p", "no:randomly")
    collected = [line for line in result.outlines if "::" in line]
    assert collected[-1].endswith("test_browser.py::test_page")
    assert len(collected) > 2
