"""What the Twilio line is told at start. Values check themselves; times are seconds, whole where TwiML wants it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

LINE = "twilio"
"""The line's name, which stands in every record of its calls."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """The account, the number callers dial, and how Twilio reaches us.

    public_url      scheme, host and perhaps port and path, exactly as Twilio asks for it: what it signs begins so
    country         country code of numbers that are dialled without one
    key_pause_s     keys are taken once none has come for so long (see `replies`)
    longest_call_s  a call is ended at the first webhook after so long
    sounds_last_s   how long the address of a prompt's sound is good for, at least
    calls_per_s     how fast calls out may be begun (Twilio's own default is 1)
    hold_s          how long a webhook waits for a word from whoever follows the events of a call that was dialled
    """

    account: str
    token: str
    number: str
    public_url: str
    country: str = "86"
    key_pause_s: int = 2
    longest_call_s: int = 1800
    sounds_last_s: int = 3600
    transfer_ring_s: int = 30
    calls_per_s: float = 1.0
    machine_detection: bool = True
    hold_s: float = 8.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"AC[0-9a-f]{32}", self.account):
            raise ValueError("twilio.account: an account SID is AC and 32 hexadecimal digits; copy it from the console")
        if not self.token:
            raise ValueError("twilio.token is missing: set ORDERLINE_TWILIO__TOKEN or twilio.token_file")
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", self.number):
            raise ValueError(f"twilio.number: {self.number!r} is no number with country code; write e.g. +862160001111")
        if not _can_be_asked(self.public_url):
            raise ValueError(
                f"twilio.public_url: {self.public_url!r} can't be asked by Twilio; write https:// and the name under "
                "which this node is reached from outside, e.g. https://orders.example.com, without a slash at its end"
            )
        if not 1 <= self.key_pause_s <= 10:
            raise ValueError("twilio.key_pause_s: between 1 and 10 seconds; 2 suits most callers")

    def address(self, path: str) -> str:
        """The full address of one of our paths, as Twilio is to ask for it."""
        return self.public_url + path

    def international(self, number: str) -> str:
        """A number as Twilio dials it, "" for what is none: +8613800000001 for 13800000001 and for 013800000001."""
        digits = number.removeprefix("+") if number.startswith("+") else self.country + number.removeprefix("0")
        return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{6,14}", digits) else ""


def _can_be_asked(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    plain = re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9/_-]*[A-Za-z0-9_-])?", url)
    return bool(secure and host and plain)
