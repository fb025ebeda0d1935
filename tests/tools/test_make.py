"""What the README and the Makefile promise exists, and describes itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.peers import ROOT

PROMISED = ("setup", "run", "test", "check", "bench", "help")


def make(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_help_describes_every_target() -> None:
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make("help").stdout, re.MULTILINE))
    assert set(PROMISED) <= set(listed)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == set(listed), "a target without a description is a target nobody finds"


@pytest.mark.parametrize("target", PROMISED)
def test_each_target_can_be_made(target: str) -> None:
    assert make("-n", target).returncode == 0


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    result = make("setup", "PYTHON=", cwd=tmp_path)
    assert result.returncode != 0
    assert "apt-get install python3 python3-venv" in result.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nmkdir -p .venv\nexit 1\n")
    python.chmod(0o755)
    result = make("setup", f"PYTHON={python}", cwd=tmp_path)
    assert result.returncode != 0
    assert "apt-get install python3-venv" in result.stderr
    assert not (tmp_path / ".venv").exists(), "half an environment would pass for a whole one next time"


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_in_the_readme_exists() -> None:
    named = set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    listed = set(re.findall(r"^  make (\S+) ", make("help").stdout, re.MULTILINE))
    assert {"run", "test", "check", "help"} <= named
    assert named <= listed


def test_ci_runs_the_readmes_commands_and_requires_peers() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "ORDERLINE_REQUIRE_PEERS=1" in script
    for command in ("make --no-print-directory check", "make --no-print-directory test"):
        assert command in script
    assert subprocess.run(["sh", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
