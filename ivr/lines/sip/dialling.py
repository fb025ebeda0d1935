"""Calling out: what a refusal means, and the race between giving up and being answered."""

from __future__ import annotations

import re

from aiosipua import parse_uri

from ivr.lines.port import DialFailure

_FAILURES: dict[int, DialFailure] = {
    401: "challenged",
    407: "challenged",
    408: "no_answer",
    480: "no_answer",
    486: "busy",
    487: "cancelled",
    500: "unreachable",
    502: "unreachable",
    503: "unreachable",
    504: "unreachable",
    600: "busy",
    603: "declined",
}


def failure_of(status: int) -> DialFailure:
    """Busy and declined are the other party's answer; unreachable is the way there."""
    return _FAILURES.get(status, "rejected")


def target_of(to: str, outbound: tuple[str, int] | None) -> tuple[str, tuple[str, int]]:
    """(URI, where to send it) of a number or SIP URI.

    Raises ValueError for a number without an outbound peer, or something that is neither.
    """
    if to.startswith("sip:"):
        uri = parse_uri(to)
        if not uri.host or re.search(r"[\r\n<>\s]", to):
            raise ValueError(f"{to!r} is no SIP URI")
        return to, (uri.host, uri.port or 5060)
    if not re.fullmatch(r"\+?[0-9*#]{1,32}", to):
        raise ValueError(f"{to!r} is neither a number nor a SIP URI")
    if outbound is None:
        raise ValueError("numbers can be dialled only where sip.outbound names a trunk")
    return f"sip:{to}@{outbound[0]}:{outbound[1]}", outbound
