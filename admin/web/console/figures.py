"""The figures behind the reports: calls by hour, how far callers come, success by batch, sales by category.

Each is plain rows with a heading, so that the picture and the file are the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from admin.web.console.call_days import REACHED, CallDays
from orders.calendar import is_order_day
from orders.models import Article, Batch, Holiday, Order, OrderLine, Retailer

MOST_DAYS = 92


@dataclass(frozen=True, slots=True)
class Table:
    """`heading` are names of texts; the first column of a row is what it is about, a word of ours under `words`."""

    name: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, the last one included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def calls_by_hour(days: CallDays, session: Session, period: Period) -> Table:
    """Calls that began in each hour of the day, and how many of them placed an order."""
    counted = [days.of(session, day) for day in period.days]
    calls = [sum(day.calls[hour] for day in counted) for hour in range(24)]
    ordered = [sum(day.with_order[hour] for day in counted) for hour in range(24)]
    busy = [hour for hour in range(24) if calls[hour]]
    hours = range(min(busy, default=8), max(busy, default=18) + 1)
    rows = tuple((f"{hour:02d}:00", calls[hour], ordered[hour]) for hour in hours)
    return Table("calls_by_hour", ("hour", "calls", "with_order"), rows)


def funnel(days: CallDays, session: Session, period: Period) -> Table:
    """How many calls came at least so far; the last row are those with an order."""
    counted = [days.of(session, day) for day in period.days]
    rows = tuple((name, sum(day.reached[step] for day in counted)) for step, name in enumerate(REACHED))
    return Table("funnel", ("stage", "calls"), rows, "reached")


def success_by_batch(_days: CallDays, session: Session, period: Period) -> Table:
    """By batch: retailers due on its order days of the period, and how many of them ordered.

    Due are those who are active today: who closed or opened within the period is counted as of now.
    """
    moved = {holiday.day: holiday.moved_to for holiday in session.scalars(select(Holiday))}
    active = select(Retailer.batch_id, func.count()).where(Retailer.status == "active").group_by(Retailer.batch_id)
    members = {batch: number for batch, number in session.execute(active)}  # noqa: C416 (rows are no pairs to mypy)
    ordered = (
        select(Retailer.batch_id, Order.order_day, func.count(func.distinct(Order.retailer_id)))
        .join(Retailer, Retailer.id == Order.retailer_id)
        .where(Order.order_day >= period.first, Order.order_day <= period.last, Order.status != "rejected")
        .where(Retailer.status == "active")
        .group_by(Retailer.batch_id, Order.order_day)
    )
    by_day = {(batch, day): number for batch, day, number in session.execute(ordered)}
    rows = []
    for batch in session.scalars(select(Batch).order_by(Batch.code)):
        days = [day for day in period.days if is_order_day(day, batch.weekdays, moved)]
        due = members.get(batch.id, 0) * len(days)
        if due:
            rows.append((batch.code, due, sum(by_day.get((batch.id, day), 0) for day in days)))
    return Table("success_by_batch", ("batch", "due", "ordered"), tuple(rows))


def sales_by_category(_days: CallDays, session: Session, period: Period) -> Table:
    """Cartons wanted and ordered, and their amount in fen, by supply category."""
    query = (
        select(
            Article.category,
            func.sum(OrderLine.requested),
            func.sum(OrderLine.accepted),
            func.sum(OrderLine.accepted * OrderLine.price_fen),
        )
        .join(OrderLine, OrderLine.article_code == Article.code)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.order_day >= period.first, Order.order_day <= period.last, Order.status != "rejected")
        .group_by(Article.category)
        .order_by(case({"tight": 0, "supplementary": 1}, value=Article.category, else_=2))
    )
    rows = tuple((row[0], int(row[1]), int(row[2]), int(row[3])) for row in session.execute(query))
    return Table("sales_by_category", ("category", "wanted", "cartons", "amount_fen"), rows, "category")


TABLES: dict[str, Callable[[CallDays, Session, Period], Table]] = {
    "calls_by_hour": calls_by_hour,
    "funnel": funnel,
    "success_by_batch": success_by_batch,
    "sales_by_category": sales_by_category,
}
