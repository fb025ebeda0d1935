"""What goes on now, read once a second however many look: calls, orders against due, hand-over, call-backs.

Success rate is confirmed orders over retailers due, suspended ones excluded. The forecast takes the share of a batch's
orders that were in by this time of day on the last four of these weekdays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from admin.web.queries import LineStatus
from orders.calendar import is_order_day
from orders.models import (
    Batch,
    Call,
    CallbackRequest,
    Holiday,
    Order,
    OutboxRow,
    Retailer,
    SalesLink,
    SuspensionNotice,
)
from orders.placing import SALES_LINK
from orders.store import Store
from orders.values import Names

MOST_CALLS = 200
CALLS_EVERY_S, BATCHES_EVERY_S, PACE_EVERY_S = 1.0, 5.0, 300.0
PAST_WEEKS = 4
LEAST_FOR_FORECAST = 20
"""So many orders on earlier days at least, or there is no forecast."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call in progress on any node; `shop` is None until the caller is known."""

    id: str
    line: str
    caller: str
    retailer_id: int | None
    shop: Names | None
    stage: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class BatchStanding:
    """A batch of today: retailers due, how many have ordered, how many will have by the cut-off (None: not known)."""

    code: str
    cutoff: str
    due: int
    ordered: int
    forecast: int | None


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """One moment. Lists are bounded; `open_calls` is the total."""

    calls: tuple[LiveCall, ...]
    open_calls: int
    batches: tuple[BatchStanding, ...]
    orders_today: int
    amount_fen: int
    waiting: int
    dead: int
    waiting_since: datetime | None
    sales_open: bool
    sales_reason: str
    callbacks: int
    callback_since: datetime | None
    lines: tuple[LineStatus, ...]

    @property
    def due(self) -> int:
        return sum(batch.due for batch in self.batches)

    @property
    def ordered(self) -> int:
        return sum(batch.ordered for batch in self.batches)


class LiveBoards:
    """Keeps the newest board; whoever asks first after a second reads the next one, the others take what is there."""

    def __init__(
        self,
        store: Store,
        zone: ZoneInfo,
        now: Callable[[], datetime],
        lines: Callable[[], tuple[LineStatus, ...]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._zone, self._now, self._lines, self._clock = store, zone, now, lines, clock
        self._lock = threading.Lock()
        self._board: LiveBoard | None = None
        self._read_at = self._batches_at = self._pace_at = float("-inf")
        self._batches: tuple[BatchStanding, ...] = ()
        self._pace: dict[int, float] = {}
        self._today: date | None = None

    def board(self) -> LiveBoard:
        """At most a second old. Raises what the store raises."""
        if self._board is not None and self._clock() - self._read_at < CALLS_EVERY_S:
            return self._board
        known = self._board
        if not self._lock.acquire(blocking=known is None) and known is not None:
            return known
        try:
            if self._board is None or self._clock() - self._read_at >= CALLS_EVERY_S:
                self._board = self._read()
                self._read_at = self._clock()
            return self._board
        finally:
            self._lock.release()

    def _read(self) -> LiveBoard:
        at = self._now().astimezone(self._zone)
        with self._store.session() as session:
            session.connection(execution_options={"reading": True})
            self._read_batches(session, at)
            board = _read_board(session, at, self._batches, self._lines())
            session.rollback()
        return board

    def _read_batches(self, session: Session, at: datetime) -> None:
        """Slower things more seldom; all of them at midnight."""
        clock, is_new_day = self._clock(), self._today != at.date()
        if is_new_day or clock - self._pace_at >= PACE_EVERY_S:
            self._pace, self._pace_at = pace_by_now(session, at), clock
        if is_new_day or clock - self._batches_at >= BATCHES_EVERY_S:
            self._batches, self._batches_at = standings(session, at.date(), self._pace), clock
        self._today = at.date()


def standings(session: Session, today: date, pace: dict[int, float]) -> tuple[BatchStanding, ...]:
    """The batches that order on this day, with what is due and ordered."""
    moved = {holiday.day: holiday.moved_to for holiday in session.scalars(select(Holiday))}
    batches = [
        batch
        for batch in session.scalars(select(Batch).order_by(Batch.cutoff, Batch.code))
        if is_order_day(today, batch.weekdays, moved)
    ]
    suspended = select(SuspensionNotice.region_id).where(
        SuspensionNotice.lifted_at.is_(None),
        SuspensionNotice.starts_on <= today,
        or_(SuspensionNotice.resumes_on.is_(None), SuspensionNotice.resumes_on > today),
    )
    is_due = and_(
        Retailer.status == "active",
        Retailer.batch_id.in_([batch.id for batch in batches]),
        Retailer.region_id.not_in(suspended),
    )
    due = select(Retailer.batch_id, func.count()).where(is_due).group_by(Retailer.batch_id)
    ordered = (
        select(Retailer.batch_id, func.count(func.distinct(Order.retailer_id)))
        .join(Order, Order.retailer_id == Retailer.id)
        .where(Order.order_day == today, Order.status != "rejected", is_due)
        .group_by(Retailer.batch_id)
    )
    dues, ordereds = (_numbers(session, query) for query in (due, ordered))
    return tuple(
        BatchStanding(
            batch.code,
            batch.cutoff,
            dues.get(batch.id, 0),
            ordereds.get(batch.id, 0),
            _forecast(dues.get(batch.id, 0), ordereds.get(batch.id, 0), pace.get(batch.id)),
        )
        for batch in batches
        if dues.get(batch.id)
    )


def pace_by_now(session: Session, at: datetime) -> dict[int, float]:
    """By batch: the share of its orders that were placed by this time of day, on the last four of these weekdays."""
    days = [at.date() - timedelta(weeks=week) for week in range(1, PAST_WEEKS + 1)]
    by_now = or_(
        *(
            and_(Order.order_day == day, Order.placed_at <= at - timedelta(weeks=week))
            for week, day in enumerate(days, start=1)
        )
    )
    query = (
        select(Retailer.batch_id, func.count(), func.sum(case((by_now, 1), else_=0)))
        .join(Retailer, Retailer.id == Order.retailer_id)
        .where(Order.order_day.in_(days), Order.status != "rejected")
        .group_by(Retailer.batch_id)
    )
    return {batch: int(early) / total for batch, total, early in session.execute(query) if total >= LEAST_FOR_FORECAST}


def _forecast(due: int, ordered: int, pace: float | None) -> int | None:
    """A batch of which little is in at this time on other days tells nothing yet."""
    if pace is None or pace < 0.05:
        return None
    return max(ordered, min(due, round(ordered / pace)))


def _read_board(
    session: Session, at: datetime, batches: tuple[BatchStanding, ...], lines: tuple[LineStatus, ...]
) -> LiveBoard:
    began = at.replace(hour=0, minute=0, second=0, microsecond=0)
    placed = select(func.count(), func.coalesce(func.sum(Order.amount_fen), 0)).where(Order.placed_at >= began)
    orders_today, amount = session.execute(placed).one()
    open_calls = session.scalar(select(func.count()).select_from(Call).where(Call.ended_at.is_(None)))
    waiting, dead = (_in_state(session, state) for state in ("waiting", "dead"))
    # Asked together with the count, SQLite reads the whole table where almost all rows are alike.
    since = select(func.min(OutboxRow.created_at)).where(OutboxRow.state == "waiting")
    oldest = session.scalar(since) if waiting else None
    wishes, first = session.execute(
        select(func.count(), func.min(CallbackRequest.requested_at)).where(CallbackRequest.state == "open")
    ).one()
    link = session.get(SalesLink, SALES_LINK)
    return LiveBoard(
        calls=_calls(session),
        open_calls=open_calls or 0,
        batches=batches,
        orders_today=orders_today,
        amount_fen=int(amount),
        waiting=waiting,
        dead=dead,
        waiting_since=oldest,
        sales_open=link is None or link.open,
        sales_reason=link.reason if link else "",
        callbacks=wishes,
        callback_since=first,
        lines=lines,
    )


def _calls(session: Session) -> tuple[LiveCall, ...]:
    query = (
        select(
            Call.id,
            Call.line,
            Call.caller,
            Call.retailer_id,
            Call.stage,
            Call.started_at,
            Retailer.name_zh,
            Retailer.name_en,
        )
        .outerjoin(Retailer, Retailer.id == Call.retailer_id)
        .where(Call.ended_at.is_(None))
        .order_by(Call.started_at.desc())
        .limit(MOST_CALLS)
    )
    return tuple(
        LiveCall(
            row.id,
            row.line,
            row.caller,
            row.retailer_id,
            Names(row.name_zh, row.name_en) if row.name_zh else None,
            row.stage,
            row.started_at,
        )
        for row in session.execute(query)
    )


def _in_state(session: Session, state: str) -> int:
    return session.scalar(select(func.count()).select_from(OutboxRow).where(OutboxRow.state == state)) or 0


def _numbers(session: Session, query: object) -> dict[int, int]:
    return {row[0]: row[1] for row in session.execute(query)}  # type: ignore[call-overload]
