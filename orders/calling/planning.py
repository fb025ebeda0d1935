"""Whom a campaign calls, and whom it leaves out and why: one statement over all retailers, in the database.

The same decision is taken again, retailer by retailer, when it is dialled, rings and answers (`orders.calling.rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, exists, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from orders.calendar import is_order_day
from orders.calling.rules import CAP_DAYS, CallingRules
from orders.models import (
    Batch,
    CallAttempt,
    CallConsent,
    Campaign,
    CampaignTarget,
    Holiday,
    Manager,
    Order,
    Phone,
    Region,
    Retailer,
    Route,
    SuspensionNotice,
)

NOBODY_REASONS = ("no_consent", "refused", "closed", "no_phone", "ordered", "suspended", "called_enough")


@dataclass(frozen=True, slots=True)
class Filters:
    """Whom a campaign is about; an empty tuple means everybody. Codes, and managers by name."""

    batches: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """How many a campaign would call, and how many it leaves out for each reason."""

    called: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def filters_to_text(filters: Filters) -> str:
    """As stored with the campaign."""
    return msgspec.json.encode(asdict(filters)).decode()


def filters_from_text(text: str) -> Filters:
    """The filters of a stored campaign. Raises ValueError for text that is none."""
    try:
        return msgspec.json.decode(text, type=Filters, strict=True)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"the campaign's filters can't be read: {error}") from error


def preview(session: Session, campaign: Campaign, rules: CallingRules, now: datetime) -> Preview:
    """What `plan` would write."""
    chosen = _chosen(session, campaign, rules, now).subquery()
    counts = select(chosen.c.reason, func.count().label("retailers")).group_by(chosen.c.reason)
    by_reason = {row.reason: row.retailers for row in session.execute(counts)}
    return Preview(by_reason.pop("", 0), by_reason)


def plan(session: Session, campaign: Campaign, rules: CallingRules, now: datetime) -> int:
    """Write the campaign's targets, those left out with their reason; again, it adds who is new. Returns how many.

    `campaign` must be stored already. Who was refused or has ordered meanwhile is found when it is to be dialled.
    """
    chosen = _chosen(session, campaign, rules, now).subquery()
    known = exists().where(
        CampaignTarget.campaign_id == campaign.id, CampaignTarget.retailer_id == chosen.c.retailer_id
    )
    rows = select(
        literal(campaign.id),
        chosen.c.retailer_id,
        case((chosen.c.reason == "", "waiting"), else_="left_out"),
        chosen.c.reason,
        literal(0),
        literal(campaign.starts_at, CampaignTarget.next_attempt_at.type),
        literal(""),
    ).where(~known)
    columns = ["campaign_id", "retailer_id", "state", "reason", "attempts", "next_attempt_at", "claim_token"]
    before = _count(session, campaign.id)
    session.execute(insert(CampaignTarget).from_select(columns, rows))
    return _count(session, campaign.id) - before


def due_batches(session: Session, day: date) -> list[int]:
    """The batches that order on this day, holidays considered."""
    moved = {holiday.day: holiday.moved_to for holiday in session.scalars(select(Holiday))}
    return [batch.id for batch in session.scalars(select(Batch)) if is_order_day(day, batch.weekdays, moved)]


def _count(session: Session, campaign_id: int) -> int:
    query = select(func.count()).select_from(CampaignTarget).where(CampaignTarget.campaign_id == campaign_id)
    return session.scalar(query) or 0


def _chosen(session: Session, campaign: Campaign, rules: CallingRules, now: datetime) -> Select[int, str]:
    """Retailer and reason to leave it out, "" for none."""
    query = (
        select(Retailer.id.label("retailer_id"), _reason(campaign, rules, now).label("reason"))
        .select_from(Retailer)
        .outerjoin(CallConsent, CallConsent.retailer_id == Retailer.id)
    )
    for wanted in _wanted(session, campaign):
        query = query.where(wanted)
    return query


def _wanted(session: Session, campaign: Campaign) -> list[ColumnElement[bool]]:
    filters = filters_from_text(campaign.filters)
    wanted: list[ColumnElement[bool]] = []
    if campaign.kind == "reminder":
        wanted.append(Retailer.batch_id.in_(due_batches(session, campaign.order_day)))
    if filters.batches:
        wanted.append(Retailer.batch_id.in_(select(Batch.id).where(Batch.code.in_(filters.batches))))
    if filters.regions:
        wanted.append(Retailer.region_id.in_(select(Region.id).where(Region.code.in_(filters.regions))))
    if filters.routes:
        wanted.append(Retailer.route_id.in_(select(Route.id).where(Route.code.in_(filters.routes))))
    if filters.managers:
        wanted.append(Retailer.manager_id.in_(select(Manager.id).where(Manager.name.in_(filters.managers))))
    if filters.grades:
        wanted.append(Retailer.grade.in_(filters.grades))
    if filters.licences:
        wanted.append(Retailer.licence_no.in_(filters.licences))
    return wanted


def _reason(campaign: Campaign, rules: CallingRules, now: datetime) -> ColumnElement[str]:
    whens: list[tuple[ColumnElement[bool], str]] = [
        (CallConsent.state.is_(None), "no_consent"),
        (CallConsent.state == "refused", "refused"),
        (Retailer.status == "closed", "closed"),
        (~exists().where(Phone.retailer_id == Retailer.id), "no_phone"),
    ]
    if campaign.kind == "reminder":
        whens += [(_has_ordered(campaign.order_day), "ordered"), (_is_suspended(campaign.order_day), "suspended")]
    whens.append((and_(~CallConsent.covers_more, _called_enough(rules, now)), "called_enough"))
    return case(*whens, else_="")


def _has_ordered(day: date) -> ColumnElement[bool]:
    return exists().where(Order.retailer_id == Retailer.id, Order.order_day == day, Order.status != "rejected")


def _is_suspended(day: date) -> ColumnElement[bool]:
    by_region = exists().where(
        SuspensionNotice.region_id == Retailer.region_id,
        SuspensionNotice.lifted_at.is_(None),
        SuspensionNotice.starts_on <= day,
        or_(SuspensionNotice.resumes_on.is_(None), SuspensionNotice.resumes_on > day),
    )
    return or_(Retailer.status == "suspended", by_region)


def _called_enough(rules: CallingRules, now: datetime) -> ColumnElement[bool]:
    rings = select(func.count()).where(
        CallAttempt.retailer_id == Retailer.id, CallAttempt.rang_at > now - timedelta(days=CAP_DAYS)
    )
    return rings.scalar_subquery() >= rules.per_month
