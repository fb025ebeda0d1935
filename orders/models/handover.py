"""What became of comparing both sides: one row a run, one a difference, kept for the inspection report; and leases."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from orders.models.foundation import Base, UtcTime


class Reconciliation(Base):
    """One comparison of our orders of a day with the sales system's."""

    __tablename__ = "reconciliations"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    system: Mapped[str] = mapped_column(String(40))
    ours: Mapped[int]
    held: Mapped[int]
    matched: Mapped[int]
    under_way: Mapped[int]

    differences: Mapped[list[ReconciliationDifference]] = relationship(
        cascade="all, delete-orphan", order_by="ReconciliationDifference.id"
    )


class ReconciliationDifference(Base):
    """One difference and how a person settled it."""

    __tablename__ = "reconciliation_differences"
    __table_args__ = (CheckConstraint("state in ('open', 'resent', 'explained', 'gone')", name="state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey("reconciliations.id"), index=True)
    order_key: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open", index=True)
    explanation: Mapped[str] = mapped_column(String(500), default="")
    settled_by: Mapped[str] = mapped_column(String(80), default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)


class Lease(Base):
    """Who may do a piece of scheduled work until when. `token` grows with each new holder and fences off old ones."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    token: Mapped[int] = mapped_column(default=1)
    until: Mapped[datetime] = mapped_column(UtcTime)
