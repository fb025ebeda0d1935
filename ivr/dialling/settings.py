"""The numbers a node calls out by."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.dialling.pacing import Pacing


@dataclass(frozen=True, slots=True)
class DiallingSettings:
    """`caller_id` is shown on every call and never altered; "" leaves it to the line. Times in seconds.

    rest_s     a line that could not place a call is left alone for so long while there is another one
    stale_s    a call that could not be begun so soon after it was written down is not begun at all
    """

    node: str
    pacing: Pacing
    caller_id: str = ""
    ring_s: float = 30.0
    tick_s: float = 1.0
    rest_s: float = 60.0
    stale_s: float = 10.0
