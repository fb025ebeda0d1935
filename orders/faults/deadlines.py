"""Working days: pure decisions about dates, office hours and the holiday calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from orders.faults.clauses import Cause, Terms

FURTHEST_DAYS = 60
SATURDAY = 6


class NoWorkingDay(ValueError):
    """The holiday calendar leaves no working day in sight; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """`moved` maps holidays to the day that is worked instead, or None; that day may be a Saturday or Sunday."""

    moved: Mapping[date, date | None] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        if day in self.moved:
            return False
        return day.isoweekday() < SATURDAY or day in self.moved.values()

    def next_working_day(self, after: date) -> date:
        """Raises NoWorkingDay."""
        for days in range(1, FURTHEST_DAYS):
            if self.is_working_day(after + timedelta(days=days)):
                return after + timedelta(days=days)
        raise NoWorkingDay(f"no working day within {FURTHEST_DAYS} days of {after}: correct the table of holidays")


def due_at(opened: datetime, cause: Cause, terms: Terms, calendar: WorkCalendar) -> datetime:
    """When the cause's working days are over. What comes in outside office hours counts from the next opening.

    Monday at 10:00 is due on Tuesday at 10:00; Saturday at 10:00 counts from Monday's opening, due on Tuesday then.
    """
    local = opened.astimezone(terms.zone)
    day, moment = local.date(), local.time()
    if not calendar.is_working_day(day) or moment >= terms.closes:
        day, moment = calendar.next_working_day(day), terms.opens
    elif moment < terms.opens:
        moment = terms.opens
    for _ in range(terms.days(cause)):
        day = calendar.next_working_day(day)
    return datetime.combine(day, moment, terms.zone)
