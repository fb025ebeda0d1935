"""A campaign's life: made, begun, held, let go on, ended; and why each of these may be refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from orders.calling.notices import too_long
from orders.calling.outcomes import Outcome
from orders.calling.planning import NEVER_CALLED, Filters, filters_to_text, plan
from orders.calling.rules import CallingRules
from orders.models import AuditEntry, Batch, Campaign, CampaignTarget, Manager, Region, Retailer, Route

_MOVES = {
    "start": (("planned",), "running"),
    "pause": (("running",), "paused"),
    "resume": (("paused",), "running"),
    "stop": (("planned", "running", "paused"), "stopped"),
}


class CampaignRefused(ValueError):
    """The campaign can't be made or moved so; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A campaign as somebody wants it. `ends_at` of a reminder is its cut-off; texts are a notice's only."""

    kind: str
    name: str
    order_day: date
    starts_at: datetime
    ends_at: datetime
    filters: Filters = field(default_factory=Filters)
    text_zh: str = ""
    text_en: str = ""
    plan_key: str | None = None


def make(session: Session, wish: Wish, rules: CallingRules, by: str, now: datetime) -> Campaign:
    """Store a campaign and its targets; it begins at its time. Raises CampaignRefused."""
    _check(session, wish, rules.zone, now)
    campaign = Campaign(
        kind=wish.kind,
        name=wish.name,
        order_day=wish.order_day,
        state="planned",
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        filters=filters_to_text(wish.filters),
        text_zh=wish.text_zh,
        text_en=wish.text_en,
        created_by=by,
        created_at=now,
        plan_key=wish.plan_key,
    )
    session.add(campaign)
    session.flush()
    plan(session, campaign, rules, now)
    _audit(session, by, "campaign made", campaign, now)
    return campaign


def move(session: Session, number: int, what: str, by: str, now: datetime) -> Campaign:
    """Start, pause, resume or stop a campaign; calls under way go on to their end. Raises CampaignRefused."""
    campaign = session.get(Campaign, number, with_for_update=True)
    if campaign is None:
        raise CampaignRefused(f"there is no campaign {number}: see `orderline campaigns list`")
    before, after = _MOVES[what]
    if campaign.state not in before:
        raise CampaignRefused(f"campaign {number} is {campaign.state}: only a {' or '.join(before)} one can {what}")
    if after == "running" and now >= campaign.ends_at:
        raise CampaignRefused(f"campaign {number} is past its end: make a new one")
    campaign.state = after
    if what == "start":
        _start_now(session, campaign, now)
    if what == "stop":
        close_targets(session, campaign, "stopped")
    _audit(session, by, f"campaign {what}", campaign, now)
    return campaign


def _start_now(session: Session, campaign: Campaign, now: datetime) -> None:
    if campaign.starts_at > now:
        due = update(CampaignTarget).where(
            CampaignTarget.campaign_id == campaign.id,
            CampaignTarget.state == "waiting",
            CampaignTarget.next_attempt_at == campaign.starts_at,
        )
        session.execute(due.values(next_attempt_at=now))
        campaign.starts_at = now


def close_targets(session: Session, campaign: Campaign, reason: str) -> int:
    """Nobody of this campaign is called any more; whoever is being called is let finish. Returns how many waited."""
    waiting = update(CampaignTarget).where(
        CampaignTarget.campaign_id == campaign.id, CampaignTarget.state.in_(("waiting", "claimed"))
    )
    closed = session.execute(
        waiting.values(state="done", reason=reason, claim_token="", claimed_until=None).returning(CampaignTarget.id)
    )
    return len(closed.all())


def _check(session: Session, wish: Wish, zone: ZoneInfo, now: datetime) -> None:
    if not wish.name.strip() or len(wish.name) > 80:
        raise CampaignRefused("give the campaign a name of 1 to 80 characters")
    if wish.ends_at <= max(wish.starts_at, now):
        raise CampaignRefused("it ends before it begins, or has ended: choose later times")
    if wish.kind == "reminder" and wish.ends_at.astimezone(zone).date() != wish.order_day:
        raise CampaignRefused("a reminder ends at the cut-off, on the order day itself: choose --until on that day")
    if wish.kind == "notice" and not wish.text_zh.strip():
        raise CampaignRefused("a notice needs its words: --text")
    if problem := too_long(wish.text_zh, "zh") or too_long(wish.text_en, "en"):
        raise CampaignRefused(problem)
    _check_filters(session, wish.filters)


def _check_filters(session: Session, filters: Filters) -> None:
    known: tuple[tuple[tuple[str, ...], InstrumentedAttribute[str], str], ...] = (
        (filters.batches, Batch.code, "batch"),
        (filters.regions, Region.code, "region"),
        (filters.routes, Route.code, "route"),
        (filters.managers, Manager.name, "manager"),
        (filters.grades, Retailer.grade, "grade"),
        (filters.licences, Retailer.licence_no, "licence"),
    )
    for wanted, column, what in known:
        if unknown := set(wanted) - _existing(session, column, column.in_(wanted)):
            raise CampaignRefused(f"there is no {what} {', '.join(sorted(unknown))}: correct it, or import it first")
    outcomes = (*get_args(Outcome), NEVER_CALLED)
    if unknown := set(filters.last_outcomes) - set(outcomes):
        told = ", ".join(sorted(unknown))
        raise CampaignRefused(f"no call ends as {told}: there are {', '.join(outcomes)}")


def _existing(session: Session, column: InstrumentedAttribute[str], which: ColumnElement[bool]) -> set[str]:
    return set(session.scalars(select(column).where(which)))


def _audit(session: Session, by: str, what: str, campaign: Campaign, now: datetime) -> None:
    session.add(AuditEntry(at=now.astimezone(UTC), actor=by, what=what, about=f"campaign {campaign.id}"))
