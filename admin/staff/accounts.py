"""Accounts of staff: made, changed, disabled; each change in the audit trail, none without somebody who made it.

Functions work in the caller's transaction. Names are lower case; what a person typed is matched so.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from admin.staff.passwords import check_strength, hashed
from admin.staff.permissions import ROLES, Permission, Role, permissions_of
from orders.models import AuditEntry, Manager, StaffRole, StaffSession, StaffUser
from orders.values import Language

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


class AccountError(ValueError):
    """It can't be done; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is at the console. `scope` is the customer manager whose retailers alone are shown, None for all."""

    user_id: int
    name: str
    full_name: str
    language: Language
    roles: tuple[Role, ...]
    permissions: frozenset[Permission]
    scope: int | None
    must_change: bool
    has_second_factor: bool

    def may(self, permission: str) -> bool:
        return permission in self.permissions


def person_of(user: StaffUser) -> Person:
    roles = tuple(cast(Role, role.role) for role in user.roles)
    # Whoever is nothing but a customer manager sees the own retailers only.
    scope = (user.manager_id or 0) if set(roles) == {"customer_manager"} else None
    return Person(
        user.id,
        user.name,
        user.full_name,
        "en" if user.language == "en" else "zh",
        roles,
        permissions_of(roles),
        scope,
        user.must_change,
        bool(user.totp_secret),
    )


def add_user(
    session: Session,
    name: str,
    full_name: str,
    roles: Mapping[str, int | None],
    *,
    actor: str,
    now: datetime,
    password: str = "",
    language: str = "zh",
    manager: str = "",
) -> tuple[StaffUser, str]:
    """A new account; returns it with its first password (made up when none is given). Raises AccountError."""
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountError("a user name has 2 to 40 of a-z, 0-9, dot, dash; it begins with a letter or digit")
    if session.scalar(select(StaffUser.id).where(StaffUser.name == name)) is not None:
        raise AccountError(f"there is a user {name} already; choose another name or reset that one")
    if password:
        check_strength(password, name)
    made_up = password or new_password()
    user = StaffUser(
        name=name,
        full_name=full_name.strip()[:60] or name,
        language="en" if language == "en" else "zh",
        password_hash=hashed(made_up),
        password_at=now,
        must_change=True,
        created_at=now,
    )
    _set_roles(user, roles)
    user.manager_id = _manager_id(session, manager)
    session.add(user)
    session.flush()
    note(session, actor, "user_added", user, now, ", ".join(sorted(roles)))
    return user, made_up


def change_user(
    session: Session,
    name: str,
    *,
    full_name: str,
    roles: Mapping[str, int | None],
    manager: str,
    actor: str,
    now: datetime,
) -> StaffUser:
    """Set name, roles and customer manager; open sessions go on with the new roles. Raises AccountError."""
    user = known_user(session, name)
    before = sorted(role.role for role in user.roles)
    if "administrator" in before and "administrator" not in roles:
        _keep_an_administrator(session, user)
    user.full_name = full_name.strip()[:60] or user.name
    user.roles.clear()
    session.flush()
    _set_roles(user, roles)
    user.manager_id = _manager_id(session, manager)
    note(session, actor, "user_changed", user, now, f"{', '.join(before)} → {', '.join(sorted(roles))}")
    return user


def disable_user(session: Session, name: str, *, actor: str, now: datetime) -> None:
    """Close the account and every session of it at once; what it did stays in the audit. Raises AccountError."""
    user = known_user(session, name)
    if user.disabled_at is None:
        _keep_an_administrator(session, user)
        user.disabled_at = now
    end_sessions(session, user.id)
    note(session, actor, "user_disabled", user, now)


def reset_user(session: Session, name: str, *, actor: str, now: datetime, password: str = "") -> str:
    """A new first password, no second factor, no lock, enabled; every session ends. Raises AccountError."""
    user = known_user(session, name)
    if password:
        check_strength(password, user.name)
    made_up = password or new_password()
    user.password_hash, user.password_at, user.must_change = hashed(made_up), now, True
    user.totp_secret, user.totp_step = "", 0
    user.failures, user.locked_until, user.disabled_at = 0, None, None
    end_sessions(session, user.id)
    note(session, actor, "user_reset", user, now)
    return made_up


def known_user(session: Session, name: str) -> StaffUser:
    user = session.scalar(select(StaffUser).where(StaffUser.name == name.strip().lower()))
    if user is None:
        raise AccountError(f"there is no user {name}; `orderline users list` names those there are")
    return user


def end_sessions(session: Session, user_id: int, besides: str = "") -> None:
    """End the sessions of a user, all but the one whose token hash is `besides`."""
    session.execute(delete(StaffSession).where(StaffSession.user_id == user_id, StaffSession.token_hash != besides))


def note(session: Session, actor: str, what: str, user: StaffUser, now: datetime, detail: str = "") -> None:
    session.add(AuditEntry(at=now, actor=actor, what=what, about=f"user {user.name}", detail=detail))


def new_password() -> str:
    """Made up, to be changed at the first signing in: easy to read out, 80 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def _set_roles(user: StaffUser, roles: Mapping[str, int | None]) -> None:
    if not roles:
        raise AccountError(f"name at least one role: {', '.join(ROLES)}")
    for role, limit in roles.items():
        if role not in ROLES:
            raise AccountError(f"there is no role {role}; there are {', '.join(ROLES)}")
        if limit is not None and role != "approver":
            raise AccountError(f"only an approver has a limit, not {role}")
        user.roles.append(StaffRole(role=role, approval_limit=limit))


def _manager_id(session: Session, manager: str) -> int | None:
    if not manager:
        return None
    found = session.scalar(select(Manager.id).where(Manager.name == manager))
    if found is None:
        raise AccountError(f"there is no customer manager {manager}; import managers first, or correct the name")
    return found


def _keep_an_administrator(session: Session, leaving: StaffUser) -> None:
    """The last one can't be shut out: nobody could make another but by the command line."""
    query = (
        select(func.count())
        .select_from(StaffUser)
        .join(StaffRole)
        .where(StaffRole.role == "administrator", StaffUser.disabled_at.is_(None), StaffUser.id != leaving.id)
    )
    is_one = any(role.role == "administrator" for role in leaving.roles)
    if is_one and leaving.disabled_at is None and not session.scalar(query):
        raise AccountError(f"{leaving.name} is the last administrator; make another one first")
