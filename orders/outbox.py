"""The outbox: which orders are due to be handed over, who is handing them over, and what became of it.

Claims are rows with a lease, so that two nodes never deliver the same order at once and a dead node's claim lapses.
A retailer's orders go one after another: an order waits behind an earlier one that is still waiting, not behind a dead
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from orders.models import Order, OutboxRow, SalesLink
from orders.placing import SALES_LINK
from orders.retrying import RetrySchedule

LEASE = timedelta(seconds=60)
"""Longer than any delivery may take: a connector gives up by itself before."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One row in our hands until its lease ends: deliver it, then settle it under the same token."""

    id: int
    order_key: str
    payload: str
    attempts: int
    token: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the hand-over stands: rows by state, and when the oldest waiting one was written."""

    waiting: int
    sent: int
    dead: int
    oldest: datetime | None
    link_open: bool
    link_reason: str


def anything_due(session: Session, now: datetime) -> bool:
    """Whether a claim might find something: a claim keeps everybody else from writing, even one that finds nothing."""
    due = select(OutboxRow.id).where(
        OutboxRow.state == "waiting",
        OutboxRow.next_attempt_at <= now,
        or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until < now),
    )
    return session.scalar(due.limit(1)) is not None


def claim(session: Session, token: str, now: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` due rows, at most one a retailer, and mark them ours."""
    earlier = aliased(OutboxRow)
    first_of_retailer = ~exists().where(
        earlier.retailer_id == OutboxRow.retailer_id, earlier.state == "waiting", earlier.id < OutboxRow.id
    )
    due = (
        select(OutboxRow)
        .where(
            OutboxRow.state == "waiting",
            OutboxRow.next_attempt_at <= now,
            or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until < now),
            first_of_retailer,
        )
        .order_by(OutboxRow.next_attempt_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboxRow)
    )
    claimed = []
    for row in session.scalars(due):
        row.lease_token, row.lease_until, row.attempts = token, now + LEASE, row.attempts + 1
        claimed.append(Claimed(row.id, row.order_key, row.payload, row.attempts, token))
    return claimed


def settle_sent(session: Session, row: Claimed, external_id: str, now: datetime) -> bool:
    """The sales system has it. False when the lease was lost meanwhile; then the other node settles the same."""
    values = {"state": "sent", "external_id": external_id, "sent_at": now, "last_error": ""}
    if not _settle(session, row, values):
        return False
    order = update(Order).where(Order.order_key == row.order_key, Order.status == "registered")
    session.execute(order.values(status="accepted"))
    return True


def settle_dead(session: Session, row: Claimed, reason: str) -> bool:
    """Nobody will try again by itself: the order is on the dead-letter list with its reason."""
    return _settle(session, row, {"state": "dead", "last_error": reason[:500]})


def settle_later(session: Session, row: Claimed, reason: str, next_attempt: datetime) -> bool:
    """Not now."""
    return _settle(session, row, {"next_attempt_at": next_attempt, "last_error": reason[:500]})


def give_back(session: Session, row: Claimed, reason: str, next_attempt: datetime) -> bool:
    """Not now, and the attempt does not count: it says nothing about this order."""
    values = {"attempts": row.attempts - 1, "next_attempt_at": next_attempt, "last_error": reason[:500]}
    return _settle(session, row, values)


def _settle(session: Session, row: Claimed, values: dict[str, object]) -> bool:
    mine = update(OutboxRow).where(
        OutboxRow.id == row.id, OutboxRow.lease_token == row.token, OutboxRow.state == "waiting"
    )
    done = session.execute(mine.values(lease_token="", lease_until=None, **values).returning(OutboxRow.id))
    return done.first() is not None


def noted_id(session: Session, row_id: int) -> str:
    """The sales system's id noted for this row, "" when there is none yet."""
    return session.scalars(select(OutboxRow.external_id).where(OutboxRow.id == row_id)).one()


def note_id(session: Session, row_id: int, external_id: str) -> str:
    """Note the sales system's id unless another stands. Returns the one that stands."""
    free = update(OutboxRow).where(OutboxRow.id == row_id, OutboxRow.external_id == "")
    session.execute(free.values(external_id=external_id).execution_options(synchronize_session=False))
    return noted_id(session, row_id)


def reclaim(session: Session, node: str) -> int:
    """Free the rows that an earlier process of this node had claimed. Returns how many."""
    ours = OutboxRow.lease_token.startswith(f"{node}:", autoescape=True)
    held = update(OutboxRow).where(OutboxRow.state == "waiting", ours)
    return len(session.execute(held.values(lease_token="", lease_until=None).returning(OutboxRow.id)).all())


def retry_dead(session: Session, order_key: str, now: datetime) -> bool:
    """Take a dead order back among the waiting ones, from the first attempt. False when there is none.

    The noted id is forgotten: a person has looked, and the sales system is asked for the key again.
    """
    dead = update(OutboxRow).where(OutboxRow.order_key == order_key, OutboxRow.state == "dead")
    values = {"state": "waiting", "attempts": 0, "next_attempt_at": now, "external_id": ""}
    return session.execute(dead.values(**values).returning(OutboxRow.id)).first() is not None


def send_again(session: Session, order_key: str, now: datetime) -> bool:
    """Take an order back among the waiting ones that is sent here but missing over there. False when it waits already.

    The noted id is forgotten: it stands for an object that is gone.
    """
    settled = update(OutboxRow).where(OutboxRow.order_key == order_key, OutboxRow.state != "waiting")
    values = {"state": "waiting", "attempts": 0, "next_attempt_at": now, "external_id": "", "sent_at": None}
    return session.execute(settled.values(**values).returning(OutboxRow.id)).first() is not None


def link_result(session: Session, *, reached: bool, reason: str, now: datetime, schedule: RetrySchedule) -> bool:
    """Note whether the sales system could be reached; returns whether it counts as open now."""
    link = session.get(SalesLink, SALES_LINK) or SalesLink(name=SALES_LINK, open=True, failures=0)
    link.failures = 0 if reached else link.failures + 1
    is_open = reached or (link.open and link.failures < schedule.link_down_after)
    if is_open != link.open or link.changed_at is None:
        link.changed_at = now
    link.open, link.reason = is_open, "" if reached else reason[:500]
    session.add(link)
    return is_open


def hasten(session: Session, now: datetime) -> int:
    """The sales system is back: everything that waits is due now. Returns how many rows that moved."""
    waiting = update(OutboxRow).where(OutboxRow.state == "waiting", OutboxRow.next_attempt_at > now)
    return len(session.execute(waiting.values(next_attempt_at=now).returning(OutboxRow.id)).all())


def backlog(session: Session) -> Backlog:
    """How the hand-over stands."""
    by_state = select(OutboxRow.state, func.count().label("rows")).group_by(OutboxRow.state)
    counts = {row.state: row.rows for row in session.execute(by_state)}
    oldest = session.scalar(select(func.min(OutboxRow.created_at)).where(OutboxRow.state == "waiting"))
    link = session.get(SalesLink, SALES_LINK)
    return Backlog(
        counts.get("waiting", 0),
        counts.get("sent", 0),
        counts.get("dead", 0),
        oldest,
        link is None or link.open,
        link.reason if link else "",
    )
