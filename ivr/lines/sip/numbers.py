"""Who calls whom, out of SIP headers: plain digits or nothing. What a header says is a stranger's word."""

from __future__ import annotations

import re

from aiosipua import SipRequest, parse_address

_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_ANONYMOUS = ("anonymous", "unavailable", "restricted", "unknown")


def caller_of(invite: SipRequest, *, asserted: bool) -> str:
    """The caller's number; "" when it is withheld or none. P-Asserted-Identity counts only where it is `asserted`."""
    if "id" in (invite.get_header("privacy") or "").lower().replace(";", " ").split():
        return ""
    headers = ("p-asserted-identity", "from") if asserted else ("from",)
    for header in headers:
        raw = invite.get_header(header)
        if raw and (number := _user(raw)):
            return number
    return ""


def called_of(invite: SipRequest) -> str:
    """The number that was dialled, from the request's own URI."""
    return _user(f"<{invite.uri}>")


def _user(raw: str) -> str:
    try:
        user = parse_address(raw.split(",", maxsplit=1)[0]).uri.user or ""
    except (ValueError, AttributeError, IndexError):
        return ""
    plain = re.sub(r"[-.()\s]", "", user.split(";")[0])
    if plain.lower() in _ANONYMOUS or not _NUMBER.fullmatch(plain):
        return ""
    return plain


_KEY_LINE = re.compile(r"(?im)^\s*signal\s*=\s*([0-9a-d*#]|1[0-5])\s*$")
_KEYS = "0123456789*#ABCD"


def key_of_info(content_type: str, body: str) -> str:
    """The key of an INFO request, "" for none: application/dtmf-relay ("Signal=5") or application/dtmf ("5")."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind == "application/dtmf-relay":
        found = _KEY_LINE.search(body.replace("\r", ""))
        text = found.group(1) if found else ""
    elif kind == "application/dtmf":
        text = body.strip()
    else:
        return ""
    if text.isdigit() and 10 <= int(text) <= 15:
        return _KEYS[int(text)]
    return text.upper() if len(text) == 1 and text.upper() in _KEYS else ""
