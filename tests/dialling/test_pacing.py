"""Inbound first: how many calls may be begun, for every load and time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialling.pacing import Load, Pacing, reserved, room

PACING = Pacing(lines=20, most=8, reserve=0.2, reserve_at_cutoff=0.5, grows_s=7200, starts_per_s=100)


@pytest.mark.parametrize(
    ("until_s", "lines"),
    [(86_400, 4), (7200, 4), (3600, 7), (0, 10), (-60, 10)],
)
def test_the_reserve_grows_towards_the_cutoff(until_s: float, lines: int) -> None:
    assert reserved(PACING, until_s) == lines


@pytest.mark.parametrize(
    ("inbound", "outbound", "until_s", "may"),
    [
        (0, 0, 7200, 8),  # the most at once
        (0, 5, 7200, 3),
        (10, 4, 7200, 2),  # lines are the bound
        (12, 4, 7200, 0),  # pressure: none, though four lines are free
        (20, 4, 7200, 0),
        (8, 1, 0, 1),  # at the cut-off half of the lines stay free
    ],
)
def test_room(inbound: int, outbound: int, until_s: float, may: int) -> None:
    assert room(PACING, Load(inbound, outbound), until_s) == may


def test_calls_are_not_begun_all_at_once() -> None:
    slow = Pacing(lines=100, most=100, starts_per_s=2)
    assert room(slow, Load(0, 0), 7200, since_last_s=1) == 2
    assert room(slow, Load(0, 0), 7200, since_last_s=0.4) == 0


@given(inbound=st.integers(0, 60), outbound=st.integers(0, 60), until_s=st.floats(-1e5, 1e5), since=st.floats(-10, 1e4))
def test_the_reserve_is_never_dialled_away(inbound: int, outbound: int, until_s: float, since: float) -> None:
    more = room(PACING, Load(inbound, outbound), until_s, since)
    assert more >= 0
    if more:
        assert PACING.lines - inbound - outbound - more >= reserved(PACING, until_s)
        assert outbound + more <= PACING.most


@pytest.mark.parametrize(("first", "last"), [(-0.1, 0.5), (0.5, 0.2), (0.2, 1.5)])
def test_a_reserve_is_a_share(first: float, last: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Pacing(lines=1, most=1, reserve=first, reserve_at_cutoff=last)
