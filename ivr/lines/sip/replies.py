"""Responses and the headers that all our messages share. Values only; nothing is sent here."""

from __future__ import annotations

import hashlib
import secrets

from aiosipua import SipRequest, SipResponse

from ivr.lines.sip.reading import Request

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY"
SUPPORTED = "timer"
KNOWN_EXTENSIONS = {"timer", "100rel", "replaces", "norefersub"}
"""What may stand in Require. 100rel binds only provisional responses with a body or meaning: none of ours is sent then
(RFC 3262 §3); replaces and norefersub bind requests that we never get."""

_REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
}
_SECRET = secrets.token_bytes(16)


def response_to(
    request: SipRequest, status: int, phrase: str = "", *, tag: str = "", headers: dict[str, str] | None = None
) -> SipResponse:
    """A response with what it must repeat of its request (RFC 3261 §8.2.6). `tag` is ours, for To.

    Without `tag` one is derived from the request, so that a repeated request gets the same one without any memory.
    """
    response = SipResponse(status_code=status, reason_phrase=phrase or _REASONS.get(status, "Unknown"))
    for value in request.headers.get("via"):
        response.headers.append("Via", value)
    for name in ("From", "To", "Call-ID", "CSeq"):
        value = request.headers.get_first(name) or ""
        if name == "To" and status > 100 and ";tag=" not in value.rpartition(">")[2].replace(" ", "").lower():
            value += f";tag={tag or _stateless_tag(request)}"
        if value:
            response.headers.set_single(name, value)
    for name, value in (headers or {}).items():
        response.headers.set_single(name, value)
    return response


def refusal(request: Request, status: int, **headers: str) -> SipResponse:
    """An error response; write header names with `_` for `-`."""
    return response_to(
        request.message, status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def _stateless_tag(request: SipRequest) -> str:
    seen = "|".join((request.headers.get_first(name) or "") for name in ("via", "from", "call-id", "cseq"))
    return hashlib.blake2s(seen.encode("utf-8", "replace"), key=_SECRET, digest_size=8).hexdigest()
