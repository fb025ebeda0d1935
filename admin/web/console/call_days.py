"""A day's calls, counted once: by hour, and by how far each came. Days that are over are remembered."""

from __future__ import annotations

import threading
import time as monotonic_time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.models import Call, Order

REACHED = ("arrived", "identified", "verified", "ordering", "chosen", "ordered")
TODAY_FOR_S = 60.0
MOST_REMEMBERED = 400


@dataclass(frozen=True, slots=True)
class CallDay:
    """Counts by hour of the day, and by step of `REACHED`: each step includes those who came further."""

    calls: tuple[int, ...]
    with_order: tuple[int, ...]
    reached: tuple[int, ...]


class _Basket(Struct):
    version: int = 0
    lines: list[msgspec.Raw] = []


class _State(Struct):
    """What of a stored conversation tells how far it came; other fields are passed over unread."""

    retailer_id: int = 0
    standing: msgspec.Raw = msgspec.Raw(b"null")
    basket: _Basket = msgspec.field(default_factory=_Basket)


_READ = msgspec.json.Decoder(_State)


class CallDays:
    """Counts days on demand; `now` tells which of them are over."""

    def __init__(
        self, zone: ZoneInfo, now: Callable[[], datetime], clock: Callable[[], float] = monotonic_time.monotonic
    ) -> None:
        self._zone, self._now, self._clock = zone, now, clock
        self._known: dict[date, tuple[float, CallDay]] = {}
        self._lock = threading.Lock()

    def of(self, session: Session, day: date) -> CallDay:
        """This local day; today's is up to a minute old."""
        is_over = day < self._now().astimezone(self._zone).date() - timedelta(days=1)
        with self._lock:
            at, known = self._known.get(day, (0.0, None))
        if known is not None and (is_over or self._clock() - at < TODAY_FOR_S):
            return known
        counted = self._count(session, day)
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            # Yesterday's last calls may still go on: only what began two days ago has ended for good.
            self._known[day] = (self._clock(), counted)
        return counted

    def _count(self, session: Session, day: date) -> CallDay:
        begins = datetime.combine(day, time(), self._zone)
        ends = datetime.combine(day + timedelta(days=1), time(), self._zone)
        # Orders are found by their time, which is indexed; an order is placed within a day of its call's beginning.
        placing = (Order.placed_at >= begins, Order.placed_at < ends + timedelta(days=1), Order.call_id != "")
        placed = set(session.scalars(select(Order.call_id).where(*placing)))
        calls, with_order = Counter[int](), Counter[int]()
        reached = [0] * len(REACHED)
        query = select(Call.id, Call.started_at, Call.state).where(Call.started_at >= begins, Call.started_at < ends)
        for call, started_at, state in session.execute(query).yield_per(2000):
            hour = started_at.astimezone(self._zone).hour
            calls[hour] += 1
            with_order[hour] += call in placed
            for step in range((len(REACHED) - 1 if call in placed else _depth(state)) + 1):
                reached[step] += 1
        return CallDay(_by_hour(calls), _by_hour(with_order), tuple(reached))


def _by_hour(counts: Counter[int]) -> tuple[int, ...]:
    return tuple(counts[hour] for hour in range(24))


def _depth(state: str) -> int:
    """The last step of `REACHED` that a call without an order came to; a record of another version just arrived."""
    try:
        read = _READ.decode(state)
    except msgspec.DecodeError:
        return 0
    if read.basket.lines:
        return 4
    if read.basket.version:
        return 3
    if bytes(read.standing) != b"null":
        return 2
    return 1 if read.retailer_id else 0
