"""Calls begun at a cloud carrier, which knows no idempotency key: each is written down before it is asked for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from orders.models.foundation import Base, UtcTime

UNDER_WAY = "state in ('claimed', 'placed')"


class CloudCall(Base):
    """One call out. claimed: to be asked for, or asked for with the answer lost; placed: the carrier's `sid` is known.

    One call at a time to a number: by number and time a call whose answer was lost is found in the carrier's list.
    """

    __tablename__ = "cloud_calls"
    __table_args__ = (
        CheckConstraint("state in ('claimed', 'placed', 'over')", name="state"),
        Index(
            "uq_cloud_calls_number",
            "number",
            unique=True,
            sqlite_where=text(UNDER_WAY),
            postgresql_where=text(UNDER_WAY),
        ),
        Index("ix_cloud_calls_state", "state", "claimed_at"),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    node: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="claimed")
    sid: Mapped[str | None] = mapped_column(String(40), default=None, unique=True)
    claimed_at: Mapped[datetime] = mapped_column(UtcTime)
    outcome: Mapped[str] = mapped_column(String(40), default="")
