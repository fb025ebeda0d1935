"""What campaigns need done now and then, by whoever holds the lease: begin, end, make the day's, bury the dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from orders.calling import claims
from orders.calling.campaigns import Wish, close_targets, make
from orders.calling.outcomes import RetryPlan
from orders.calling.planning import Filters, due_batches, plan
from orders.calling.rules import CallingRules
from orders.models import Batch, Campaign, CampaignTarget

BY = "schedule"


@dataclass(frozen=True, slots=True)
class Cared:
    """What was done: campaigns made, begun and ended; calls of dead nodes; retailers the cut-off came too early for."""

    made: int = 0
    begun: int = 0
    ended: int = 0
    buried: int = 0
    missed: int = 0


def care(session: Session, now: datetime, rules: CallingRules, retry: RetryPlan, remind_before: timedelta) -> Cared:
    """One round. `remind_before` the cut-off the day's reminders begin; zero: only campaigns made by hand."""
    made = _make_todays(session, now, rules, remind_before) if remind_before else 0
    begun = _begin(session, now, rules)
    buried = claims.bury_the_dead(session, now, retry)
    session.flush()
    ended, missed = _end(session, now)
    return Cared(made, begun, ended, buried, missed)


def _make_todays(session: Session, now: datetime, rules: CallingRules, remind_before: timedelta) -> int:
    """A campaign for each batch that orders today, once its time has come; its key says that it was made."""
    today, made = now.astimezone(rules.zone).date(), 0
    for number in due_batches(session, today):
        batch = session.get_one(Batch, number)
        cutoff = datetime.combine(today, time.fromisoformat(batch.cutoff), rules.zone)
        key = f"{today.isoformat()} {batch.code}"
        if not cutoff - remind_before <= now < cutoff or _is_made(session, key):
            continue
        wish = Wish("reminder", key, today, now, cutoff, Filters(batches=(batch.code,)), plan_key=key)
        make(session, wish, rules, BY, now)
        made += 1
    return made


def _is_made(session: Session, key: str) -> bool:
    return session.scalar(select(Campaign.id).where(Campaign.plan_key == key)) is not None


def _begin(session: Session, now: datetime, rules: CallingRules) -> int:
    due = select(Campaign).where(Campaign.state == "planned", Campaign.starts_at <= now, Campaign.ends_at > now)
    begun = session.scalars(due.with_for_update()).all()
    for campaign in begun:
        # Whoever was added since it was made is called too; whoever has ordered is found when it is its turn.
        plan(session, campaign, rules, now)
        campaign.state = "running"
    return len(begun)


def _end(session: Session, now: datetime) -> tuple[int, int]:
    """Past the cut-off there is nothing to remind of; with nobody left to call there is nothing to do."""
    open_targets = exists().where(
        CampaignTarget.campaign_id == Campaign.id, CampaignTarget.state.in_(("waiting", "claimed", "dialling"))
    )
    over = select(Campaign).where(
        Campaign.state.in_(("planned", "running", "paused")),
        (Campaign.ends_at <= now) | ((Campaign.state == "running") & ~open_targets),
    )
    ended = session.scalars(over.with_for_update()).all()
    missed = 0
    for campaign in ended:
        missed += close_targets(session, campaign, "past_cutoff")
        campaign.state = "done"
    return len(ended), missed
