"""Orders into SQL tables of a sales database: the embedded default, and the simplest interface of real ones.

Own tables in an own database: `sales_orders` and `sales_order_lines`. The unique order key makes a second delivery
find the first; a hash of the content makes a *different* order under an old key an error instead of a silent no.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import (
    CheckConstraint,
    Connection,
    DefaultClause,
    ForeignKey,
    Integer,
    MetaData,
    String,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from orders.connectors.impatience import giving_up_after
from orders.connectors.port import (
    HELD_STATUSES,
    Accepted,
    Claim,
    Delivery,
    HeldLine,
    HeldOrder,
    Refused,
    SalesOrder,
    Unknown,
    Unreachable,
)
from orders.store import Store, explain, open_store

Result = TypeVar("Result")


class SalesBase(DeclarativeBase):
    """The sales side's tables: another database, another owner, so another metadata."""

    metadata = MetaData()


class SalesOrderRow(SalesBase):
    __tablename__ = "sales_orders"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    order_key: Mapped[str] = mapped_column(String(64), unique=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    order_no: Mapped[str] = mapped_column(String(20))
    order_day: Mapped[str] = mapped_column(String(10))
    placed_at: Mapped[str] = mapped_column(String(40))
    received_at: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(20))
    licence_no: Mapped[str] = mapped_column(String(12), index=True)
    retailer: Mapped[str] = mapped_column(String(60))
    amount_fen: Mapped[int]
    status: Mapped[str] = mapped_column(String(15), server_default="accepted")
    reason: Mapped[str] = mapped_column(String(200), server_default="")

    lines: Mapped[list[SalesLineRow]] = relationship(order_by="SalesLineRow.position")


class SalesLineRow(SalesBase):
    __tablename__ = "sales_order_lines"
    __table_args__ = (CheckConstraint("accepted > 0"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("sales_orders.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    article_code: Mapped[str] = mapped_column(String(6))
    requested: Mapped[int]
    accepted: Mapped[int]
    price_fen: Mapped[int]


def content_hash(order: SalesOrder) -> str:
    """The same for the same content: what tells a repeated order from a changed one."""
    return hashlib.sha256(json.dumps(asdict(order), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class SqlTablesConnector:
    """Implements `port.Connector` over any database that SQLAlchemy opens."""

    name = "sql_tables"

    def __init__(self, url: str, *, gives_up_after_s: float = 20.0) -> None:
        # No ping before use: it would wait for ever on a database that hangs. A connection gone stale is replaced.
        self._store: Store = open_store(
            url, pool_size=4, pre_ping=False, connect_timeout_s=max(2, math.ceil(gives_up_after_s / 2))
        )
        self._gives_up_after_s = gives_up_after_s
        self._ready = False

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:  # noqa: ARG002 — the unique key does the claiming
        def write(session: Session) -> Delivery:
            return _known(session, order) or _written(session, order)

        try:
            return self._run(write)
        except IntegrityError as error:
            return self._after_conflict(order, error)
        except (SQLAlchemyError, OSError) as error:
            return Unknown(explain(error))

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        query = select(SalesOrderRow).where(SalesOrderRow.order_day == order_day).order_by(SalesOrderRow.id)

        def read(session: Session) -> list[HeldOrder]:
            return [_held(row) for row in session.scalars(query.options(selectinload(SalesOrderRow.lines)))]

        try:
            return iter(self._run(read))
        except (SQLAlchemyError, OSError) as error:
            raise Unreachable(explain(error)) from error

    def close(self) -> None:
        self._store.close()

    def _run(self, work: Callable[[Session], Result]) -> Result:
        """One transaction within the time allowed; once more when the pooled connection turns out to be stale."""
        try:
            return self._attempt(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._attempt(work)

    def _attempt(self, work: Callable[[Session], Result]) -> Result:
        with self._store.transaction() as session, giving_up_after(self._gives_up_after_s, session.connection()):
            if not self._ready:
                _prepare_tables(session.connection())
            done = work(session)
            session.commit()
        self._ready = True
        return done

    def _after_conflict(self, order: SalesOrder, error: DBAPIError) -> Delivery:
        """Either somebody delivered the same key this very moment, or the tables refuse the content."""
        try:
            return self._run(lambda session: _known(session, order)) or Refused(explain(error))
        except (SQLAlchemyError, OSError) as again:
            return Unknown(explain(again))


def _prepare_tables(connection: Connection) -> None:
    """Make the tables; those made by an older orderline get the columns that came since. Nothing is taken away."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('orderline sales tables'))"))
    SalesBase.metadata.create_all(connection)
    table = SalesBase.metadata.tables[SalesOrderRow.__tablename__]
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there and isinstance(column.server_default, DefaultClause):
            kind, default = column.type.compile(connection.dialect), column.server_default.arg
            connection.execute(
                text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind} NOT NULL DEFAULT '{default}'")
            )


def _written(session: Session, order: SalesOrder) -> Delivery:
    row = SalesOrderRow(
        order_key=order.order_key,
        content_hash=content_hash(order),
        order_no=order.order_no,
        order_day=order.order_day,
        placed_at=order.placed_at,
        received_at=datetime.now(UTC).isoformat(),
        channel=order.channel,
        licence_no=order.licence_no,
        retailer=order.retailer,
        amount_fen=order.amount_fen,
    )
    session.add(row)
    session.flush()
    session.execute(insert(SalesLineRow), [{"order_id": row.id, **asdict(line)} for line in order.lines])
    return Accepted(str(row.id))


def _known(session: Session, order: SalesOrder) -> Delivery | None:
    query = select(SalesOrderRow.id, SalesOrderRow.content_hash).where(SalesOrderRow.order_key == order.order_key)
    found = session.execute(query).first()
    if found is None:
        return None
    if found.content_hash != content_hash(order):
        return Refused(f"order key {order.order_key} is taken by an order with other content")
    return Accepted(str(found.id))


def _held(row: SalesOrderRow) -> HeldOrder:
    status = HELD_STATUSES.get(row.status, "accepted")
    lines = tuple(HeldLine(line.article_code, line.accepted, line.price_fen) for line in row.lines)
    return HeldOrder(row.order_key, str(row.id), row.amount_fen, lines, status, row.reason)
