"""Drafts: who may write one, what stands in it, and what became of each quantity asked for.

One writer at a time, by owner and lease. Every quantity asked for is kept as demand, whatever could be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from orders.desk import DraftHeldElsewhere, DraftTaken
from orders.models import Article, DemandLine, Draft, DraftLine, Order, Retailer
from orders.supply import Room, article_on_sale, names_of, room_for, substitute_for
from orders.values import Basket, BasketLine, Category, LineVerdict, Offer

LEASE = timedelta(minutes=15)
"""How long a draft stays its writer's after the last change: longer than any pause in a call."""


@dataclass(frozen=True, slots=True)
class BasketRules:
    """`order_limit`: the most cartons of one article in one order where the article has no limit of its own."""

    order_limit: int = 200


def open_draft(
    session: Session, retailer_id: int, order_day: date, owner: str, now: datetime, *, take_over: bool, anew: bool
) -> Basket:
    """Own the open draft of this day; what was left open of earlier days is over. Raises DraftHeldElsewhere."""
    _expire(session, retailer_id, order_day)
    draft = _open_row(session, retailer_id, order_day)
    if draft is None:
        draft = Draft(retailer_id=retailer_id, order_day=order_day)
        session.add(draft)
    elif draft.owner not in ("", owner) and draft.owned_until and draft.owned_until > now and not take_over:
        raise DraftHeldElsewhere(f"draft {draft.id} is being written by another call")
    draft.owner, draft.owned_until = owner, now + LEASE
    if anew:
        draft.lines.clear()
        draft.version = (draft.version or 1) + 1
    session.flush()
    return basket_of(session, draft)


def owned_draft(session: Session, owner: str, now: datetime) -> Draft:
    """The draft this owner may write; its lease begins anew. Raises DraftTaken."""
    query = select(Draft).where(Draft.owner == owner, Draft.state == "open").with_for_update(of=Draft)
    draft = session.scalar(query.execution_options(populate_existing=True))
    if draft is None:
        raise DraftTaken(f"{owner} owns no open draft")
    draft.owned_until = now + LEASE
    return draft


def release(session: Session, owner: str) -> None:
    """Let go; lines stay. A draft without lines is of no use to anybody but harms nobody either."""
    session.execute(update(Draft).where(Draft.owner == owner).values(owner="", owned_until=None))


def _expire(session: Session, retailer_id: int, before: date) -> None:
    over = (Draft.retailer_id == retailer_id, Draft.order_day < before, Draft.state == "open")
    session.execute(update(Draft).where(*over).values(state="expired", owner="", owned_until=None))


def _open_row(session: Session, retailer_id: int, order_day: date) -> Draft | None:
    query = select(Draft).where(Draft.retailer_id == retailer_id, Draft.order_day == order_day, Draft.state == "open")
    return session.scalar(query.with_for_update(of=Draft).execution_options(populate_existing=True))


def basket_of(session: Session, draft: Draft) -> Basket:
    """The accepted lines at today's prices, numbered as a caller hears them."""
    lines: list[BasketLine] = []
    for line in draft.lines:
        if line.accepted == 0:
            continue
        article = session.get_one(Article, line.article_code)
        amount = line.accepted * article.price_fen
        lines.append(BasketLine(len(lines) + 1, article.code, names_of(article), line.requested, line.accepted, amount))
    return Basket(draft.version, tuple(lines))


def offer_of(article: Article, draft: Draft) -> Offer:
    categories: dict[str, Category] = {"tight": "tight", "supplementary": "supplementary"}
    line = _line(draft, article.code)
    category = categories.get(article.category, "regular")
    return Offer(article.code, names_of(article), category, article.price_fen, line.accepted if line else 0)


def put_line(
    session: Session,
    draft: Draft,
    code: str,
    requested: int,
    *,
    settle: Literal["ask", "limit"],
    replaces: str,
    rules: BasketRules,
) -> LineVerdict:
    """Set one line of a draft, as `orders.desk.OrderDesk.put_line` promises. Raises KeyError for an unknown code."""
    article = session.get(Article, code)
    if article is None or requested < 0:
        raise KeyError(f"there is no article {code}")
    retailer = session.get_one(Retailer, draft.retailer_id)
    offer = offer_of(article, draft)
    if requested == 0:
        set_line(draft, code, 0, 0, replaces)
        return _verdict(session, draft, "removed", offer, 0, Room(0, ""))
    if article_on_sale(session, code) is None:
        # Withdrawn between its code and its quantity, or since it was put into the basket.
        return _verdict(session, draft, "not_supplied", offer, requested, Room(0, ""))
    if not replaces:
        keep_demand(session, draft, code, requested)
    room = room_for(session, retailer, article, draft.order_day, order_limit=rules.order_limit)
    if not room.supplied:
        return _verdict(session, draft, "not_supplied", offer, requested, room)
    if room.cartons == 0 and room.reason == "stock":
        besides = [line.article_code for line in draft.lines]
        instead = substitute_for(
            session, retailer, article, draft.order_day, order_limit=rules.order_limit, besides=besides
        )
        substitute = offer_of(instead, draft) if instead else None
        return _verdict(session, draft, "out_of_stock", offer, requested, room, substitute=substitute)
    if requested > room.cartons and (settle == "ask" or room.cartons == 0):
        return _verdict(session, draft, "limited", offer, requested, room)
    accepted = min(requested, room.cartons)
    set_line(draft, code, requested, accepted, replaces)
    return _verdict(session, draft, "accepted", offer, requested, room, accepted=accepted)


def _verdict(
    session: Session,
    draft: Draft,
    outcome: Literal["accepted", "limited", "out_of_stock", "not_supplied", "removed"],
    offer: Offer,
    requested: int,
    room: Room,
    *,
    substitute: Offer | None = None,
    accepted: int = 0,
) -> LineVerdict:
    session.flush()
    basket = basket_of(session, draft)
    return LineVerdict(outcome, offer, requested, accepted, room.cartons, room.reason, substitute, basket)


def set_line(draft: Draft, code: str, requested: int, accepted: int, replaces: str) -> None:
    """Put the line, or take it away at 0; every change makes a new version, so that a stale read-back is seen."""
    line = _line(draft, code)
    if accepted == 0:
        if line:
            draft.lines.remove(line)
    elif line:
        line.requested, line.accepted, line.replaces = requested, accepted, replaces
    else:
        draft.lines.append(DraftLine(article_code=code, requested=requested, accepted=accepted, replaces=replaces))
    if accepted and replaces and (replaced := _line(draft, replaces)):
        draft.lines.remove(replaced)
    draft.version += 1


def _line(draft: Draft, code: str) -> DraftLine | None:
    return next((line for line in draft.lines if line.article_code == code), None)


def keep_demand(session: Session, draft: Draft, code: str, requested: int) -> None:
    """Remember the largest quantity asked for (D5-12): what was declined is demand all the same."""
    query = select(DemandLine).where(DemandLine.draft_id == draft.id, DemandLine.article_code == code)
    demand = session.scalar(query)
    if demand is None:
        session.add(
            DemandLine(
                draft_id=draft.id,
                retailer_id=draft.retailer_id,
                order_day=draft.order_day,
                article_code=code,
                requested=requested,
            )
        )
    else:
        demand.requested = max(demand.requested, requested)


def last_order(session: Session, retailer_id: int, before: date) -> Order | None:
    """The usual basket is the last order of an earlier day that was not rejected: what callers mean by 「照旧」."""
    query = (
        select(Order)
        .where(Order.retailer_id == retailer_id, Order.order_day < before, Order.status != "rejected")
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(1)
    )
    return session.scalar(query)


def fill_usual(session: Session, draft: Draft, rules: BasketRules) -> tuple[Basket, int]:
    """The usual basket under today's limits and stock; returns how many of its lines could not be had in full."""
    usual = last_order(session, draft.retailer_id, draft.order_day)
    retailer = session.get_one(Retailer, draft.retailer_id)
    changed = 0
    draft.lines.clear()
    session.flush()
    for line in usual.lines if usual else ():
        # What it heard and what it ordered: the limit of that day is no wish for more today.
        wanted = line.accepted
        keep_demand(session, draft, line.article_code, wanted)
        article = article_on_sale(session, line.article_code)
        room = room_for(session, retailer, article, draft.order_day, order_limit=rules.order_limit) if article else None
        accepted = min(wanted, room.cartons) if room else 0
        set_line(draft, line.article_code, wanted, accepted, "")
        changed += accepted < wanted
    draft.version += 1
    session.flush()
    return basket_of(session, draft), changed
