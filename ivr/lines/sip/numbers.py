"""Who calls whom, and which key, out of SIP headers and bodies: digits or nothing. All of it is a stranger's word.

What leaves this module holds only `+`, digits, `*`, `#` and A to D, so that it can go into a log, a database or another
header without harm. Diversion headers are not looked at: who forwarded a call is not who calls.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from aiosipua import SipRequest, parse_address

from ivr.bounces import Bounces
from ivr.lines.sip.hop import unquoted

LONGEST_NUMBER = 32
_NUMBER = re.compile(r"\+?[0-9*#A-D]{1,32}")
_WITHHELD = ("anonymous", "unavailable", "restricted", "unknown", "private")
_SEPARATORS = re.compile(r"[-.()\s]")
_SIGNAL = re.compile(r"(?im)^[ \t]*signal[ \t]*=[ \t]*([0-9a-d*#]|1[0-5])[ \t]*$")
_KEYS = "0123456789*#ABCD"
LONGEST_BODY = 1024


def caller_of(invite: SipRequest, *, asserted: bool) -> str:
    """The caller's number; "" when it is withheld or none.

    P-Asserted-Identity (RFC 3325), then Remote-Party-ID count before From, but only where the peer is trusted
    (`asserted`): anybody can write them.
    """
    if _is_private(invite):
        return ""
    headers = ("p-asserted-identity", "remote-party-id", "from") if asserted else ("from",)
    for header in headers:
        for raw in invite.headers.get(header):
            if number := _number_in(raw):
                return number
    return ""


def called_of(invite: SipRequest) -> str:
    """The number that was dialled, from the request's own URI; "" when it is none."""
    return _number_in(f"<{invite.uri}>")


def clean_number(text: str) -> str:
    """The number without separators; "" when anything else is in it."""
    plain = _SEPARATORS.sub("", unquote(text[:128]).split(";", maxsplit=1)[0])
    return plain if _NUMBER.fullmatch(plain) and plain.isascii() else ""


def key_of_info(content_type: str, body: str) -> str | None:
    """The key of an INFO request: "" for a body that names none, None for a type that carries no keys.

    application/dtmf-relay ("Signal=5") and application/dtmf ("5"); both forms are found under both names.
    """
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind not in ("application/dtmf-relay", "application/dtmf"):
        return None
    body = body[:LONGEST_BODY].replace("\r", "\n")
    found = _SIGNAL.search(body)
    text = (found[1] if found else body.strip()).upper()
    if re.fullmatch(r"1[0-5]", text) and text.isascii():
        return _KEYS[int(text)]
    return text if len(text) == 1 and text in _KEYS else ""


def _is_private(invite: SipRequest) -> bool:
    """RFC 3323: the caller asks that its number be told to nobody beyond the network."""
    wishes = (invite.headers.get_first("privacy") or "").lower().replace(",", ";").split(";")
    hides = {"id", "user", "header"}
    return any(wish.strip() in hides for wish in wishes) or any(
        "privacy=full" in value.lower().replace(" ", "") for value in invite.headers.get("remote-party-id")
    )


def _number_in(raw: str) -> str:
    try:
        raw = unquoted(raw[:1024])
        uri = parse_address(raw).uri
    except (ValueError, AttributeError, IndexError):
        return ""
    user = uri.user or ""
    if not user and raw.strip().lower().lstrip("<").startswith("tel:"):
        user = raw.strip().lstrip("<")[4:].split(">", maxsplit=1)[0]
    return "" if user.lower() in _WITHHELD else clean_number(user)


class KeyWays:
    """One call's keys may come by RTP and by INFO at once, for some gateways send both: each key counts once.

    A key that comes by one way within `window_s` of the same key by the other is its echo.
    """

    def __init__(self, window_s: float = 0.6) -> None:
        self._window_s = window_s
        self._given_in: list[str] = []
        self._info_bounces = Bounces()
        self._by_info: tuple[str, float] | None = None
        self._by_sound: tuple[str, float] | None = None

    def by_info(self, key: str, now: float) -> bool:
        """Whether this INFO key is to be given to the media process (which returns it like any other)."""
        if self._info_bounces.is_bounce(key, now):
            return False
        if self._by_sound and self._by_sound[0] == key and now - self._by_sound[1] < self._window_s:
            self._by_sound = None
            return False
        self._given_in.append(key)
        return True

    def returned(self, key: str, now: float) -> bool:
        """Whether this key, told by the media process, is a new one."""
        if key in self._given_in:
            self._given_in.remove(key)
            self._by_info = (key, now)
            return True
        if self._by_info and self._by_info[0] == key and now - self._by_info[1] < self._window_s:
            self._by_info = None
            return False
        self._by_sound = (key, now)
        return True
