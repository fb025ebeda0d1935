"""What an identified retailer may do on this call: due, suspended, past cut-off; its draft, usual basket and orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from orders.baskets import last_order
from orders.calendar import due
from orders.models import Allocation, Article, Draft, Holiday, Order, Retailer, RetailerLimit, SuspensionNotice
from orders.placing import summary_of
from orders.supply import names_of, ordered_in_period, period_of
from orders.values import AllocationLine, BasketSize, Category, Names, OrderSummary, Standing, Suspension

MayOrder = Literal["yes", "not_due", "past_cutoff", "suspended"]


def standing_of(session: Session, retailer_id: int, at: datetime, zone: ZoneInfo) -> Standing:
    """Everything the dialogue wants to know of a retailer at the moment its call got a line."""
    retailer = session.get_one(Retailer, retailer_id)
    moment = due(at, retailer.batch.weekdays, retailer.batch.cutoff, _moved(session), zone)
    suspension = suspension_of(session, retailer, moment.day)
    may: MayOrder = "yes"
    if suspension:
        may = "suspended"
    elif not moment.today:
        may = "not_due"
    elif moment.past_cutoff:
        may = "past_cutoff"
    return Standing(
        retailer_id=retailer.id,
        shop=Names(retailer.name_zh, retailer.name_en),
        language="en" if retailer.language == "en" else "zh",
        assisted=retailer.assisted,
        may_order=may,
        order_day=moment.day.isoformat(),
        cutoff=retailer.batch.cutoff,
        next_order_day=moment.next_day.isoformat(),
        suspension=suspension,
        draft=_draft_size(session, retailer.id, moment.day),
        usual=_usual_size(session, retailer.id, moment.day),
        placed=_placed(session, retailer.id, moment.day),
    )


def blocked_for(session: Session, owner: str, at: datetime, zone: ZoneInfo) -> Literal["", "past_cutoff", "suspended"]:
    """Whether the owner's draft may not be placed any more: suspended meanwhile, or of a day or cut-off before `at`."""
    draft = session.scalar(select(Draft).where(Draft.owner == owner, Draft.state == "open"))
    if draft is None:
        return ""
    retailer = session.get_one(Retailer, draft.retailer_id)
    moment = due(at, retailer.batch.weekdays, retailer.batch.cutoff, _moved(session), zone)
    if suspension_of(session, retailer, moment.day):
        return "suspended"
    return "past_cutoff" if moment.past_cutoff or draft.order_day != moment.day else ""


def suspension_of(session: Session, retailer: Retailer, day: date) -> Suspension | None:
    """The suspension of the retailer's licence or its region on this day, if any."""
    if retailer.status == "suspended":
        return Suspension("licence", Names("", ""), "")
    query = (
        select(SuspensionNotice)
        .where(
            SuspensionNotice.region_id == retailer.region_id,
            SuspensionNotice.lifted_at.is_(None),
            SuspensionNotice.starts_on <= day,
            or_(SuspensionNotice.resumes_on.is_(None), SuspensionNotice.resumes_on > day),
        )
        .order_by(SuspensionNotice.id.desc())
        .limit(1)
    )
    notice = session.scalar(query)
    if notice is None:
        return None
    reasons: dict[str, Literal["weather", "system", "licence", "other"]] = {"weather": "weather", "system": "system"}
    area = Names(retailer.region.name_zh, retailer.region.name_en)
    resumes = notice.resumes_on.isoformat() if notice.resumes_on else ""
    return Suspension(reasons.get(notice.reason, "other"), area, resumes)


def _moved(session: Session) -> Mapping[date, date | None]:
    return {holiday.day: holiday.moved_to for holiday in session.scalars(select(Holiday))}


def _draft_size(session: Session, retailer_id: int, day: date) -> BasketSize | None:
    query = select(Draft).where(Draft.retailer_id == retailer_id, Draft.order_day == day, Draft.state == "open")
    draft = session.scalar(query)
    lines = [line for line in draft.lines if line.accepted] if draft else []
    return BasketSize(len(lines), sum(line.accepted for line in lines)) if lines else None


def _usual_size(session: Session, retailer_id: int, day: date) -> BasketSize | None:
    order = last_order(session, retailer_id, day)
    return BasketSize(len(order.lines), sum(line.accepted for line in order.lines)) if order else None


def _placed(session: Session, retailer_id: int, day: date) -> OrderSummary | None:
    query = (
        select(Order)
        .where(Order.retailer_id == retailer_id, Order.order_day == day, Order.status != "rejected")
        .order_by(Order.id.desc())
        .limit(1)
    )
    order = session.scalar(query)
    return summary_of(order) if order else None


def allocation_of(session: Session, retailer_id: int, day: date) -> tuple[AllocationLine, ...]:
    """Every limit of this retailer in the period, tight goods first, with what it has used of it."""
    retailer = session.get_one(Retailer, retailer_id)
    period = period_of(day)
    by_grade = select(Allocation.article_code, Allocation.cartons).where(
        Allocation.period == period, Allocation.retailer_grade == retailer.grade
    )
    own = select(RetailerLimit.article_code, RetailerLimit.cartons).where(
        RetailerLimit.period == period, RetailerLimit.retailer_id == retailer.id
    )
    limits = {row.article_code: row.cartons for row in session.execute(by_grade)}
    limits |= {row.article_code: row.cartons for row in session.execute(own)}
    articles = session.scalars(select(Article).where(Article.code.in_(limits), Article.on_sale)).all()
    order: dict[str, int] = {"tight": 0, "supplementary": 1, "regular": 2}
    categories: dict[str, Category] = {"tight": "tight", "supplementary": "supplementary"}
    return tuple(
        AllocationLine(
            article.code,
            names_of(article),
            categories.get(article.category, "regular"),
            limits[article.code],
            ordered_in_period(session, retailer.id, article.code, day),
        )
        for article in sorted(articles, key=lambda one: (order.get(one.category, 3), one.code))
    )
