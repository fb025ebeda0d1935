"""Orders into SQL tables of a sales database: the embedded default, and the simplest interface of real ones.

Own tables in an own database: `sales_orders` and `sales_order_lines`. The unique order key makes a second delivery
find the first; a hash of the content makes a *different* order under an old key an error instead of a silent no.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, MetaData, String, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from orders.connectors.port import Accepted, Delivery, Refused, SalesOrder, Unknown
from orders.store import Store, explain, open_store


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

    def __init__(self, url: str) -> None:
        self._store: Store = open_store(url, pool_size=4)
        self._ready = False

    def deliver(self, order: SalesOrder) -> Delivery:
        try:
            self._prepare()
            with self._store.transaction() as session:
                return self._write(session, order)
        except IntegrityError as error:
            # Either somebody delivered the same key this very moment, or the tables refuse the content.
            return self._after_conflict(order, error)
        except (SQLAlchemyError, OSError) as error:
            return Unknown(explain(error))

    def close(self) -> None:
        self._store.close()

    def _prepare(self) -> None:
        if not self._ready:
            SalesBase.metadata.create_all(self._store.engine)
            self._ready = True

    def _write(self, session: Session, order: SalesOrder) -> Delivery:
        if known := _known(session, order):
            return known
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

    def _after_conflict(self, order: SalesOrder, error: DBAPIError) -> Delivery:
        try:
            with self._store.session() as session:
                return _known(session, order) or Refused(explain(error))
        except (SQLAlchemyError, OSError) as again:
            return Unknown(explain(again))


def _known(session: Session, order: SalesOrder) -> Delivery | None:
    query = select(SalesOrderRow.id, SalesOrderRow.content_hash).where(SalesOrderRow.order_key == order.order_key)
    found = session.execute(query).first()
    if found is None:
        return None
    if found.content_hash != content_hash(order):
        return Refused(f"order key {order.order_key} is taken by an order with other content")
    return Accepted(str(found.id))
