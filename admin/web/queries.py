"""What the status page shows, as plain values, and how it is read from the store. Reads only: nothing is changed here.

Numbers of callers come out masked (138****0001): the page is for whoever stands before the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from orders.models import Call, CallbackRequest, Order, OrderLine, OutboxRow, Retailer, SalesLink
from orders.store import Store, utc
from orders.values import Names


@dataclass(frozen=True, slots=True)
class LineStatus:
    """One line of this node: its name, whether it takes calls, where callers reach it, calls in progress on it.

    `refused`: requests turned away since the start, for a wrong signature or a wrong form.
    """

    name: str
    state: Literal["up", "starting", "down"]
    address: str
    calls: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call in progress. `shop` is None until the caller has been identified."""

    line: str
    caller: str
    shop: Names | None
    stage: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order; `outbox` tells how far it has come to the sales system ("" when it never was to go there)."""

    order_no: str
    shop: Names
    kinds: int
    cartons: int
    amount_fen: int
    status: str
    outbox: str
    channel: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """Somebody waits to be called back."""

    number: int
    caller: str
    shop: Names | None
    reason: str
    stage: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Handover:
    """How the way to the sales system stands; `waiting_since` is the oldest order not handed over yet."""

    open: bool
    reason: str
    waiting: int
    sent: int
    dead: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """All of the status page, read in one transaction. Lists are bounded; the counts beside them are totals."""

    lines: tuple[LineStatus, ...]
    calls: tuple[CallRow, ...]
    open_calls: int
    orders: tuple[OrderRow, ...]
    orders_today: int
    callbacks: tuple[CallbackRow, ...]
    open_callbacks: int
    handover: Handover


class Queries(Protocol):
    """What the pages may ask."""

    def status(self, day_began: datetime) -> Status:
        """The present state; `day_began` is when today began. Raises what the store raises."""


def masked_number(number: str) -> str:
    """A caller's number with its middle hidden: "138****0001"; short ones lose all but two; "" stays ""."""
    if len(number) >= 9:
        return f"{number[:3]}****{number[-4:]}"
    return number if len(number) <= 2 else "*" * (len(number) - 2) + number[-2:]


class StoreQueries:
    """The queries on the store. `lines` tells how this node's lines stand; `most_rows` bounds each list."""

    def __init__(self, store: Store, lines: Callable[[], tuple[LineStatus, ...]], *, most_rows: int = 15) -> None:
        self._store = store
        self._lines = lines
        self._most_rows = most_rows

    def status(self, day_began: datetime) -> Status:
        with self._store.session() as session:
            # A reader needs no write lock: calls go on while the page is read.
            session.connection(execution_options={"reading": True})
            status = Status(
                lines=self._lines(),
                calls=self._calls(session),
                open_calls=_count(session, select(func.count()).select_from(Call).where(Call.ended_at.is_(None))),
                orders=self._orders(session),
                orders_today=_count(
                    session, select(func.count()).select_from(Order).where(Order.placed_at >= day_began)
                ),
                callbacks=self._callbacks(session),
                open_callbacks=_count(
                    session,
                    select(func.count()).select_from(CallbackRequest).where(CallbackRequest.state == "open"),
                ),
                handover=_handover(session),
            )
            session.rollback()
        return status

    def _calls(self, session: Session) -> tuple[CallRow, ...]:
        query = (
            select(Call.line, Call.caller, Call.stage, Call.started_at, Retailer.name_zh, Retailer.name_en)
            .outerjoin(Retailer, Retailer.id == Call.retailer_id)
            .where(Call.ended_at.is_(None))
            .order_by(Call.started_at.desc(), Call.id)
            .limit(self._most_rows)
        )
        return tuple(
            CallRow(line, masked_number(caller), _names(zh, en), stage, utc(started_at))
            for line, caller, stage, started_at, zh, en in session.execute(query)
        )

    def _orders(self, session: Session) -> tuple[OrderRow, ...]:
        latest = select(Order.id).order_by(Order.placed_at.desc(), Order.id.desc()).limit(self._most_rows)
        query = (
            select(
                Order,
                Retailer.name_zh,
                Retailer.name_en,
                OutboxRow.state,
                func.count(OrderLine.position),
                func.coalesce(func.sum(OrderLine.accepted), 0),
            )
            .join(Retailer, Retailer.id == Order.retailer_id)
            .outerjoin(OutboxRow, OutboxRow.order_id == Order.id)
            .outerjoin(OrderLine, OrderLine.order_id == Order.id)
            .where(Order.id.in_(latest))
            .group_by(Order.id, Retailer.id, OutboxRow.id)
            .order_by(Order.placed_at.desc(), Order.id.desc())
        )
        return tuple(
            OrderRow(
                order.order_no,
                Names(zh, en),
                kinds,
                int(cartons),
                order.amount_fen,
                order.status,
                state or "",
                order.channel,
                utc(order.placed_at),
            )
            for order, zh, en, state, kinds, cartons in session.execute(query)
        )

    def _callbacks(self, session: Session) -> tuple[CallbackRow, ...]:
        query = (
            select(CallbackRequest, Retailer.name_zh, Retailer.name_en)
            .outerjoin(Retailer, Retailer.id == CallbackRequest.retailer_id)
            .where(CallbackRequest.state == "open")
            .order_by(CallbackRequest.requested_at, CallbackRequest.id)
            .limit(self._most_rows)
        )
        return tuple(
            CallbackRow(
                wish.id,
                masked_number(wish.number),
                _names(zh, en),
                wish.reason,
                wish.stage,
                utc(wish.requested_at),
            )
            for wish, zh, en in session.execute(query)
        )


def _handover(session: Session) -> Handover:
    counted = select(OutboxRow.state, func.count(), func.min(OutboxRow.created_at)).group_by(OutboxRow.state)
    by_state = {state: (number, oldest) for state, number, oldest in session.execute(counted)}
    closed = session.scalars(select(SalesLink).where(SalesLink.open.is_(False)).limit(1)).first()
    waiting, since = by_state.get("waiting", (0, None))
    return Handover(
        open=closed is None,
        reason=closed.reason if closed else "",
        waiting=waiting,
        sent=by_state.get("sent", (0, None))[0],
        dead=by_state.get("dead", (0, None))[0],
        waiting_since=utc(since) if since else None,
    )


def _count(session: Session, query: object) -> int:
    return int(session.execute(query).scalar_one())  # type: ignore[call-overload]


def _names(zh: str | None, en: str | None) -> Names | None:
    return Names(zh, en or "") if zh is not None else None
