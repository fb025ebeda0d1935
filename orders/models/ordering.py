"""Drafts, orders, the demand behind them, and the outbox that carries orders to the sales system."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from orders.models.foundation import Base, UtcTime


class Draft(Base):
    """A basket in the making, of a retailer and its order day; `owner` (a call) may write it until the lease ends.

    At most one draft of a retailer and day is open; placing it closes it for ever.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        Index(
            "uq_drafts_open",
            "retailer_id",
            "order_day",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        CheckConstraint("state in ('open', 'placed', 'expired')", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    order_day: Mapped[date]
    state: Mapped[str] = mapped_column(String(10), default="open")
    version: Mapped[int] = mapped_column(default=1)
    owner: Mapped[str] = mapped_column(String(64), default="", index=True)
    owned_until: Mapped[datetime | None] = mapped_column(UtcTime, default=None)

    lines: Mapped[list[DraftLine]] = relationship(
        back_populates="draft", cascade="all, delete-orphan", order_by="DraftLine.id"
    )


class DraftLine(Base):
    """One article of a draft: what was asked for, and what of it was accepted (0 = only the demand is kept)."""

    __tablename__ = "draft_lines"
    __table_args__ = (
        UniqueConstraint("draft_id", "article_code"),
        CheckConstraint("accepted >= 0 and requested >= 0", name="quantities"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id"))
    article_code: Mapped[str] = mapped_column(ForeignKey("articles.code"))
    requested: Mapped[int]
    accepted: Mapped[int]
    replaces: Mapped[str] = mapped_column(String(6), default="")

    draft: Mapped[Draft] = relationship(back_populates="lines")


class Order(Base):
    """A confirmed order. `order_key` is the same for ever and is what the sales system knows it by."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("status in ('registered', 'accepted', 'awaiting_debit', 'debited', 'rejected')", name="status"),
        Index("ix_orders_retailer_day", "retailer_id", "order_day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_no: Mapped[str] = mapped_column(String(16), unique=True)
    order_key: Mapped[str] = mapped_column(String(64), unique=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id"), unique=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    order_day: Mapped[date] = mapped_column(index=True)
    channel: Mapped[str] = mapped_column(String(20), default="phone")
    call_id: Mapped[str] = mapped_column(String(64), default="")
    placed_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    amount_fen: Mapped[int]
    status: Mapped[str] = mapped_column(String(15), default="registered")

    lines: Mapped[list[OrderLine]] = relationship(
        back_populates="order", cascade="all, delete-orphan", order_by="OrderLine.position"
    )


class OrderLine(Base):
    """One accepted line, with its price at the moment of placing."""

    __tablename__ = "order_lines"
    __table_args__ = (CheckConstraint("accepted > 0", name="accepted"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    article_code: Mapped[str] = mapped_column(ForeignKey("articles.code"), index=True)
    requested: Mapped[int]
    accepted: Mapped[int]
    price_fen: Mapped[int]

    order: Mapped[Order] = relationship(back_populates="lines")


class DemandLine(Base):
    """What a retailer wanted on an order day, whatever could be had (D5-12): the largest quantity asked for."""

    __tablename__ = "demand"
    __table_args__ = (UniqueConstraint("draft_id", "article_code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id"))
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"), index=True)
    order_day: Mapped[date] = mapped_column(index=True)
    article_code: Mapped[str] = mapped_column(ForeignKey("articles.code"))
    requested: Mapped[int]


class OutboxRow(Base):
    """An order on its way to the sales system: written with the order, sent by the dispatcher, kept for the record."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'sent', 'dead')", name="state"),
        Index("ix_outbox_due", "state", "next_attempt_at"),
        Index("ix_outbox_retailer", "retailer_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), unique=True)
    order_key: Mapped[str] = mapped_column(String(64), unique=True)
    retailer_id: Mapped[int]
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcTime)
    lease_token: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    external_id: Mapped[str] = mapped_column(String(80), default="")
    last_error: Mapped[str] = mapped_column(String(500), default="")
    sent_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)


class SalesLink(Base):
    """Whether the sales system takes orders at present, as the dispatcher last saw it: callers are told accordingly."""

    __tablename__ = "sales_link"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    open: Mapped[bool] = mapped_column(default=True)
    failures: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    reason: Mapped[str] = mapped_column(String(500), default="")
