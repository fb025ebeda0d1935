"""The database: how it is opened, what a session is, and what its failures mean to the person who must mend them.

SQLite runs WAL with synchronous=FULL and takes its write lock at BEGIN, so that a transaction that will write never
fails half-way; PostgreSQL runs with synchronous_commit=on. A commit that has returned survives a power cut on both.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

BUSY_TIMEOUT_MS = 5000


class StoreError(RuntimeError):
    """The database can't be used as it is; the message says what to do."""


class Store:
    """One database. Sessions are short: one transaction each, on any thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    def session(self) -> Session:
        """A new session; use it with `with`, and `session.begin()` for writing."""
        return self._sessions()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on any exception."""
        with self._sessions() as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, and so keeps nobody from writing meanwhile."""
        with self._sessions() as session:
            session.connection(execution_options={"reading": True})
            yield session

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str, *, pool_size: int = 10, pre_ping: bool = True, connect_timeout_s: int = 5) -> Store:
    """Open a database by SQLAlchemy URL: "sqlite:///file", "sqlite://" (memory) or "postgresql+psycopg://…".

    `pre_ping` asks a pooled PostgreSQL connection whether it still lives before each use.
    Raises StoreError when the URL is none of these or its folder is missing. Connects only at first use.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("this is no database URL; write e.g. sqlite:///var/orderline.db") from error
    if parsed.get_backend_name() == "sqlite":
        return Store(_sqlite(parsed))
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=pre_ping,
            connect_args={
                "options": "-c synchronous_commit=on -c lock_timeout=5000",
                "connect_timeout": connect_timeout_s,
            },
        )
        return Store(engine)
    raise StoreError(f"{parsed.render_as_string()}: only sqlite and postgresql are supported")


def _sqlite(url: URL) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}}
    if in_memory:
        options["poolclass"] = StaticPool
    elif not Path(str(url.database)).parent.is_dir():
        raise StoreError(f"the folder of {url.database} does not exist: create it or change the URL")
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    _let_one_write(engine, in_memory=in_memory)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling would begin late and without the write lock; we say BEGIN ourselves.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _let_one_write(engine: Engine, *, in_memory: bool) -> None:
    """Threads of this process queue for SQLite's one write lock here, in turn.

    SQLite itself makes the losers sleep, longer and longer: four threads then took up to 650 ms for a step of 6 ms.
    """
    gate = threading.Lock()

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("reading"):
            connection.exec_driver_sql("BEGIN")
            return
        record = connection.connection.record_info
        if not in_memory and record is not None and "writing" not in record:
            if not gate.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
                raise TimeoutError("the database is locked: another step has not ended for five seconds")
            record["writing"] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def given_back(_connection: object, record: ConnectionPoolEntry) -> None:
        if record.record_info and record.record_info.pop("writing", None):
            gate.release()

    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", given_back)


def utc(at: datetime) -> datetime:
    """A time as the database gave it: SQLite forgets that it is UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def explain(error: BaseException) -> str:
    """What a database failure means and what to do, in one sentence, for logs and `doctor`."""
    text = str(error.orig) if isinstance(error, DBAPIError) and error.orig else str(error)
    for sign, meaning in _MEANINGS:
        if sign in text:
            return f"{meaning} ({text.strip().splitlines()[0]})"
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


_MEANINGS = (
    ("database is locked", "another program holds the database's write lock: end it, or move to PostgreSQL"),
    ("disk is full", "the disk is full: free space in the data folder; calls go on as soon as there is some"),
    ("disk I/O error", "the disk can't be read or written: check it and the data folder's permissions"),
    ("readonly database", "the database file is read-only for this user: give the user write permission"),
    ("unable to open database file", "the database file can't be opened: check that its folder exists and is writable"),
    ("no such table", "the database has no tables yet: run `orderline serve` once"),
    ("Connection refused", "PostgreSQL does not answer at this address: start it, or change the URL"),
    ("password authentication failed", "PostgreSQL refuses the password: check the one configured"),
    ("No space left", "the disk is full: free space; calls go on as soon as there is some"),
)
