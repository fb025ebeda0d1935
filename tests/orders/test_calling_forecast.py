"""Whether everybody is reached in time: arithmetic over calling windows, and what would help."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.calling.forecast import Pace, forecast, open_seconds
from orders.calling.rules import CallingRules

RULES = CallingRules(ZoneInfo("Asia/Shanghai"))
EIGHT = Pace(lines=8, call_s=35, tries=1)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=RULES.zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("begins", "ends", "hours"),
    [
        (at(9), at(12), 3),
        (at(8), at(21), 9),
        (at(11, 30), at(14, 30), 1),
        (at(12), at(14), 0),
        (at(20), at(23), 0),
        (at(16), at(10), 0),
    ],
)
def test_only_the_windows_count(begins: datetime, ends: datetime, hours: float) -> None:
    assert open_seconds(begins, ends, RULES) == hours * 3600


def test_the_domain_s_own_figures() -> None:
    """350 targets in two hours, 35 s each: the eight ports of the domain are more than enough."""
    seen = forecast(350, EIGHT, at(14), at(16), RULES)
    assert (seen.missed, seen.done_by) == (0, at(14) + timedelta(seconds=350 * 35 / 8))


def test_the_pause_at_noon_is_waited_for() -> None:
    seen = forecast(411, EIGHT, at(11, 45), at(16), RULES)
    assert seen.done_by == at(14) + timedelta(seconds=411 * 35 / 8 - 900)


def test_who_is_missed_and_what_helps() -> None:
    seen = forecast(1000, EIGHT, at(15), at(16), RULES)
    assert (seen.missed, seen.done_by, seen.lines) == (178, None, 10)
    assert forecast(1000, Pace(10, 35, 1), at(15), at(16), RULES).missed == 0
    longer = at(16) + timedelta(seconds=seen.more_s)
    assert forecast(1000, EIGHT, at(15), longer, RULES).missed == 0


def test_outside_the_windows_nothing_helps_but_a_person() -> None:
    seen = forecast(5, EIGHT, at(20, 30), at(23), RULES)
    assert (seen.missed, seen.lines) == (5, 0)


def test_without_a_line_everybody_is_missed() -> None:
    assert forecast(5, Pace(0), at(15), at(16), RULES).missed == 5


@given(waiting=st.integers(0, 5000), lines=st.integers(1, 60), minutes=st.integers(1, 600))
def test_more_lines_never_miss_more(waiting: int, lines: int, minutes: int) -> None:
    end = at(9) + timedelta(minutes=minutes)
    few, more = (forecast(waiting, Pace(count), at(9), end, RULES) for count in (lines, lines + 1))
    assert 0 <= more.missed <= few.missed <= waiting
    assert (few.done_by is None) == (few.missed > 0)
    if few.lines:
        assert forecast(waiting, Pace(few.lines), at(9), end, RULES).missed == 0
