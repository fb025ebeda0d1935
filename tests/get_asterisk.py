"""Unpack Asterisk 22 beside the system: Debian's stable suites have none, so it comes from `sid`, with all it needs.

The mirror is the one that this machine's own package sources name. Everything, libc too, goes into one folder, and is
started through that folder's own loader: nothing of it meets the system's libraries. Needs no root.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

SOURCES = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NotHere(Exception):
    """Asterisk can't be had this way on this machine; the message says why."""


def mirror(folder: Path = SOURCES) -> str:
    """The first Debian mirror that the machine's sources name, deb822 or one-line. Raises NotHere."""
    files = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.sources"))]
    files += sorted(folder.glob("sources.list.d/*.list"))
    for file in files:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        found = re.search(r"(?m)^URIs:\s*(\S+)|^deb\s+(?:\[[^\]]*\]\s+)?(\S+)", text)
        if found:
            return found[1] or found[2]
    raise NotHere("no package source names a mirror")


def unpack(folder: Path) -> Path:
    """Fetch and unpack below `folder`; the starter's path. Raises NotHere."""
    apt, tree = folder / "apt", folder / "tree"
    for place in ("state/lists/partial", "cache/archives/partial", "etc"):
        (apt / place).mkdir(parents=True, exist_ok=True)
    tree.mkdir(parents=True, exist_ok=True)
    (apt / "status").write_text("")  # nothing is installed as far as this apt knows: it fetches libc too
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (apt / "etc" / "sources.list").write_text(f"deb {signed}{mirror()} sid main\n")
    _apt(apt, "update")
    _apt(apt, "--yes", "--download-only", "install", "asterisk", "asterisk-dahdi")
    for archive in sorted((apt / "cache" / "archives").glob("*.deb")):
        _unpack(archive, tree)
        archive.unlink()
    return _write_starter(folder / "bin", tree)


def _apt(apt: Path, *words: str) -> None:
    options = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": apt / "etc" / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": 1,
    }
    command = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items()), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise NotHere(f"apt-get failed: {lines[-1]}")


def _unpack(archive: Path, tree: Path) -> None:
    """As `dpkg-deb -x`, but through the links of the merged /usr, which lie in the tree already."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as package:
        put = ["tar", "-x", "-C", str(tree), "--keep-directory-symlink", "--no-same-owner"]
        done = subprocess.run(put, stdin=package.stdout, capture_output=True, text=True, check=False)
    if done.returncode or package.returncode:
        raise NotHere(f"{archive.name} can't be unpacked: {done.stderr.strip()}")


def _write_starter(programs: Path, tree: Path) -> Path:
    loaders = sorted(tree.glob("usr/lib*/ld-linux-*.so.*")) or sorted(tree.glob("lib*/ld-linux-*.so.*"))
    real = tree / "usr/sbin/asterisk"
    if not loaders or not real.exists():
        raise NotHere("the package holds no asterisk")
    libraries = f"{tree}/usr/lib/{platform.machine()}-linux-gnu:{tree}/usr/lib"
    programs.mkdir(parents=True, exist_ok=True)
    starter = programs / "asterisk"
    starter.write_text(
        f'#!/bin/sh\nexec "{loaders[0]}" --argv0 asterisk --library-path "{libraries}" "{real}" "$@"\n',
        encoding="utf-8",
    )
    starter.chmod(0o755)
    return starter


def modules_of(program: Path) -> tuple[Path, Path]:
    """The folders of modules and of data that belong to an `asterisk`, unpacked here or installed by the system."""
    tree = program.resolve().parent.parent / "asterisk" / "tree"
    root = tree if tree.is_dir() else Path("/")
    found = sorted(root.glob("usr/lib/*/asterisk/modules")) + sorted(root.glob("usr/lib/asterisk/modules"))
    if not found:
        raise NotHere("no folder of Asterisk's modules")
    return found[0], root / "usr/share/asterisk"


def put_into(peers: Path) -> None:
    """Unpack into `.peers/asterisk`, with its starter among the other peers' in `.peers/bin`. Raises NotHere."""
    starter = unpack(peers / "asterisk")
    (peers / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(starter, peers / "bin" / "asterisk")
