"""Session timers (RFC 4028): what both sides agree on, as values. The timer itself runs in `liveness`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.lines.sip.reading import Request, Response

LONGEST_S = 86_400
_EXPIRES = re.compile(r"\s*([0-9]{1,9})\s*(?:;.*)?")
_REFRESHER = re.compile(r"(?i);\s*refresher\s*=\s*(uac|uas)\s*(?:;|$)")


@dataclass(frozen=True, slots=True)
class Session:
    """`interval_s` without a refresh ends the call; `we_refresh` says whose duty it is."""

    interval_s: int
    we_refresh: bool


@dataclass(frozen=True, slots=True)
class TooShort:
    """Refuse with 422 and this Min-SE."""

    min_s: int


def answer_session(request: Request, wanted_s: int, min_s: int) -> Session | TooShort:
    """What we say to an INVITE or UPDATE of the other side (table 2 of the RFC).

    A peer without session timers may not be refused; then we refresh, and hear by it whether it still lives.
    """
    speaks_timer = "timer" in request.tokens("supported")
    asked = seconds_of(request.header("session-expires"))
    floor = max(min_s, seconds_of(request.header("min-se")) or 0)
    if asked is not None and asked < min_s and speaks_timer:
        return TooShort(min_s)
    interval = max(floor, min(asked, wanted_s) if asked is not None else wanted_s)
    theirs = speaks_timer and refresher_of(request.header("session-expires")) == "uac"
    return Session(min(interval, LONGEST_S), we_refresh=not theirs)


def session_headers(session: Session, request: Request) -> dict[str, str]:
    """For our 2xx. From where we stand, as the one who answers, "uas" is us."""
    headers = {"Session-Expires": f"{session.interval_s};refresher={'uas' if session.we_refresh else 'uac'}"}
    if "timer" in request.tokens("supported"):
        headers["Require"] = "timer"
    return headers


def agreed_session(response: Response, wanted_s: int) -> Session:
    """What the 2xx to our own request comes to; without Session-Expires we refresh as we asked (§7.2)."""
    given = seconds_of(response.header("session-expires"))
    if given is None:
        return Session(wanted_s, we_refresh=True)
    theirs = refresher_of(response.header("session-expires")) == "uas"
    return Session(min(max(given, 90), LONGEST_S), we_refresh=not theirs)


def watchdog_s(interval_s: int) -> float:
    """When the side that does not refresh gives up (§10)."""
    return interval_s - min(32.0, interval_s / 3)


def seconds_of(header: str) -> int | None:
    """The interval in Session-Expires or Min-SE; None when there is none."""
    found = _EXPIRES.fullmatch(header)
    return int(found[1]) if found else None


def refresher_of(header: str) -> str:
    """ "uac", "uas" or ""."""
    found = _REFRESHER.search(header)
    return found[1].lower() if found else ""
