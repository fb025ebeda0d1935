"""Whether a campaign will reach everybody before the cut-off at the pace it goes, and what would help. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orders.calling.rules import CallingRules, next_open


@dataclass(frozen=True, slots=True)
class Pace:
    """How a campaign goes: `lines` at once, seconds that a call holds a line, calls that a retailer takes."""

    lines: int
    call_s: float = 35.0
    tries: float = 1.3


@dataclass(frozen=True, slots=True)
class Forecast:
    """`missed` retailers are not reached by the cut-off; as many `lines` or `more_s` seconds more would reach them.

    `done_by` is when the last one is reached, None when the cut-off comes before. `lines` 0: no number helps.
    """

    waiting: int
    missed: int
    done_by: datetime | None
    lines: int
    more_s: int


def forecast(waiting: int, pace: Pace, now: datetime, cutoff: datetime, rules: CallingRules) -> Forecast:
    """For so many retailers that still wait."""
    needed_s = waiting * pace.tries * pace.call_s
    open_s = open_seconds(now, cutoff, rules)
    capacity_s = open_s * pace.lines
    if needed_s <= capacity_s:
        done_by = _after_open(now, needed_s / pace.lines, rules) if waiting else now
        return Forecast(waiting, 0, done_by, pace.lines, 0)
    missed = min(waiting, math.ceil((needed_s - capacity_s) / (pace.tries * pace.call_s)))
    more_s = math.ceil((needed_s - capacity_s) / pace.lines) if pace.lines else 0
    return Forecast(waiting, missed, None, math.ceil(needed_s / open_s) if open_s else 0, more_s)


def open_seconds(now: datetime, until: datetime, rules: CallingRules) -> float:
    """How much of this time lies within the calling windows."""
    total, at = 0.0, now.astimezone(UTC)
    while at < until:
        opens = next_open(at, rules)
        if opens >= until:
            break
        closes = min(_closes(opens, rules), until)
        total += (closes - opens).total_seconds()
        at = closes
    return total


def _after_open(now: datetime, work_s: float, rules: CallingRules) -> datetime:
    """When so many seconds of calling time have passed."""
    at = now.astimezone(UTC)
    while True:
        opens = next_open(at, rules)
        closes = _closes(opens, rules)
        if (left := (closes - opens).total_seconds()) >= work_s:
            return opens + timedelta(seconds=work_s)
        work_s, at = work_s - left, closes


def _closes(opened: datetime, rules: CallingRules) -> datetime:
    """When the window closes that this moment lies in; right on days of 23 and 25 hours too."""
    day = opened.astimezone(rules.zone).date()
    ends = (datetime.combine(day, closes, rules.zone).astimezone(UTC) for _, closes in rules.windows)
    return min(end for end in ends if end > opened)
