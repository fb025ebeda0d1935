"""The schema's history, run by Alembic from inside the package: `upgrade(store)` comes before any other use."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from orders.store import Store, StoreError


def _config(store: Store) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = store.engine
    return config


def head() -> str:
    """The newest revision this version knows."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def current(store: Store) -> str:
    """The revision a database is at, "" for an empty one."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(store: Store) -> None:
    """Bring the schema to this version's. Raises StoreError for a database that a newer version has written."""
    config = _config(store)
    revision = current(store)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision and revision not in known:
        raise StoreError(
            f"the database is at schema {revision}, which this version does not know: "
            "install the version that wrote it, or restore the backup taken before"
        )
    command.upgrade(config, "head")
