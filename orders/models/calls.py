"""Neutral storage of calls: what the runner keeps of each, and requests to be called back. No meaning is read here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from orders.models.foundation import Base, UtcTime


class Call(Base):
    """One call: where it stands as JSON. `sequence` is the number of its last stored event; `boot` the process's."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("ix_calls_open", "node", "ended_at"),
        # What the console asks every second: calls of all nodes that have not ended.
        Index(
            "ix_calls_now",
            "started_at",
            sqlite_where=text("ended_at is null"),
            postgresql_where=text("ended_at is null"),
        ),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    node: Mapped[str] = mapped_column(String(40))
    boot: Mapped[str] = mapped_column(String(40))
    line: Mapped[str] = mapped_column(String(40))
    caller: Mapped[str] = mapped_column(String(40))
    called: Mapped[str] = mapped_column(String(40))
    retailer_id: Mapped[int | None] = mapped_column(ForeignKey("retailers.id"), default=None, index=True)
    started_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    end_cause: Mapped[str] = mapped_column(String(40), default="")
    stage: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(Text)
    sequence: Mapped[int]


class CallEvent(Base):
    """One event of a call and what came of it, both as JSON; PIN digits are masked before they come here."""

    __tablename__ = "call_events"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    event: Mapped[str] = mapped_column(Text)
    actions: Mapped[str] = mapped_column(Text)


class CallbackRequest(Base):
    """Somebody wants to be called back. One open request a call and reason; asking again keeps its place."""

    __tablename__ = "callback_requests"
    __table_args__ = (
        CheckConstraint("state in ('open', 'called', 'closed')", name="state"),
        Index(
            "uq_callback_open",
            "call_id",
            "reason",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))
    retailer_id: Mapped[int | None] = mapped_column(ForeignKey("retailers.id"), default=None)
    number: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(40))
    requested_at: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(10), default="open")
