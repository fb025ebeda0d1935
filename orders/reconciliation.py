"""Reconciliation: each day, and on demand, both sides compared; what differs is kept until a person settles it.

Also brings home what became of orders over there (booked, awaiting debit, debited, rejected). Reads the sales system
outside any transaction: it may be slow or away.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from orders.comparing import Comparison, OurOrder, compare
from orders.connectors.port import Connector, HeldLine, HeldOrder
from orders.models import AuditEntry, Order, OutboxRow, Reconciliation, ReconciliationDifference
from orders.outbox import send_again
from orders.settling import move_on
from orders.store import Store

AT_ONCE = 500


class NothingToSettle(ValueError):
    """No open difference of this kind has this key; the message says where to look."""


def reconcile(store: Store, connector: Connector, day: date, now: datetime) -> Reconciliation:
    """Compare one order day and keep the result. Raises Unreachable when the sales system can't be asked."""
    # Ours first: what is handed over while we ask would else look missing there. And once more after, for what was
    # placed and handed over meanwhile: it would look unknown here.
    with store.session() as session:
        ours = {order.order_key: order for order in our_orders(session, day)}
    held = list(connector.held(day.isoformat()))
    with store.transaction() as session:
        unknown = {one.order_key for one in held} - ours.keys()
        ours |= {order.order_key: order for order in our_orders(session, day) if order.order_key in unknown}
        take_statuses(session, held)
        return _keep(session, connector.name, day, now, compare(ours.values(), held))


def follow(store: Store, connector: Connector, day: date) -> int:
    """Bring home the statuses of one order day; returns how many orders changed. Raises Unreachable."""
    held = list(connector.held(day.isoformat()))
    with store.transaction() as session:
        return take_statuses(session, held)


def our_orders(session: Session, day: date) -> list[OurOrder]:
    """What was confirmed for this day, with how its hand-over stands."""
    query = (
        select(Order, OutboxRow.state, OutboxRow.external_id)
        .join(OutboxRow, OutboxRow.order_id == Order.id)
        .where(Order.order_day == day)
        .options(selectinload(Order.lines))
        .order_by(Order.id)
    )
    return [
        OurOrder(
            order.order_key,
            order.order_no,
            cast(Literal["waiting", "sent", "dead"], state),
            external_id,
            order.amount_fen,
            tuple(HeldLine(line.article_code, line.accepted, line.price_fen) for line in order.lines),
        )
        for order, state, external_id in session.execute(query)
    ]


def take_statuses(session: Session, held: Iterable[HeldOrder]) -> int:
    """Note what the sales system says became of our orders; returns how many changed.

    An order that it rejected stays ours with that status: the retailer hears so, and a person decides.
    """
    told = {one.order_key: one.status for one in held}
    keys = list(told)
    changed = 0
    for start in range(0, len(keys), AT_ONCE):
        ours = select(Order).where(Order.order_key.in_(keys[start : start + AT_ONCE]))
        changed += sum(move_on(order, told[order.order_key]) for order in session.scalars(ours))
    return changed


def open_differences(session: Session) -> list[ReconciliationDifference]:
    """What still waits for a person, oldest first."""
    query = select(ReconciliationDifference).where(ReconciliationDifference.state == "open")
    return list(session.scalars(query.order_by(ReconciliationDifference.id)))


def send_missing_again(session: Session, order_key: str, who: str, now: datetime) -> None:
    """Hand an order over once more that is missing over there; its key keeps it single. Raises NothingToSettle."""
    _settle(session, order_key, "resent", "sent again", who, now, kind="missing_there")
    if not send_again(session, order_key, now):
        raise NothingToSettle(f"order {order_key} is already on its way")


def explain(session: Session, order_key: str, why: str, who: str, now: datetime) -> None:
    """Settle every open difference of this order with a reason. Raises NothingToSettle."""
    if not why.strip():
        raise NothingToSettle("write why this difference is right")
    _settle(session, order_key, "explained", why.strip()[:500], who, now)


def _settle(
    session: Session, order_key: str, state: str, why: str, who: str, now: datetime, kind: str | None = None
) -> None:
    theirs = ReconciliationDifference
    mine = update(theirs).where(theirs.order_key == order_key, theirs.state == "open")
    if kind:
        mine = mine.where(theirs.kind == kind)
    values = {"state": state, "explanation": why, "settled_by": who, "settled_at": now}
    if not session.execute(mine.values(**values).returning(theirs.id)).all():
        what = f"{kind} " if kind else ""
        raise NothingToSettle(f"order {order_key} has no open {what}difference: see `orderline sales reconcile`")
    session.add(AuditEntry(at=now, actor=who, what=f"difference_{state}", about=order_key, detail=why))


def _keep(session: Session, system: str, day: date, now: datetime, result: Comparison) -> Reconciliation:
    """The newest run stands for its day: what was open is found again or gone, what was explained stays so."""
    explained = _supersede(session, day, now)
    run = Reconciliation(
        order_day=day,
        at=now,
        system=system,
        ours=result.ours,
        held=result.held,
        matched=result.matched,
        under_way=result.under_way,
        differences=[],
    )
    for difference in result.differences:
        known = explained.get((difference.order_key, difference.kind, difference.detail))
        run.differences.append(
            ReconciliationDifference(
                order_key=difference.order_key,
                kind=difference.kind,
                detail=difference.detail,
                state="explained" if known else "open",
                explanation=known.explanation if known else "",
                settled_by=known.settled_by if known else "",
                settled_at=known.settled_at if known else None,
            )
        )
    session.add(run)
    session.flush()
    return run


def _supersede(session: Session, day: date, now: datetime) -> dict[tuple[str, str, str], ReconciliationDifference]:
    """Close what earlier runs of this day left open; returns what was explained before, word for word the same."""
    earlier = select(Reconciliation.id).where(Reconciliation.order_day == day)
    theirs = ReconciliationDifference
    still_open = update(theirs).where(theirs.reconciliation_id.in_(earlier), theirs.state == "open")
    session.execute(still_open.values(state="gone", settled_at=now))
    query = select(theirs).where(theirs.reconciliation_id.in_(earlier), theirs.state == "explained").order_by(theirs.id)
    return {(one.order_key, one.kind, one.detail): one for one in session.scalars(query)}
