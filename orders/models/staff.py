"""Who works with the console: staff and roles, signed-in browsers, tokens of programs, call-backs in work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from orders.models.foundation import Base, UtcTime


class StaffUser(Base):
    """One person. `name` is what is typed to sign in; `manager_id` ties a customer manager to its own retailers.

    `totp_secret` is encrypted under a key outside the database; `totp_step` is the last step used, so that a code
    counts once. `failures` in a row lead to `locked_until`.
    """

    __tablename__ = "staff_users"
    __table_args__ = (CheckConstraint("language in ('zh', 'en')", name="language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    full_name: Mapped[str] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(2), default="zh")
    password_hash: Mapped[str] = mapped_column(String(200))
    password_at: Mapped[datetime] = mapped_column(UtcTime)
    must_change: Mapped[bool] = mapped_column(default=True)
    totp_secret: Mapped[str] = mapped_column(String(300), default="")
    totp_step: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("managers.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    roles: Mapped[list[StaffRole]] = relationship(
        cascade="all, delete-orphan", order_by="StaffRole.role", lazy="selectin"
    )


class StaffRole(Base):
    """A role of a person; an approver's limit is in cartons a request (3.4.3.1), None where the role has none."""

    __tablename__ = "staff_roles"
    __table_args__ = (
        CheckConstraint(
            "role in ('agent', 'customer_manager', 'market_manager', 'approver', 'information_centre', "
            "'supervisor', 'auditor', 'administrator')",
            name="role",
        ),
        CheckConstraint("approval_limit is null or approval_limit >= 0", name="limit"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    approval_limit: Mapped[int | None] = mapped_column(default=None)


class StaffSession(Base):
    """A browser that has given a password; `token_hash` because a stolen database must open no console.

    `verified_at` is when the second factor was passed; before that the session opens only that page.
    """

    __tablename__ = "staff_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    verified_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    address: Mapped[str] = mapped_column(String(45), default="")


class ApiToken(Base):
    """A program's key to the REST API: only its hash is kept; `scopes` are words with spaces between."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(String(200))
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)


class CallbackWork(Base):
    """Who has taken a call-back request, and how it ended."""

    __tablename__ = "callback_work"

    request_id: Mapped[int] = mapped_column(ForeignKey("callback_requests.id"), primary_key=True)
    taken_by: Mapped[str] = mapped_column(String(80))
    taken_at: Mapped[datetime] = mapped_column(UtcTime)
    done_by: Mapped[str] = mapped_column(String(80), default="")
    done_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    result: Mapped[str] = mapped_column(String(300), default="")
