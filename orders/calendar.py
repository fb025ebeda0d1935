"""Order days and cut-offs: pure decisions about dates, weekdays, holidays and the local time of day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FURTHEST_DAYS = 60
"""An order day further away than this is no answer to a caller."""


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a batch orders at a moment. `next_day` is the next order day after the one in question."""

    today: bool
    past_cutoff: bool
    day: date
    next_day: date


def is_order_day(day: date, weekdays: str, moved: Mapping[date, date | None]) -> bool:
    """Whether a batch with these ISO weekdays orders on this day; `moved` maps holidays to where they moved."""
    if day not in moved and str(day.isoweekday()) in weekdays:
        return True
    return any(to == day and str(holiday.isoweekday()) in weekdays for holiday, to in moved.items())


def next_order_day(after: date, weekdays: str, moved: Mapping[date, date | None]) -> date:
    """The first order day after this one; the same day a week later when there is none in sight."""
    for days in range(1, FURTHEST_DAYS):
        if is_order_day(after + timedelta(days=days), weekdays, moved):
            return after + timedelta(days=days)
    return after + timedelta(days=7)


def due(at: datetime, weekdays: str, cutoff: str, moved: Mapping[date, date | None], zone: ZoneInfo) -> Due:
    """What a caller who got a line at this moment may do; the cut-off's minute itself is too late."""
    local = at.astimezone(zone)
    today = local.date()
    closes = datetime.combine(today, time.fromisoformat(cutoff), zone)
    return Due(
        today=is_order_day(today, weekdays, moved),
        past_cutoff=local >= closes,
        day=today,
        next_day=next_order_day(today, weekdays, moved),
    )
