"""The signature of a request: what both sides compute, so that a stranger can neither send nor change an order.

HMAC-SHA256 under the shared secret over time stamp, method, path with query, and the body's own hash, one a line. A
signature is good for five minutes; within them a repetition is harmless, for the same key is the same order.
"""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP, SIGNATURE = "X-Orderline-Timestamp", "X-Orderline-Signature"
GOOD_FOR_S = 300


def sign(secret: bytes, timestamp: int, method: str, path: str, body: bytes) -> str:
    """`path` is as sent, with its query; the result is "v1=" and hexadecimal digits."""
    parts = ("v1", str(timestamp), method.upper(), path, hashlib.sha256(body).hexdigest())
    return "v1=" + hmac.new(secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def is_signed(secret: bytes, headers: tuple[str, str], method: str, path: str, body: bytes, now: float) -> bool:
    """Whether (time stamp, signature) as received fit this request now. For those who build the other side."""
    timestamp, signature = headers
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        return False
    if abs(now - int(timestamp)) > GOOD_FOR_S:
        return False
    return hmac.compare_digest(sign(secret, int(timestamp), method, path, body).encode(), signature.encode())
