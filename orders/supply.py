"""What a retailer may have of an article now: allocation, own limit, order limit, stock, substitutes.

Reads only. Limits are decided here and nowhere else, from what is stored, never from what a caller or a page says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from orders.models import Allocation, Article, Order, OrderLine, Retailer, RetailerLimit
from orders.values import LimitReason, Names


@dataclass(frozen=True, slots=True)
class Room:
    """How many cartons can be had at most, and what sets that; not `supplied` where none is meant for this shop."""

    cartons: int
    reason: LimitReason
    supplied: bool = True


def period_of(day: date) -> str:
    """Allocations run by the month: "2026-11"."""
    return day.strftime("%Y-%m")


def names_of(article: Article) -> Names:
    return Names(article.name_zh, article.name_en)


def article_on_sale(session: Session, code: str) -> Article | None:
    """The article of this code, if it is on sale."""
    article = session.get(Article, code)
    return article if article and article.on_sale else None


def room_for(session: Session, retailer: Retailer, article: Article, day: date, *, order_limit: int) -> Room:
    """The least of stock, order limit and what is left of the allocation.

    Tight and controlled goods exist only for those who have an allocation; the others are free within the order limit
    unless there is one. Stock is named as the reason only when it is what stops the caller.
    """
    allowed = allowance(session, retailer, article, day)
    if allowed is None and (article.category == "tight" or article.controlled):
        return Room(0, "allocation", supplied=False)
    if allowed == 0:
        return Room(0, "allocation", supplied=False)
    bounds: list[tuple[int, LimitReason]] = [(article.stock, "stock")]
    if allowed is not None:
        used = ordered_in_period(session, retailer.id, article.code, day)
        bounds.append((max(0, allowed - used), "allocation"))
    bounds.append((article.order_limit or order_limit, "order_limit"))
    cartons, reason = min(bounds, key=lambda bound: bound[0])
    return Room(cartons, reason)


def allowance(session: Session, retailer: Retailer, article: Article, day: date) -> int | None:
    """What this retailer is allotted in the period of this day, or None where nothing limits it."""
    period = period_of(day)
    own = session.scalar(
        select(RetailerLimit.cartons).where(
            RetailerLimit.period == period,
            RetailerLimit.article_code == article.code,
            RetailerLimit.retailer_id == retailer.id,
        )
    )
    if own is not None:
        return own
    return session.scalar(
        select(Allocation.cartons).where(
            Allocation.period == period,
            Allocation.article_code == article.code,
            Allocation.retailer_grade == retailer.grade,
        )
    )


def ordered_in_period(session: Session, retailer_id: int, code: str, day: date) -> int:
    """Cartons this retailer has ordered in the period already, rejected orders left out."""
    first = day.replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    total = session.scalar(
        select(func.coalesce(func.sum(OrderLine.accepted), 0))
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.retailer_id == retailer_id,
            Order.order_day >= first,
            Order.order_day < following,
            Order.status != "rejected",
            OrderLine.article_code == code,
        )
    )
    return int(total or 0)


def substitute_for(
    session: Session, retailer: Retailer, article: Article, day: date, *, order_limit: int, besides: Collection[str]
) -> Article | None:
    """A regular or supplementary article of the same grade with stock and allowance, nearest in price (3.5.2.2).

    `besides`: codes that stand in the basket already; a substitute must not overwrite what the caller ordered.
    """
    candidates = session.scalars(
        select(Article).where(
            Article.grade == article.grade,
            Article.code.not_in([article.code, *besides]),
            Article.on_sale,
            Article.stock > 0,
            Article.category != "tight",
            Article.controlled.is_(False),
        )
    ).all()
    for candidate in sorted(candidates, key=lambda one: (abs(one.price_fen - article.price_fen), one.code)):
        room = room_for(session, retailer, candidate, day, order_limit=order_limit)
        if room.supplied and room.cartons > 0:
            return candidate
    return None
