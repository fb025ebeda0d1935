"""One working day, over weekends, holidays and the days worked instead."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from orders.faults.clauses import Terms
from orders.faults.deadlines import NoWorkingDay, WorkCalendar, due_at

SHANGHAI = ZoneInfo("Asia/Shanghai")
TERMS = Terms(SHANGHAI, {"carrier": 2})
# National Day 2026: Thursday 1 to Wednesday 7 October off, Saturday 10 October worked instead of Wednesday.
OCTOBER = WorkCalendar({date(2026, 10, day): None for day in range(1, 7)} | {date(2026, 10, 7): date(2026, 10, 10)})


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-11-23 10:00", "2026-11-24 10:00"),  # Monday
        ("2026-11-27 15:00", "2026-11-30 15:00"),  # Friday
        ("2026-11-28 10:00", "2026-12-01 08:30"),  # Saturday: counts from Monday's opening
        ("2026-11-29 23:59", "2026-12-01 08:30"),
        ("2026-11-23 06:00", "2026-11-24 08:30"),  # before opening
        ("2026-11-23 08:30", "2026-11-24 08:30"),
        ("2026-11-23 17:30", "2026-11-25 08:30"),  # at closing: the day is over
        ("2026-11-27 17:31", "2026-12-01 08:30"),
        ("2026-09-30 16:00", "2026-10-08 16:00"),  # over the whole holiday
        ("2026-10-03 12:00", "2026-10-09 08:30"),
        ("2026-10-09 11:00", "2026-10-10 11:00"),  # the Saturday that is worked
        ("2026-10-10 11:00", "2026-10-12 11:00"),
    ],
)
def test_one_working_day(opened: str, due: str) -> None:
    local = datetime.fromisoformat(opened).replace(tzinfo=SHANGHAI)
    for at in (local, local.astimezone(UTC)):
        assert f"{due_at(at, 'board', TERMS, OCTOBER):%Y-%m-%d %H:%M}" == due


def test_each_cause_has_its_own_days() -> None:
    monday = datetime(2026, 11, 23, 10, tzinfo=SHANGHAI)
    assert due_at(monday, "carrier", TERMS, WorkCalendar()).date() == date(2026, 11, 25)


def test_a_calendar_without_working_days_is_told() -> None:
    from_monday = date(2026, 11, 23).toordinal()
    shut = WorkCalendar({date.fromordinal(from_monday + days): None for days in range(80)})
    with pytest.raises(NoWorkingDay, match="table of holidays"):
        due_at(datetime(2026, 11, 23, 10, tzinfo=SHANGHAI), "board", TERMS, shut)
