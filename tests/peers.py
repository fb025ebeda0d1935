"""Where the real peers are that tests talk to (SIPp, PostgreSQL, Asterisk, Kamailio, Chromium, Tryton): only found.

A peer is looked for on PATH, then where Debian hides its programs, then in `.peers/bin`, where `tests/get_peers.py`
unpacks it beside the system; one made of Python packages only in an environment of its own, `.peers/NAME`. A speech
model is a folder of files: ORDERLINE_SPEECH_MODEL, or `../shared/models` beside the checkout. Nothing is started here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNPACKED = ROOT / ".peers" / "bin"
MODEL_VARIABLE = "ORDERLINE_SPEECH_MODEL"


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes up a peer: its programs, how it tells its version, the Debian packages that hold it, or a file of
    pinned Python packages.

    A peer that is no program has `files` (patterns within one folder) instead. It can't be fetched: where it is
    missing, tests that need it are skipped by name even where other peers are required.
    """

    name: str
    programs: tuple[str, ...]
    asks_version: tuple[str, ...]
    packages: tuple[str, ...] = ()
    requirements: str = ""
    files: tuple[str, ...] = ()

    def environment(self) -> Path:
        """The Python environment of a peer with `requirements`."""
        return ROOT / ".peers" / self.name


KINDS = {
    kind.name: kind
    for kind in (
        Kind("sipp", ("sipp",), ("sipp", "-v"), ("sip-tester",)),
        Kind(
            "postgres",
            ("initdb", "pg_ctl", "postgres", "psql"),
            ("postgres", "--version"),
            ("postgresql", "postgresql-client"),
        ),
        Kind("asterisk", ("asterisk",), ("asterisk", "-V"), ("asterisk", "asterisk-dahdi")),
        Kind("kamailio", ("kamailio",), ("kamailio", "-v"), ("kamailio",)),
        Kind("chromium", ("chromium",), ("chromium", "--version"), ("chromium", "fonts-noto-cjk")),
        Kind(
            "tryton",
            ("trytond-admin", "trytond-worker", "gunicorn", "python"),
            ("trytond-admin", "--version"),
            requirements="tests/tryton.requirements.txt",
        ),
        Kind("speech-model", (), (), files=("tokens.txt", "encoder*.onnx", "decoder*.onnx", "joiner*.onnx")),
    )
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that is on this machine; `programs` are absolute paths by program name."""

    kind: Kind
    programs: dict[str, Path]

    def __getitem__(self, program: str) -> Path:
        return self.programs[program]

    def version(self) -> str:
        """The first line of what it says of itself that holds a number, or "version unknown"."""
        if self.kind.files:
            return f"{next(iter(self.programs.values())).parent.name}"
        program, *options = self.kind.asks_version
        try:
            said = subprocess.run(
                [self.programs[program], *options], capture_output=True, text=True, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return "version unknown"
        lines = (line.strip(" .\t") for line in (said.stdout + said.stderr).splitlines())
        return next((line for line in lines if re.search(r"\d+\.\d+", line)), "version unknown")


def find(name: str) -> Peer | None:
    """The peer of this name, or None when a program of it is missing. Raises KeyError for an unknown name."""
    if KINDS[name].files:
        return _find_files(KINDS[name], Path(os.environ.get(MODEL_VARIABLE) or ROOT.parent / "shared" / "models"))
    return _find(name, os.environ.get("PATH", ""))


def require(name: str) -> Peer:
    """As `find`, for fixtures: the test that needs it carries `@pytest.mark.peer(name)`, so it is there."""
    peer = find(name)
    if peer is None:
        raise LookupError(how_to_get(name))
    return peer


def how_to_get(name: str) -> str:
    """One line that says how a missing peer comes to be."""
    kind = KINDS[name]
    if kind.requirements:
        return f"peer {name} is missing: `make peers` installs {kind.requirements} into .peers/{name}"
    packages = " ".join(kind.packages)
    if not packages:
        wanted = ", ".join(KINDS[name].files)
        return (
            f"peer {name} is missing: put a folder with {wanted} into ../shared/models, or name it by {MODEL_VARIABLE}"
        )
    return f"peer {name} is missing: `make peers` unpacks it into .peers/, or as root: apt-get install {packages}"


@cache
def _find(name: str, path: str) -> Peer | None:
    kind = KINDS[name]
    folders = [str(kind.environment() / "bin")] if kind.requirements else [path, *_elsewhere()]
    found = {program: _program(program, folders) for program in kind.programs}
    programs = {program: where for program, where in found.items() if where is not None}
    return Peer(kind, programs) if len(programs) == len(found) else None


def _elsewhere() -> list[str]:
    return [*_debian_postgres_folders(), str(UNPACKED)]


def _find_files(kind: Kind, place: Path) -> Peer | None:
    for folder in (place, *sorted(place.glob("*/"))):
        found = {pattern: next(iter(sorted(folder.glob(pattern))), None) for pattern in kind.files}
        files = {pattern: file for pattern, file in found.items() if file is not None}
        if len(files) == len(kind.files):
            return Peer(kind, files)
    return None


def _program(program: str, folders: list[str]) -> Path | None:
    where = shutil.which(program, path=os.pathsep.join(folders))
    return Path(where) if where else None


def _debian_postgres_folders() -> list[str]:
    """Debian keeps the server's programs off PATH, one folder a version; the newest first."""
    folders = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    return [str(folder) for folder in sorted(folders, key=lambda found: int(found.parent.name), reverse=True)]
