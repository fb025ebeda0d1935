"""How calls out end, in the port's words."""

from __future__ import annotations

from typing import Literal

from ivr.lines.port import DialFailure

DECLINED = frozenset({403, 603})
BUSY = frozenset({486, 600})


def failure_of(status: str, sip_code: int) -> DialFailure:
    """Why nobody picked up. Twilio calls a declined call busy; the SIP code beside it tells them apart."""
    if sip_code in DECLINED:
        return "declined"
    if status == "busy" or sip_code in BUSY:
        return "busy"
    if status == "no-answer":
        return "no_answer"
    if status == "canceled":
        return "cancelled"
    return "unreachable"


def gone_because(*, ours: bool) -> Literal["caller_hung_up", "we_hung_up"]:
    return "we_hung_up" if ours else "caller_hung_up"
