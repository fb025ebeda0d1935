"""Who may be called when: each rule by itself, at its edges, and over the nights on which the clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orders.calling.outcomes import RetryPlan, after
from orders.calling.rules import CallingRules, Facts, Later, Never, Now, may_call, next_open

SHANGHAI = CallingRules(ZoneInfo("Asia/Shanghai"))
BERLIN = CallingRules(ZoneInfo("Europe/Berlin"))
TEN = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""Ten in the morning in Shanghai."""
CUTOFF = datetime(2026, 11, 23, 8, tzinfo=UTC)
FACTS = Facts("given", "yes", ordered=False, has_phone=True, rang=(), until=CUTOFF)


def minutes_ago(*minutes: int) -> tuple[datetime, ...]:
    return tuple(TEN - timedelta(minutes=ago) for ago in minutes)


def days_ago(*days: int) -> tuple[datetime, ...]:
    return tuple(TEN - timedelta(days=ago) for ago in days)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Now()),
        ({"consent": "none"}, Never("no_consent")),
        ({"consent": "refused"}, Never("refused")),
        ({"consent": "refused", "is_notice": True}, Never("refused")),
        ({"has_phone": False}, Never("no_phone")),
        ({"ordered": True}, Never("ordered")),
        ({"ordered": True, "is_notice": True}, Now()),
        ({"may_order": "suspended"}, Never("suspended")),
        ({"may_order": "suspended", "is_notice": True}, Now()),
        ({"may_order": "not_due"}, Never("not_due")),
        ({"may_order": "closed", "is_notice": True}, Never("closed")),
        ({"until": TEN}, Never("past_cutoff")),
        ({"rang": minutes_ago(29)}, Later(TEN + timedelta(minutes=1), "too_soon")),
        ({"rang": minutes_ago(30)}, Now()),
        ({"rang": minutes_ago(29), "until": TEN + timedelta(minutes=1)}, Never("past_cutoff")),
        ({"rang": minutes_ago(40, 100)}, Never("called_enough")),
        ({"rang": minutes_ago(40, 100), "covers_more": True}, Now()),
        ({"rang": days_ago(1, 8, 15)}, Never("called_enough")),
        ({"rang": days_ago(1, 8, 30)}, Now()),
        ({"rang": days_ago(1, 8)}, Now()),
    ],
)
def test_each_rule(changes: dict[str, object], verdict: object) -> None:
    assert may_call(replace(FACTS, **changes), TEN, SHANGHAI) == verdict  # type: ignore[arg-type]


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI.zone)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (at(8, 59), at(9)),
        (at(9), at(9)),
        (at(11, 59), at(11, 59)),
        (at(12), at(14)),
        (at(13, 59), at(14)),
        (at(19, 59), at(19, 59)),
        (at(20), at(9, day=24)),
        (at(23, 30), at(9, day=24)),
    ],
)
def test_windows_are_local_and_half_open(now: datetime, opens: datetime) -> None:
    assert next_open(now, SHANGHAI) == opens.astimezone(UTC)


def test_the_window_waits_out_the_lunch_break_but_not_the_cut_off() -> None:
    noon = at(12, 30)
    assert may_call(FACTS, noon, SHANGHAI) == Later(at(14).astimezone(UTC), "outside_window")
    assert may_call(replace(FACTS, until=at(14)), noon, SHANGHAI) == Never("past_cutoff")


@pytest.mark.parametrize(
    ("evening", "hours"),
    [
        (datetime(2026, 3, 28, 20, tzinfo=BERLIN.zone), 12),  # the night of 23 hours
        (datetime(2026, 10, 24, 20, tzinfo=BERLIN.zone), 14),  # the night of 25 hours
        (datetime(2026, 6, 1, 20, tzinfo=BERLIN.zone), 13),
    ],
)
def test_nine_o_clock_is_nine_o_clock_after_the_clocks_changed(evening: datetime, hours: int) -> None:
    opens = next_open(evening, BERLIN)
    assert opens - evening.astimezone(UTC) == timedelta(hours=hours)
    assert opens.astimezone(BERLIN.zone).hour == 9


def test_the_day_of_the_cap_is_the_local_one() -> None:
    # 23:30 and 00:30 in Shanghai are one day in UTC, two where it counts.
    yesterday = (at(23, 30, day=22), at(22, 30, day=22))
    assert may_call(replace(FACTS, rang=yesterday), at(9, 30), SHANGHAI) == Now()


@pytest.mark.parametrize(
    ("outcome", "tries", "minutes"),
    [
        ("no_answer", 1, 45),
        ("busy", 1, 30),
        ("asked_later", 2, 60),
        ("no_answer", 3, None),
        ("line_failed", 9, 1),
        ("opted_out", 1, None),
        ("ordered", 1, None),
        ("wants_agent", 1, None),
    ],
)
def test_the_retry_plan(outcome: str, tries: int, minutes: int | None) -> None:
    expected = TEN + timedelta(minutes=minutes) if minutes else None
    assert after(outcome, tries, TEN, RetryPlan()) == expected  # type: ignore[arg-type]
