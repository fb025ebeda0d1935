"""Signing in: password, second factor, sessions with rotation and two time limits, guessing made slow.

A try is counted before the password is looked at, so that parallel guesses can't be more than one after another.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from admin.staff.accounts import Person, end_sessions, note, person_of
from admin.staff.passwords import WeakPassword, check_strength, hashed, matches
from admin.staff.second_factor import SecretBox, step_of_code
from orders.models import StaffSession, StaffUser
from orders.store import Store

TRIES = 5
LOCKED = timedelta(minutes=15)
IDLE, LONGEST = timedelta(minutes=60), timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
NOBODY, LOCKED_OUT = (0, ""), (-1, "")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that holds: who, and whether the second factor was passed (or is not asked of this person)."""

    person: Person
    token: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a try to sign in; `token` opens a session only when `outcome` is "in" or "second_factor"."""

    outcome: Literal["in", "second_factor", "wrong", "locked"]
    token: str = ""


class SigningIn:
    """Sign-in over one store. `second_factor_for_all`: nobody works without one."""

    def __init__(
        self,
        store: Store,
        box: SecretBox,
        *,
        second_factor_for_all: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self.box, self._now = store, box, now
        self.second_factor_for_all = second_factor_for_all

    def nobody_yet(self) -> bool:
        """Whether the first user is still to be made."""
        with self._reading() as session:
            return session.scalar(select(StaffUser.id).limit(1)) is None

    def try_password(self, name: str, password: str, address: str) -> Tried:
        """A new session for the right password; the second factor is asked of those who have one."""
        now = self._now()
        with self._store.transaction() as session:
            candidate = self._counted(session, name, now)
        if candidate == LOCKED_OUT:
            return Tried("locked")
        user_id, stored = candidate
        if not matches(stored, password):
            return Tried("wrong")
        with self._store.transaction() as session:
            user = session.get_one(StaffUser, user_id)
            asked = bool(user.totp_secret)
            # Failed codes stay counted: else whoever knows the password could guess at codes for ever.
            user.failures, user.locked_until = max(0, user.failures - 1) if asked else 0, None
            token = self._open(session, user, address, now, verified=not asked)
            if not asked:
                note(session, user.name, "signed_in", user, now, address)
        return Tried("second_factor" if asked else "in", token)

    def try_code(self, token: str, code: str, address: str) -> Tried:
        """The second factor of a session that waits for it; passing makes a new token, failing counts as a try."""
        now = self._now()
        with self._store.transaction() as session:
            found = self._session_row(session, token, now, locking=True)
            if found is None:
                return Tried("wrong")
            row, user = found
            if user.locked_until and user.locked_until > now:
                session.delete(row)
                return Tried("locked")
            if not self._take_code(user, code, now):
                user.failures += 1
                if user.failures >= TRIES:
                    user.locked_until = now + LOCKED
                    session.delete(row)
                    note(session, user.name, "user_locked", user, now, f"second factor, {address}")
                    return Tried("locked")
                return Tried("second_factor", token)
            user.failures, user.locked_until = 0, None
            session.delete(row)
            fresh = self._open(session, user, address, now, verified=True)
            note(session, user.name, "signed_in", user, now, address)
        return Tried("in", fresh)

    def find(self, token: str) -> SignedIn | None:
        """The session of this token while it lasts: idle for an hour, or after twelve, it is over."""
        now = self._now()
        with self._reading() as session:
            found = self._session_row(session, token, now)
            if found is None:
                return None
            row, user = found
            signed_in = SignedIn(person_of(user), token, row.verified_at is not None)
            is_stale = now - row.seen_at > SEEN_EVERY
        if is_stale:
            with self._store.transaction() as session:
                if kept := session.get(StaffSession, token_hash(token)):
                    kept.seen_at = now
        return signed_in

    def sign_out(self, token: str) -> None:
        with self._store.transaction() as session:
            session.execute(delete(StaffSession).where(StaffSession.token_hash == token_hash(token)))

    def change_password(self, token: str, old: str, new: str) -> Literal["changed", "wrong"]:
        """Set a new password; all other sessions of the person end. Raises WeakPassword."""
        now = self._now()
        with self._reading() as session:
            found = self._session_row(session, token, now)
            stored, name, user_id = (found[1].password_hash, found[1].name, found[1].id) if found else ("", "", 0)
        if not matches(stored, old):
            return "wrong"
        check_strength(new, name)
        if new == old:
            raise WeakPassword("this is the old password; choose another one")
        fresh = hashed(new)
        with self._store.transaction() as session:
            user = session.get_one(StaffUser, user_id)
            user.password_hash, user.password_at, user.must_change = fresh, now, False
            end_sessions(session, user.id, besides=token_hash(token))
            note(session, user.name, "password_changed", user, now)
        return "changed"

    def enrol(self, token: str, secret: str, code: str) -> bool:
        """Begin to ask for the second factor, once its first code is right; one that is there is not replaced.

        Else a browser left open would be enough to make the account somebody else's: a reset comes first.
        """
        now = self._now()
        with self._store.transaction() as session:
            found = self._session_row(session, token, now)
            if found is None or (step := step_of_code(secret, code, 0, now)) is None:
                return False
            row, user = found
            if user.totp_secret:
                return False
            user.totp_secret, user.totp_step = self.box.close(secret), step
            row.verified_at = now
            end_sessions(session, user.id, besides=token_hash(token))
            note(session, user.name, "second_factor_set", user, now)
        return True

    def _counted(self, session: Session, name: str, now: datetime) -> tuple[int, str]:
        """The user's id and stored password, one more try counted; NOBODY, or LOCKED_OUT for a while."""
        query = select(StaffUser).where(StaffUser.name == name.strip().lower(), StaffUser.disabled_at.is_(None))
        user = session.scalar(query.with_for_update(of=StaffUser))
        if user is None:
            return NOBODY
        if user.locked_until and user.locked_until > now:
            return LOCKED_OUT
        user.failures = 1 if user.locked_until else user.failures + 1
        user.locked_until = None
        if user.failures >= TRIES:
            user.locked_until = now + LOCKED
            note(session, user.name, "user_locked", user, now, "password")
        return user.id, user.password_hash

    def _take_code(self, user: StaffUser, code: str, now: datetime) -> bool:
        step = step_of_code(self.box.open(user.totp_secret), code, user.totp_step, now)
        if step is not None:
            user.totp_step = step
        return step is not None

    def _open(self, session: Session, user: StaffUser, address: str, now: datetime, *, verified: bool) -> str:
        token = secrets.token_urlsafe(32)
        session.execute(
            delete(StaffSession).where(StaffSession.user_id == user.id, StaffSession.created_at < now - LONGEST)
        )
        session.add(
            StaffSession(
                token_hash=token_hash(token),
                user_id=user.id,
                created_at=now,
                seen_at=now,
                verified_at=now if verified else None,
                address=address[:45],
            )
        )
        return token

    def _session_row(
        self, session: Session, token: str, now: datetime, *, locking: bool = False
    ) -> tuple[StaffSession, StaffUser] | None:
        query = (
            select(StaffSession, StaffUser)
            .join(StaffUser, StaffUser.id == StaffSession.user_id)
            .where(
                StaffSession.token_hash == token_hash(token),
                StaffSession.seen_at > now - IDLE,
                StaffSession.created_at > now - LONGEST,
                StaffUser.disabled_at.is_(None),
            )
        )
        if locking:
            query = query.with_for_update(of=StaffUser)
        found = session.execute(query).one_or_none()
        return (found[0], found[1]) if found else None

    def _reading(self) -> Session:
        session = self._store.session()
        session.connection(execution_options={"reading": True})
        return session

    def signed_in_now(self) -> int:
        """How many browsers are signed in."""
        with self._reading() as session:
            query = select(func.count()).select_from(StaffSession).where(StaffSession.seen_at > self._now() - IDLE)
            return int(session.scalar(query) or 0)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
