"""Migrations make exactly the tables that the models describe, on both databases, and know a newer database."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from orders.migrations import current, head, upgrade
from orders.models import Base
from orders.store import Store, StoreError, explain, open_store


def test_migrations_make_what_the_models_say(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert current(store) == head()


def test_an_upgraded_database_stays_as_it_is(store: Store) -> None:
    upgrade(store)
    assert current(store) == head()


def test_a_newer_database_is_refused(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="does not know"):
        upgrade(store)


@pytest.mark.parametrize(
    ("url", "what_to_do"),
    [
        ("orders.db", "write e.g. sqlite"),
        ("mysql://host/db", "only sqlite and postgresql"),
        ("sqlite:////no/such/folder/orders.db", "create it"),
    ],
)
def test_an_unusable_url_says_what_to_write(url: str, what_to_do: str) -> None:
    with pytest.raises(StoreError, match=what_to_do):
        open_store(url)


def test_a_commit_is_on_disk(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    with store.engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    store.close()
    assert settings == ["wal", 2]


def test_a_locked_database_is_explained(tmp_path: Path) -> None:
    assert "holds the database's write lock" in explain(OSError("database is locked"))
    assert "free space" in explain(OSError("database or disk is full; disk is full"))
