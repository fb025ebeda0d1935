"""Alembic's entry: runs the migrations on the engine handed over, in one transaction, batch mode for SQLite."""

from __future__ import annotations

from typing import Literal

from alembic import context

from orders.models import Base
from orders.models.foundation import UtcTime


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Our own time type is a DateTime to the database; a migration must not change meaning when our code does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcTime) else False


engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=engine.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
