"""Calling retailers: consent, campaigns, whom each calls, every attempt, and phones that need a person's care."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from orders.models.foundation import Base, UtcTime


class CallConsent(Base):
    """Whether a retailer may be called, with the proof. No row: nobody asked, so it is not called."""

    __tablename__ = "call_consents"
    __table_args__ = (CheckConstraint("state in ('given', 'refused')", name="state"),)

    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    proof: Mapped[str] = mapped_column(String(200))
    covers_more: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(UtcTime)


class Campaign(Base):
    """One round of calls for an order day, from `starts_at` until `ends_at`; `filters` as `orders.calling` has them.

    `plan_key` names the day and batch of a campaign that the schedule made, so that it makes it once.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("kind in ('reminder', 'notice')", name="kind"),
        CheckConstraint("state in ('planned', 'running', 'paused', 'stopped', 'done')", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), default="reminder")
    name: Mapped[str] = mapped_column(String(80))
    order_day: Mapped[date] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(10), default="planned", index=True)
    starts_at: Mapped[datetime] = mapped_column(UtcTime)
    ends_at: Mapped[datetime] = mapped_column(UtcTime)
    filters: Mapped[str] = mapped_column(Text, default="{}")
    text_zh: Mapped[str] = mapped_column(Text, default="")
    text_en: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(80), default="")
    plan_key: Mapped[str | None] = mapped_column(String(80), default=None, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class CampaignTarget(Base):
    """One retailer of a campaign. A claim is a token and a time; `reason` says why it was left out or is done.

    Without foreign keys: the one statement that writes them takes both ids from their tables, and checking a million
    rows once more took longer than writing them.
    """

    __tablename__ = "campaign_targets"
    __table_args__ = (
        UniqueConstraint("campaign_id", "retailer_id"),
        CheckConstraint("state in ('waiting', 'claimed', 'dialling', 'done', 'left_out')", name="state"),
        Index(
            "ix_campaign_targets_due",
            "campaign_id",
            "next_attempt_at",
            "id",
            sqlite_where=text("state in ('waiting', 'claimed', 'dialling')"),
            postgresql_where=text("state in ('waiting', 'claimed', 'dialling')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int]
    retailer_id: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    reason: Mapped[str] = mapped_column(String(20), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcTime)
    claim_token: Mapped[str] = mapped_column(String(64), default="")
    claimed_until: Mapped[datetime | None] = mapped_column(UtcTime, default=None)


class CallAttempt(Base):
    """One call to a retailer, written before it is dialled. `rang_at` starts the clock of the caps and the spacing.

    `promised_at`: when we told the retailer on this call that we would call again.
    """

    __tablename__ = "call_attempts"
    __table_args__ = (
        UniqueConstraint("target_id", "number_of"),
        Index("ix_call_attempts_rang", "retailer_id", "rang_at"),
        Index("ix_call_attempts_number", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("campaign_targets.id"))
    number_of: Mapped[int]
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    call_id: Mapped[str] = mapped_column(String(64), unique=True)
    number: Mapped[str] = mapped_column(String(20))
    phone_kind: Mapped[str] = mapped_column(String(10))
    began_at: Mapped[datetime] = mapped_column(UtcTime)
    rang_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    promised_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    outcome: Mapped[str] = mapped_column(String(20), default="")


class PhoneTask(Base):
    """A number that fails again and again: somebody is to find out the right one."""

    __tablename__ = "phone_tasks"
    __table_args__ = (
        CheckConstraint("state in ('open', 'done')", name="state"),
        Index(
            "uq_phone_tasks_open",
            "retailer_id",
            "number",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    number: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    reason: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10), default="open")
