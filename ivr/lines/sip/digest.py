"""Answers to 401 and 407 (RFC 7616, RFC 8760): the first challenge that we can answer, of however many there are."""

from __future__ import annotations

from aiosipua import SipDigestAuth, SipRequest, build_credentials, parse_auth, stringify_auth

from ivr.lines.sip.reading import Response
from ivr.lines.sip.settings import SipSettings


def credentials(response: Response, request: SipRequest, username: str, password: str) -> tuple[str, str] | None:
    """The header (name, value) that answers the challenge; None without credentials or a challenge we understand."""
    if not username or response.status not in (401, 407):
        return None
    asks, answers = (
        ("www-authenticate", "Authorization")
        if response.status == 401
        else ("proxy-authenticate", "Proxy-Authorization")
    )
    for value in response.message.headers.get(asks):
        found = build_credentials(SipDigestAuth(username, password), parse_auth(value), request.method, request.uri)
        if found is not None:
            return answers, stringify_auth(found)
    return None


def own_credentials(settings: SipSettings) -> tuple[str, str]:
    """User name and password for calls: the line's own, or those of its registration."""
    if settings.username or settings.registrar is None:
        return settings.username, settings.password
    return settings.registrar.username, settings.registrar.password
