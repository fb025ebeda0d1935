"""A PostgreSQL cluster of the benchmark's own: spare port, temporary folder, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoPostgres(RuntimeError):
    """PostgreSQL's programs are not on this machine."""


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of an empty database in a running cluster. Raises NoPostgres."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="orderline-pg-"))
    as_user = _as_ordinary_user(folder)
    port = free_port()
    data = folder / "data"
    try:
        _run([*as_user, str(programs / "initdb"), "-D", str(data), "-U", "orderline", "--auth=trust"])
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c synchronous_commit=on"
        control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
        _run([*control, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql+psycopg://orderline@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> Path:
    """One of PostgreSQL's programs. Raises NoPostgres."""
    return _programs() / name


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or sorted(Path(".peers").glob("**/bin/initdb"))
    if not found:
        raise NoPostgres("install PostgreSQL (apt-get install postgresql), or run: make peers")
    return found[-1].parent


def _as_ordinary_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root; then an ordinary user that every Debian has runs it."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "nobody")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise RuntimeError(f"{command[-1]}: {done.stderr.strip() or done.stdout.strip()}")


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
