"""What it means for a retailer's next call that a line could not bring one about. Pure."""

from __future__ import annotations

from ivr.lines.port import DialFailed
from orders.values import CallResult

_NO_SUCH_NUMBER = (404, 410, 484, 604)


def result_of(failed: DialFailed, *, rang: bool, called_off: bool) -> CallResult:
    """Busy, declined and no answer are the retailer's; what failed on the way is ours, and no call of it."""
    match failed.failure:
        case "busy" | "declined" | "no_answer":
            return failed.failure
        case "rejected" if failed.status in _NO_SUCH_NUMBER:
            return "bad_number"
        case "cancelled" if called_off:
            return "called_off"
        case "cancelled" if rang:
            return "no_answer"
    return "no_answer" if rang else "line_failed"
