"""From draft to order: everything is checked once more, stock is taken, and the outbox row is written with the order.

All in the caller's one transaction. The same draft gives the same order for ever: a draft that was placed answers with
the order it became.
"""

from __future__ import annotations

import json
from datetime import date, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from orders.baskets import BasketRules, basket_of, owned_draft
from orders.desk import DraftTaken
from orders.models import Article, Draft, Order, OrderLine, OutboxRow, Retailer, SalesLink
from orders.supply import article_on_sale, room_for
from orders.values import OrderStatus, OrderSummary, Placement

SALES_LINK = "sales"


def summary_of(order: Order) -> OrderSummary:
    """An order as its retailer hears it."""
    statuses: tuple[OrderStatus, ...] = ("registered", "accepted", "awaiting_debit", "debited", "rejected")
    status = next(one for one in statuses if one == order.status)
    cartons = sum(line.accepted for line in order.lines)
    day = order.order_day.isoformat()
    tail = order.order_no[-4:]
    return OrderSummary(order.order_no, tail, day, len(order.lines), cartons, order.amount_fen, status)


def sales_open(session: Session) -> bool:
    """Whether the sales system takes orders at present, as far as the dispatcher knows; open until it has tried."""
    link = session.get(SalesLink, SALES_LINK)
    return link is None or link.open


def place(session: Session, owner: str, version: int, amount_fen: int, now: datetime, rules: BasketRules) -> Placement:
    """Place the owner's draft as reviewed in `version` at `amount_fen` (0: not known). Raises DraftTaken."""
    try:
        draft = owned_draft(session, owner, now)
    except DraftTaken:
        return _placed_before(session, owner, version)
    basket = basket_of(session, draft)
    if not basket.lines:
        return Placement("refused", None, sales_open(session), basket, "empty")
    shrunk = _shrunk(session, draft, rules)
    session.flush()
    # Only now, with the articles locked and read anew: a price may have moved since the total was heard.
    basket = basket_of(session, draft)
    if shrunk or draft.version != version or amount_fen not in (0, basket.amount_fen):
        return Placement("changed", None, sales_open(session), basket)
    order = _write_order(session, draft, owner, now)
    return Placement("placed", summary_of(order), sales_open(session), basket)


def _placed_before(session: Session, owner: str, version: int) -> Placement:
    """The order this very review became, when the same wish is said again."""
    order = session.scalar(select(Order).where(Order.call_id == owner).order_by(Order.id.desc()).limit(1))
    draft = session.get_one(Draft, order.draft_id) if order else None
    if order is None or draft is None or draft.version != version:
        raise DraftTaken(f"{owner} owns no open draft")
    return Placement("placed", summary_of(order), sales_open(session), basket_of(session, draft))


def _shrunk(session: Session, draft: Draft, rules: BasketRules) -> bool:
    """Cut each line to what can be had now; whether anything had to be cut. Articles are locked in order of code."""
    retailer = session.get_one(Retailer, draft.retailer_id)
    codes = sorted(line.article_code for line in draft.lines)
    locking = select(Article).where(Article.code.in_(codes)).order_by(Article.code).with_for_update()
    session.scalars(locking.execution_options(populate_existing=True)).all()
    changed = False
    for line in list(draft.lines):
        article = article_on_sale(session, line.article_code)
        room = room_for(session, retailer, article, draft.order_day, order_limit=rules.order_limit) if article else None
        can_be_had = room.cartons if room else 0
        if can_be_had >= line.accepted:
            continue
        changed = True
        if can_be_had:
            line.accepted = can_be_had
        else:
            draft.lines.remove(line)
    if changed:
        draft.version += 1
    return changed


def _write_order(session: Session, draft: Draft, owner: str, now: datetime) -> Order:
    order = Order(
        order_no=_next_number(session, draft.order_day),
        order_key=f"{draft.retailer_id}-{draft.order_day:%Y%m%d}-{draft.id}",
        draft_id=draft.id,
        retailer_id=draft.retailer_id,
        order_day=draft.order_day,
        call_id=owner,
        placed_at=now,
        amount_fen=0,
    )
    for line in draft.lines:
        article = session.get_one(Article, line.article_code)
        _take_stock(session, article.code, line.accepted)
        order.amount_fen += line.accepted * article.price_fen
        order.lines.append(
            OrderLine(
                position=len(order.lines) + 1,
                article_code=line.article_code,
                requested=line.requested,
                accepted=line.accepted,
                price_fen=article.price_fen,
            )
        )
    session.add(order)
    draft.state, draft.owner, draft.owned_until = "placed", "", None
    session.flush()
    session.add(outbox_row(session, order, now))
    session.flush()
    return order


def _take_stock(session: Session, code: str, cartons: int) -> None:
    session.execute(
        update(Article)
        .where(Article.code == code)
        .values(stock=Article.stock - cartons)
        .execution_options(synchronize_session="fetch")
    )


def _next_number(session: Session, day: date) -> str:
    """yyyymmdd + six digits, counted by the day; its last four are what the caller hears.

    On PostgreSQL two transactions could count alike, so numbers of a day are drawn one at a time.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(f"{day:%Y%m%d}"))))
    prefix = f"{day:%Y%m%d}"
    newest = session.scalar(select(func.max(Order.order_no)).where(Order.order_no.like(f"{prefix}%")))
    return f"{prefix}{int(newest[8:]) + 1 if newest else 1:06d}"


def outbox_row(session: Session, order: Order, now: datetime) -> OutboxRow:
    """What carries this order to the sales system: to be stored in the transaction that stores the order."""
    retailer = session.get_one(Retailer, order.retailer_id)
    payload = {
        "order_key": order.order_key,
        "order_no": order.order_no,
        "order_day": order.order_day.isoformat(),
        "placed_at": now.isoformat(),
        "channel": order.channel,
        "licence_no": retailer.licence_no,
        "retailer": retailer.name_zh,
        "amount_fen": order.amount_fen,
        "lines": [
            {
                "position": line.position,
                "article_code": line.article_code,
                "requested": line.requested,
                "accepted": line.accepted,
                "price_fen": line.price_fen,
            }
            for line in order.lines
        ],
    }
    return OutboxRow(
        order_id=order.id,
        order_key=order.order_key,
        retailer_id=order.retailer_id,
        payload=json.dumps(payload, ensure_ascii=False, sort_keys=True),
        created_at=now,
        next_attempt_at=now,
    )
