"""Tokens of programs: shown once, kept as a hash, with scopes and an end; the last use is noted by the minute."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.staff.accounts import AccountError
from admin.staff.signing_in import token_hash
from orders.models import ApiToken, AuditEntry
from orders.store import Store

Scope = Literal[
    "orders.read",
    "retailers.read",
    "catalogue.read",
    "calls.read",
    "online_orders.write",
    "settlements.write",
    "lines.read",
    "lines.write",
    "tickets.read",
    "tickets.write",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "ol_"
USED_EVERY = timedelta(minutes=1)
MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Program:
    """Who calls the API, and what it may."""

    token_id: int
    name: str
    scopes: frozenset[str]


def make_token(
    session: Session, name: str, scopes: Iterable[str], days: int | None, *, actor: str, now: datetime
) -> str:
    """A new token, to be handed over once. `days` None: without an end. Raises AccountError."""
    name, wanted = name.strip()[:60], sorted(set(scopes))
    if not name:
        raise AccountError("name the program that will use the token")
    if not wanted or not set(wanted) <= set(SCOPES):
        raise AccountError(f"choose from the scopes {', '.join(SCOPES)}")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise AccountError(f"a token lasts 1 to {MOST_DAYS} days")
    made = PREFIX + secrets.token_urlsafe(32)
    ends = now + timedelta(days=days) if days else None
    session.add(
        ApiToken(
            name=name,
            token_hash=token_hash(made),
            scopes=" ".join(wanted),
            created_by=actor,
            created_at=now,
            expires_at=ends,
        )
    )
    session.add(AuditEntry(at=now, actor=actor, what="token_made", about=f"token {name}", detail=" ".join(wanted)))
    return made


def revoke_token(session: Session, number: int, *, actor: str, now: datetime) -> bool:
    """It opens nothing from now on. False when there is no such token in force."""
    token = session.get(ApiToken, number)
    if token is None or token.revoked_at is not None:
        return False
    token.revoked_at = now
    session.add(AuditEntry(at=now, actor=actor, what="token_revoked", about=f"token {token.name}", detail=""))
    return True


def program_of(store: Store, given: str, now: datetime) -> Program | None:
    """Whose token this is, while it is in force."""
    if not given.startswith(PREFIX) or len(given) > 100:
        return None
    with store.session() as session:
        session.connection(execution_options={"reading": True})
        token = session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash(given)))
        if token is None or token.revoked_at is not None or (token.expires_at and token.expires_at <= now):
            return None
        program = Program(token.id, token.name, frozenset(token.scopes.split()))
        is_stale = token.used_at is None or now - token.used_at > USED_EVERY
    if is_stale:
        with store.transaction() as session:
            session.get_one(ApiToken, program.token_id).used_at = now
    return program
