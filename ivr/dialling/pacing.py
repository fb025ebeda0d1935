"""How many calls may be begun now, inbound first. Pure: whoever asks brings the counts and the time.

A reserve of lines stays free for retailers who call by themselves; towards the cut-off, when most of them do, it grows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pacing:
    """`lines` serve both directions; shares are of them. The reserve grows over the last `grows_s` before the cut-off.

    `most` calls out at once, ringing or talking; `starts_per_s` at most are begun.
    """

    lines: int
    most: int
    reserve: float = 0.25
    reserve_at_cutoff: float = 0.5
    grows_s: int = 7200
    starts_per_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.reserve <= self.reserve_at_cutoff <= 1:
            raise ValueError("the reserve of lines is a share between 0 and 1, at the cut-off no smaller than before")


@dataclass(frozen=True, slots=True)
class Load:
    """What the lines do: calls that retailers made, calls that we made (ringing ones too)."""

    inbound: int
    outbound: int


def reserved(pacing: Pacing, until_cutoff_s: float) -> int:
    """How many lines are to stay free for retailers who call."""
    near = 1 - min(max(until_cutoff_s, 0.0), pacing.grows_s) / pacing.grows_s if pacing.grows_s else 0.0
    share = pacing.reserve + (pacing.reserve_at_cutoff - pacing.reserve) * near
    return math.ceil(round(pacing.lines * share, 6))


def room(pacing: Pacing, load: Load, until_cutoff_s: float, since_last_s: float = 1.0) -> int:
    """How many calls may be begun now, `since_last_s` after the last were; 0 under pressure."""
    free = pacing.lines - reserved(pacing, until_cutoff_s) - load.inbound - load.outbound
    paced = math.floor(pacing.starts_per_s * max(since_last_s, 0.0))
    return max(0, min(free, pacing.most - load.outbound, paced))
