"""Signatures: Twilio's on its webhooks, checked by its own library, and ours on the addresses of prompts' sounds."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from ivr.lines.twilio.library import load

SIGNATURE = "X-Twilio-Signature"


class Signatures:
    """Knows whether a request comes from Twilio. Raises LibraryMissing when made without the package."""

    def __init__(self, token: str) -> None:
        self._validator: Any = load("twilio.request_validator").RequestValidator(token)

    def fits(self, url: str, posted: Mapping[str, str], signature: str) -> bool:
        """Whether this signature is of this exact address and these parameters, and made with our token.

        `posted` may be a multi-dict (with `getlist`), whose values count all.
        """
        return bool(signature) and bool(self._validator.validate(url, posted, signature))


def sound_signature(token: str, key: str, call: str, until: int) -> str:
    """Ours on the address of a sound. The account's token is what all nodes share, so any of them can check it."""
    secret = hmac.digest(token.encode(), b"orderline: addresses of sounds", hashlib.sha256)
    return hmac.new(secret, f"{key}\n{call}\n{until}".encode(), hashlib.sha256).hexdigest()[:40]
