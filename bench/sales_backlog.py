"""Confirmed orders waiting in the outbox, as many as wanted, spread over the demo retailers: what an outage leaves."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

from sqlalchemy import select

from orders.models import Article, Draft, Order, OrderLine, Retailer
from orders.placing import outbox_row
from orders.store import Store

ORDER_DAY = date(2026, 11, 23)
LINES = 5
_NUMBERS = itertools.count(1)


def write_orders(store: Store, count: int) -> None:
    """Place so many orders of five lines for ORDER_DAY, past the dialogue and its limits."""
    now = datetime.now(UTC)
    with store.transaction() as session:
        retailers = session.scalars(select(Retailer.id).where(Retailer.status == "active").order_by(Retailer.id)).all()
        articles = session.scalars(select(Article).where(Article.on_sale).order_by(Article.code)).all()
        for number in itertools.islice(_NUMBERS, count):
            draft = Draft(retailer_id=retailers[number % len(retailers)], order_day=ORDER_DAY, state="placed")
            session.add(draft)
            session.flush()
            chosen = [articles[(number * 7 + line * 11) % len(articles)] for line in range(LINES)]
            lines = [
                OrderLine(position=at, article_code=one.code, requested=at, accepted=at, price_fen=one.price_fen)
                for at, one in enumerate(chosen, start=1)
            ]
            order = Order(
                order_no=f"{ORDER_DAY:%Y%m%d}{number:08d}",
                order_key=f"{draft.retailer_id}-{ORDER_DAY:%Y%m%d}-{draft.id}",
                draft_id=draft.id,
                retailer_id=draft.retailer_id,
                order_day=ORDER_DAY,
                placed_at=now,
                amount_fen=sum(line.accepted * line.price_fen for line in lines),
                lines=lines,
            )
            session.add(order)
            session.flush()
            session.add(outbox_row(session, order, now))
