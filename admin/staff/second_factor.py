"""The second factor: codes of an authenticator app (TOTP, RFC 6238), each good once, secrets encrypted at rest."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken

STEP_S = 30
ISSUER = "Orderline"


class SecretBox:
    """Encrypts secrets under a key derived from the console's; a stolen database alone gives none away."""

    def __init__(self, key: bytes) -> None:
        derived = hmac.digest(key, b"second factor", "sha256")
        self._box = Fernet(base64.urlsafe_b64encode(derived))

    def close(self, secret: str) -> str:
        return self._box.encrypt(secret.encode()).decode()

    def open(self, closed: str) -> str:
        """The secret; "" when it was encrypted under another key: then no code fits."""
        try:
            return self._box.decrypt(closed.encode()).decode()
        except InvalidToken:
            return ""


def new_secret() -> str:
    return pyotp.random_base32()


def step_of_code(secret: str, code: str, last_step: int, now: datetime) -> int | None:
    """The time step this code belongs to: the present one or a neighbour, later than `last_step`. None: wrong."""
    digits = "".join(code.split())
    if not secret or not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return None
    totp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_S
    for step in (present, present - 1, present + 1):
        if step > last_step and hmac.compare_digest(totp.at(step * STEP_S), digits):
            return step
    return None


def qr_svg(secret: str, name: str) -> str:
    """What the app reads with its camera, as an inline SVG without any style of its own."""
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return segno.make(address, error="m").svg_inline(scale=4, dark="#000", light="#fff", border=3)
