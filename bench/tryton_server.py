"""A real Tryton server of the benchmark's own, over the throw-away PostgreSQL: gunicorn and Tryton's queue worker.

Its programs live in `.peers/tryton`, apart from ours: their pins are their own. Setting up a company takes a minute,
so what it leaves is kept there as a dump and restored into each new cluster within seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import make_url

from bench.postgres_cluster import cluster, free_port, program
from orders.connectors.tryton.settings import TrytonSettings

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".peers" / "tryton"
PROGRAMS = HOME / "bin"
COMPANY = Path(__file__).with_name("tryton_company.py")
DATABASE = "erp"
USER, PASSWORD, ADMIN_PASSWORD = "orderline", "orderline-of-the-bench", "admin-of-the-bench"
UP_WITHIN_S = 60.0
VERSION = {"id": 1, "method": "common.server.version", "params": []}


class NoTryton(RuntimeError):
    """Tryton's programs are not on this machine."""


@dataclass(slots=True)
class TrytonServer:
    """A running server. `postgres`: the SQLAlchemy URL of its database, for a look past it."""

    settings: TrytonSettings
    postgres: str
    port: int
    folder: Path
    workers: int
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start the web server and the queue worker, and wait until it answers."""
        web = ["trytond.application:app", "--workers", str(self.workers), "--threads", "4", "--timeout", "120"]
        self._spawn("gunicorn", *web, "--bind", f"127.0.0.1:{self.port}", "--keep-alive", "5")
        self._spawn("trytond-worker", "--config", str(self.folder / "trytond.conf"), "-d", DATABASE, "-n", "1")
        ends = time.monotonic() + UP_WITHIN_S
        while time.monotonic() < ends:
            # Not only the door: gunicorn opens it before its workers have loaded Tryton.
            with contextlib.suppress(httpx.TransportError):
                httpx.post(f"{self.settings.url}/rpc/", json=VERSION, timeout=UP_WITHIN_S, trust_env=False)
                return
            if self._processes[0].poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"Tryton did not start: {(self.folder / 'gunicorn.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """As a power cut does to the server, the database going on."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def _spawn(self, program: str, *words: str) -> None:
        log = (self.folder / f"{program}.log").open("ab")
        environment = _environment(self.folder) | {"TRYTOND_DATABASE_NAMES": DATABASE}
        with log:
            process = subprocess.Popen(
                [str(PROGRAMS / program), *words],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a group of its own, to be killed as one
            )
        self._processes.append(process)


@contextlib.contextmanager
def tryton_server(workers: int = 2, *, queue_worker: bool = True) -> Iterator[TrytonServer]:
    """A server with an empty company that sells in 条, running. Raises NoTryton, NoPostgres."""
    if not (PROGRAMS / "trytond-admin").exists():
        raise NoTryton("Tryton is missing: run `make peers`")
    with cluster() as url, tempfile.TemporaryDirectory(prefix="orderline-tryton-") as name:
        folder = Path(name)
        _write_configuration(folder, url, queue_worker=queue_worker)
        _restore(folder, url)
        port = free_port()
        settings = TrytonSettings(f"http://127.0.0.1:{port}", DATABASE, USER, PASSWORD)
        server = TrytonServer(settings, url.replace("/postgres", f"/{DATABASE}"), port, folder, workers)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _write_configuration(folder: Path, url: str, *, queue_worker: bool) -> None:
    base = make_url(url)
    (folder / "trytond.conf").write_text(
        f"[database]\nuri = postgresql://{base.username}@{base.host}:{base.port}/\n"
        f"[session]\ntimeout = 2592000\n[queue]\nworker = {queue_worker}\n",
        encoding="utf-8",
    )


def _restore(folder: Path, url: str) -> None:
    """The company into a new database, from the dump; made first where there is none yet."""
    HOME.mkdir(parents=True, exist_ok=True)
    dump = HOME / f"company-{_recipe()}.dump"
    # Not only threads: several test processes may want it at once.
    with (HOME / "company.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _psql(url, "postgres", f"CREATE DATABASE {DATABASE}")
        if not dump.exists():
            _make_company(folder)
            part = dump.with_suffix(".part")
            _postgres("pg_dump", url, DATABASE, "--format=custom", f"--file={part}")
            part.rename(dump)
            return
    _postgres("pg_restore", url, DATABASE, "--no-owner", "--jobs=2", str(dump))


def _recipe() -> str:
    """Changes with whatever the dump depends on: Tryton's version, the company's script, the fiscal years."""
    installed = sorted(path.name for path in HOME.glob("lib/python3*/site-packages/trytond*.dist-info"))
    parts = [COMPANY.read_text(encoding="utf-8"), *installed, PASSWORD, str(datetime.now(UTC).year)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _make_company(folder: Path) -> None:
    password = folder / "admin-password"
    password.write_text(ADMIN_PASSWORD, encoding="utf-8")
    environment = _environment(folder) | {"TRYTONPASSFILE": str(password)}
    admin = [str(PROGRAMS / "trytond-admin"), "-d", DATABASE, "--email", "admin@example.com"]
    _run([*admin, "-u", "sale", "--activate-dependencies"], environment)
    _run([str(PROGRAMS / "python"), str(COMPANY), DATABASE, USER, PASSWORD], environment)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return kept | {"TRYTOND_CONFIG": str(folder / "trytond.conf")}


def _psql(url: str, database: str, statement: str) -> None:
    _postgres("psql", url, database, "--quiet", f"--command={statement}")


def _postgres(name: str, url: str, database: str, *words: str) -> None:
    base = make_url(url)
    where = [f"--host={base.host}", f"--port={base.port}", f"--username={base.username}", f"--dbname={database}"]
    _run([str(program(name)), *where, *words], dict(os.environ))


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-1000:]}")
