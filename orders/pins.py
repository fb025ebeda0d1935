"""PINs: kept as salted scrypt under a key that is not in the database, compared in constant time.

A PIN has few digits, so its hash alone could be tried out; the key (a file of its own, mode 600) is what a stolen
database lacks. The cost is chosen so that a check takes a few milliseconds of a call.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_N, _R, _P = 2**11, 8, 1
WRONG_PINS_ALLOWED = 3


def hash_pin(pin: str, key: bytes) -> str:
    """The stored form: "scrypt$salt$hash", hex. Raises ValueError unless the PIN is 4 to 8 digits."""
    if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8):
        raise ValueError("a PIN has 4 to 8 digits")
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_digest(pin, salt, key).hex()}"


def pin_matches(pin: str, stored: str, key: bytes) -> bool:
    """Whether this PIN was stored; a retailer without one never matches."""
    kind, _, rest = stored.partition("$")
    salt, _, digest = rest.partition("$")
    if kind != "scrypt" or not salt or not digest:
        return False
    return hmac.compare_digest(_digest(pin, bytes.fromhex(salt), key), bytes.fromhex(digest))


def _digest(pin: str, salt: bytes, key: bytes) -> bytes:
    keyed = hmac.digest(key, pin.encode(), "sha256")
    return hashlib.scrypt(keyed, salt=salt, n=_N, r=_R, p=_P, dklen=32)
