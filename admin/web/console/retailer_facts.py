"""Everything about one retailer that stands beside its form: order day, draft, orders, allocation, calls, audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from admin.web.console.parts import ConsoleParts
from orders.baskets import basket_of
from orders.models import AuditEntry, Call, CallConsent, Draft, Order, PhoneTask, Retailer
from orders.standing import allocation_of, standing_of
from orders.values import AllocationLine, Basket, Standing

MOST = 10


@dataclass(frozen=True, slots=True)
class RetailerFacts:
    """Read in one transaction; lists are bounded. `held_by` is who writes the draft now, "" for nobody."""

    standing: Standing
    basket: Basket | None
    held_by: str
    orders: Sequence[Order]
    allocation: tuple[AllocationLine, ...]
    calls: Sequence[Call]
    consent: CallConsent | None
    phone_tasks: Sequence[PhoneTask]
    audit: Sequence[AuditEntry]


def facts_of(session: Session, retailer: Retailer, parts: ConsoleParts) -> RetailerFacts:
    """As of now. Reads only."""
    now = parts.now()
    standing = standing_of(session, retailer.id, now, parts.zone)
    draft = open_draft_of(session, retailer.id, date.fromisoformat(standing.order_day))
    is_held = bool(draft and draft.owner and draft.owned_until and draft.owned_until > now)
    orders = select(Order).where(Order.retailer_id == retailer.id).order_by(Order.order_day.desc(), Order.id.desc())
    calls = select(Call).where(Call.retailer_id == retailer.id).order_by(Call.started_at.desc()).limit(MOST)
    tasks = select(PhoneTask).where(PhoneTask.retailer_id == retailer.id, PhoneTask.state == "open")
    about = (f"retailer {retailer.id}", f"retailers {retailer.licence_no}")
    audit = select(AuditEntry).where(or_(*(AuditEntry.about == one for one in about)))
    return RetailerFacts(
        standing=standing,
        basket=basket_of(session, draft) if draft else None,
        held_by=draft.owner if draft and is_held else "",
        orders=session.scalars(orders.limit(MOST)).all(),
        allocation=allocation_of(session, retailer.id, now.astimezone(parts.zone).date()),
        calls=session.scalars(calls).all(),
        consent=session.get(CallConsent, retailer.id),
        phone_tasks=session.scalars(tasks).all(),
        audit=session.scalars(audit.order_by(AuditEntry.id.desc()).limit(MOST)).all(),
    )


def open_draft_of(session: Session, retailer_id: int, day: date) -> Draft | None:
    query = select(Draft).where(Draft.retailer_id == retailer_id, Draft.order_day == day, Draft.state == "open")
    return session.scalar(query)
