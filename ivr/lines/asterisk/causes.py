"""Why a call ended or did not come to be, from what Asterisk says of it."""

from __future__ import annotations

from typing import Literal

from ivr.lines.asterisk.wire import ChannelHangupRequest
from ivr.lines.port import DialFailure

GoneCause = Literal["caller_hung_up", "we_hung_up", "dead_line", "protocol_error", "line_closed", "transferred"]
RejectCause = Literal["busy", "unavailable", "forbidden"]

# ITU-T Q.850
NORMAL_CLEARING = 16
REASON_CODES: dict[RejectCause, int] = {"busy": 17, "unavailable": 34, "forbidden": 21}

_SOFT_BY_DEVICE = 0x01
"""AST_SOFTHANGUP_DEV: a driver gave the channel up by itself; chan_pjsip does so at rtp_timeout."""

_BY_SIP: dict[int, DialFailure] = {
    401: "challenged",
    407: "challenged",
    480: "no_answer",
    486: "busy",
    487: "cancelled",
    600: "busy",
    603: "declined",
    607: "declined",
    608: "declined",
}
_BY_Q850: dict[int, DialFailure] = {
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    21: "declined",
    3: "unreachable",
    20: "unreachable",
    27: "unreachable",
    34: "unreachable",
    38: "unreachable",
    41: "unreachable",
    42: "unreachable",
    44: "unreachable",
    50: "unreachable",
    58: "unreachable",
    102: "unreachable",
}
_SIP_BY_Q850 = {1: 404, 17: 486, 18: 408, 19: 480, 21: 603, 27: 502, 28: 484, 34: 503, 38: 503}


def dial_failure(cause: int, tech_cause: int) -> tuple[DialFailure, int]:
    """Busy, declined and no answer are the other party's word; unreachable is the way there. With the status to log.

    The protocol's own code says more than Q.850: a challenge (407) and a refusal (603) are both 21 there. 408 is what
    chan_pjsip says of an INVITE without any answer: nobody was reached.
    """
    if tech_cause in _BY_SIP:
        return _BY_SIP[tech_cause], tech_cause
    if tech_cause == 408 or 500 <= tech_cause < 600:
        return "unreachable", tech_cause
    return _BY_Q850.get(cause, "rejected"), tech_cause or _SIP_BY_Q850.get(cause, 500)


def hang_up_cause(request: ChannelHangupRequest) -> GoneCause:
    """Who ended a call that we did not end."""
    if not request.soft:
        return "caller_hung_up"
    return "dead_line" if request.cause & _SOFT_BY_DEVICE else "line_closed"
