"""The same suite on both databases: SQLite in a file, PostgreSQL in a cluster of the tests' own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.postgres_cluster import cluster
from orders.demo import load_demo
from orders.migrations import upgrade
from orders.order_desk import DomainOrderDesk
from orders.store import Store, open_store

KEY = b"orders-tests"
TODAY = date(2026, 11, 23)
TEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, a Monday."""

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with cluster() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """A database with schema and demo data, copied for each test: a copy takes a fifth of a second."""
    admin = open_store(postgres_url)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE demo_template"))
    admin.close()
    store = open_store(postgres_url.replace("/postgres", "/demo_template"))
    _fill(store)
    store.close()
    return postgres_url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "demo.db"
    store = open_store(f"sqlite:///{path}")
    _fill(store)
    with store.engine.connect() as connection:
        connection.rollback()
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    store.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database with the demo data, on each of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "orders.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        store = open_store(f"sqlite:///{path}")
        yield store
        store.close()
        return
    url = request.getfixturevalue("postgres_template")
    name = f"test_{next(_NUMBERS)}"
    admin = open_store(url)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE demo_template"))
    store = open_store(url.replace("/postgres", f"/{name}"))
    yield store
    store.close()
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.close()


@pytest.fixture
def desk() -> DomainOrderDesk:
    return DomainOrderDesk(KEY, now=lambda: TEN)


def _fill(store: Store) -> None:
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, TODAY, KEY)
