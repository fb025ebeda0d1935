"""Passwords: what is a good enough one, and how it is kept (argon2id, OWASP's parameters of 19 MiB and two passes)."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST, MOST = 10, 128
# One signing-in takes some 30 ms of one core, which a node full of calls can spare.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _HASHER.hash("nobody signs in with this")


class WeakPassword(ValueError):
    """Not accepted; the message says what to write instead."""


def check_strength(password: str, name: str) -> None:
    """Raises WeakPassword. Long is what counts; words that anybody would try first are out."""
    if not LEAST <= len(password) <= MOST:
        raise WeakPassword(f"a password has {LEAST} to {MOST} characters; a short sentence is easy to remember")
    if name.lower() in password.lower():
        raise WeakPassword("the password must not hold the user name")
    if len(set(password)) < 5:
        raise WeakPassword("the password repeats itself; use at least five different characters")


def hashed(password: str) -> str:
    return _HASHER.hash(password)


def matches(stored: str, password: str) -> bool:
    """Whether it is this password; for `stored` "" (no such user) it takes the same time and is False."""
    try:
        return _HASHER.verify(stored or _NOBODY, password[:MOST]) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False
