"""Get the real peers that are missing, without root: fetch their Debian packages and unpack them into `.peers/`.

Run as `python tests/get_peers.py [NAME…]`. Uses the machine's own package sources and keys, its own lists and cache
below `.peers/apt`, and leaves the system as it is. Each program gets a small starter in `.peers/bin` that points it to
its libraries. A peer made of Python packages is installed from its pins into an environment of its own. Exit status 0
when every peer asked for is there at the end.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import get_asterisk, peers

FOLDER = peers.ROOT / ".peers"
APT = FOLDER / "apt"
TREE = FOLDER / "tree"


class NotPossible(Exception):
    """The peer can't be had this way on this machine; the message says why."""


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(peers.KINDS))
    if unknown:
        print(f"no such peer: {', '.join(unknown)}; there are {', '.join(peers.KINDS)}", file=sys.stderr)
        return 2
    wanting = [name for name in names or peers.KINDS if peers.find(name) is None]
    missing = [name for name in wanting if not peers.KINDS[name].files]
    for name in wanting:
        if name not in missing:
            print(f"peers: {peers.how_to_get(name)}", file=sys.stderr)
    if not missing:
        return 0
    python = [name for name in missing if peers.KINDS[name].requirements]
    debian = [name for name in missing if name not in (*python, "asterisk")]
    results = [_tried(_get, debian)] if debian else []
    results += [_tried(_install, [name]) for name in python]
    if "asterisk" in missing:
        results.append(_tried(_fetch_asterisk, ["asterisk"]))
    return int(not all(results))


def _tried(get: Callable[[list[str]], None], names: list[str]) -> bool:
    try:
        get(names)
    except (NotPossible, get_asterisk.NotHere) as reason:
        print(f"peers: {', '.join(names)} not available: {reason}", file=sys.stderr)
        packages = " ".join(package for name in names for package in peers.KINDS[name].packages)
        hint = f"; as root: apt-get install {packages}" if packages else ""
        print(f"peers: tests that need them will be skipped{hint}", file=sys.stderr)
        return False
    return True


def _fetch_asterisk(_names: list[str]) -> None:
    print("peers: fetching asterisk from Debian's unstable suite, with its own libraries", flush=True)
    get_asterisk.put_into(FOLDER)


def _install(names: list[str]) -> None:
    """Python packages, into an environment of their own."""
    for name in names:
        kind = peers.KINDS[name]
        folder = kind.environment()
        print(f"peers: installing {name} ({kind.requirements})", flush=True)
        pins = ["-r", str(peers.ROOT / kind.requirements)]
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "--no-deps", *pins]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
                raise NotPossible(f"its packages can't be installed: {lines[-1]}")


def _get(missing: list[str]) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotPossible("this is no Debian or Ubuntu machine (no apt-get)")
    for folder in (APT / "lists" / "partial", APT / "cache" / "archives" / "partial", TREE, peers.UNPACKED):
        folder.mkdir(parents=True, exist_ok=True)
    print("peers: reading the package lists of this machine's sources", flush=True)
    _apt("update")
    for name in missing:
        packages = peers.KINDS[name].packages
        print(f"peers: fetching {name} ({' '.join(packages)})", flush=True)
        _apt("--yes", "--download-only", "install", *packages)
    _unpack()
    _write_starters(missing)


def _apt(*words: str) -> None:
    """apt-get with lists, cache and locks of its own; what dpkg knows of the system is only read."""
    options = {
        "Dir::State::lists": APT / "lists",
        "Dir::Cache": APT / "cache",
        "Debug::NoLocking": 1,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
    }
    command = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items()), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        verb = next(word for word in words if not word.startswith("-"))
        raise NotPossible(f"apt-get {verb} failed: {lines[-1]}")


def _unpack() -> None:
    archives = sorted((APT / "cache" / "archives").glob("*.deb"))
    for count, archive in enumerate(archives, 1):
        print(f"\rpeers: unpacking {count}/{len(archives)} {archive.name.split('_')[0]:<40}", end="", flush=True)
        done = subprocess.run(["dpkg-deb", "-x", archive, TREE], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotPossible(f"{archive.name} can't be unpacked: {done.stderr.strip()}")
        archive.unlink()
    print(flush=True)


def _write_starters(names: list[str]) -> None:
    triplet = f"{platform.machine()}-linux-gnu"
    libraries = [TREE / "usr/lib" / triplet, TREE / "lib" / triplet]
    # Where Debian keeps what only one package uses.
    libraries += [TREE / "usr/lib" / triplet / own for own in ("pulseaudio", "kamailio")]
    fonts = _write_font_settings()
    for name in names:
        for program in peers.KINDS[name].programs:
            real = _real_program(program)
            if real is None:
                raise NotPossible(f"the package of {name} holds no {program}")
            starter = peers.UNPACKED / program
            starter.write_text(
                "#!/bin/sh\n"
                f'LD_LIBRARY_PATH="{":".join(map(str, libraries))}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
                f'FONTCONFIG_FILE="{fonts}"\n'
                "export LD_LIBRARY_PATH FONTCONFIG_FILE\n"
                f'exec "{real}" "$@"\n'
            )
            starter.chmod(0o755)


def _real_program(program: str) -> Path | None:
    """Prefer the program itself to Debian's wrapper script, which looks for it at fixed places."""
    patterns = (f"usr/lib/{program}/{program}", f"usr/lib/postgresql/*/bin/{program}", f"usr/*bin/{program}")
    for pattern in patterns:
        found = sorted(TREE.glob(pattern))
        if found:
            return found[-1]
    return None


def _write_font_settings() -> Path:
    settings = FOLDER / "fonts.conf"
    folders = "".join(f"<dir>{folder}</dir>" for folder in (TREE / "usr/share/fonts", "/usr/share/fonts"))
    settings.write_text(
        f"<?xml version='1.0'?>\n<fontconfig>{folders}<cachedir>{FOLDER}/fonts</cachedir></fontconfig>\n"
    )
    return settings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
