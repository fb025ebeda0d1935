"""What came of a campaign: retailers by how they stand, calls by outcome, causes, whom to follow up today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from orders.calling.forecast import Pace
from orders.models import CallAttempt, Campaign, CampaignTarget, Manager, Order, Phone, Retailer

Cause = Literal["ordered", "management", "own_choice", "telephone", "weather", "not_reached", "open"]

_CAUSES: dict[str, Cause] = {
    "ordered": "ordered",
    "no_consent": "management",
    "no_phone": "management",
    "stopped": "management",
    "past_cutoff": "not_reached",
    "refused": "own_choice",
    "opted_out": "own_choice",
    "declined": "own_choice",
    "not_ordered": "own_choice",
    "hung_up_early": "own_choice",
    "wants_agent": "own_choice",
    "asked_later": "own_choice",
    "no_answer": "telephone",
    "no_key": "telephone",
    "voicemail": "telephone",
    "busy": "telephone",
    "bad_number": "telephone",
    "line_failed": "telephone",
    "not_known": "telephone",
    "called_enough": "not_reached",
}
NOT_DUE = ("suspended", "closed", "not_due")
"""Left out of the rate: they could not order (D3)."""


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One retailer of a campaign. `reason` says why it was left out, or the last outcome; `ordered` on any channel."""

    licence_no: str
    shop: str
    manager: str
    phone: str
    state: str
    reason: str
    attempts: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of one campaign; `calls` by outcome, `causes` of retailers by why they ordered or not."""

    targets: int
    by_state: Mapping[str, int]
    calls: Mapping[str, int]
    causes: Mapping[Cause, int]
    due: int
    ordered: int

    @property
    def success_rate(self) -> float:
        """Confirmed orders ÷ retailers due, 0 to 1."""
        return self.ordered / self.due if self.due else 0.0


def cause_of(line: TargetLine) -> Cause:
    """Why this retailer ordered or did not."""
    if line.ordered:
        return "ordered"
    if line.state in ("waiting", "claimed", "dialling"):
        return "open"
    return _CAUSES.get(line.reason, "not_reached")


def summed(lines: list[TargetLine], calls: Mapping[str, int]) -> Report:
    """The report over these lines."""
    due = [line for line in lines if line.reason not in NOT_DUE]
    return Report(
        targets=len(lines),
        by_state=Counter(line.state for line in lines),
        calls=calls,
        causes=Counter(cause_of(line) for line in due),
        due=len(due),
        ordered=sum(line.ordered for line in due),
    )


def follow_up(lines: list[TargetLine]) -> dict[str, list[TargetLine]]:
    """Per customer manager: who is due and has not ordered, those first whom nobody reached."""
    due = [line for line in lines if not line.ordered and line.reason not in (*NOT_DUE, "refused", "opted_out")]
    by_manager: dict[str, list[TargetLine]] = {}
    for line in sorted(due, key=lambda line: (line.manager, cause_of(line) == "own_choice", line.licence_no)):
        by_manager.setdefault(line.manager, []).append(line)
    return by_manager


def target_lines(session: Session, campaign: Campaign) -> Iterator[TargetLine]:
    """Every retailer of the campaign, by licence."""
    for row in session.execute(_lines(campaign).execution_options(yield_per=1000)):
        licence, shop, manager, phone, state, reason, attempts, ordered = row
        yield TargetLine(licence, shop, manager or "", phone or "", state, reason, attempts, ordered=bool(ordered))


def _lines(campaign: Campaign) -> Select[str, str, str | None, str | None, str, str, int, bool]:
    ordered = exists().where(
        Order.retailer_id == Retailer.id, Order.order_day == campaign.order_day, Order.status != "rejected"
    )
    phone = (
        select(func.min(Phone.number))
        .where(Phone.retailer_id == Retailer.id, Phone.kind == "primary")
        .scalar_subquery()
    )
    return (
        select(
            Retailer.licence_no,
            Retailer.name_zh,
            Manager.name,
            phone,
            CampaignTarget.state,
            CampaignTarget.reason,
            CampaignTarget.attempts,
            ordered,
        )
        .select_from(CampaignTarget)
        .join(Retailer, Retailer.id == CampaignTarget.retailer_id)
        .outerjoin(Manager, Manager.id == Retailer.manager_id)
        .where(CampaignTarget.campaign_id == campaign.id)
        .order_by(Retailer.licence_no)
    )


def calls_by_outcome(session: Session, campaign: Campaign) -> dict[str, int]:
    """How many calls ended how; "" are under way."""
    query = (
        select(CallAttempt.outcome, func.count())
        .join(CampaignTarget, CampaignTarget.id == CallAttempt.target_id)
        .where(CampaignTarget.campaign_id == campaign.id)
        .group_by(CallAttempt.outcome)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def over_time(session: Session, campaign: Campaign, every: timedelta) -> list[tuple[datetime, int, int]]:
    """(from, calls begun, of them ordered) for each span of this length in which a call was begun."""
    query = (
        select(CallAttempt.began_at, CallAttempt.outcome)
        .join(CampaignTarget, CampaignTarget.id == CallAttempt.target_id)
        .where(CampaignTarget.campaign_id == campaign.id)
    )
    begun: Counter[int] = Counter()
    ordered: Counter[int] = Counter()
    for began_at, outcome in session.execute(query):
        span = int((began_at - campaign.starts_at) / every)
        begun[span] += 1
        ordered[span] += outcome == "ordered"
    return [(campaign.starts_at + span * every, begun[span], ordered[span]) for span in sorted(begun)]


def pace_of(session: Session, campaign: Campaign, lines: int, usual: Pace | None = None) -> Pace:
    """How the campaign has gone so far on so many lines; the usual figures while fewer than ten calls have ended."""
    usual = usual or Pace(lines)
    query = (
        select(CallAttempt.began_at, CallAttempt.ended_at, CallAttempt.target_id)
        .join(CampaignTarget, CampaignTarget.id == CallAttempt.target_id)
        .where(CampaignTarget.campaign_id == campaign.id, CallAttempt.ended_at.is_not(None))
    )
    ended = [(end - began, target) for began, end, target in session.execute(query) if end is not None]
    if len(ended) < 10:
        return Pace(lines, usual.call_s, usual.tries)
    held_s = sum(span.total_seconds() for span, _ in ended) / len(ended)
    return Pace(lines, max(held_s, 1.0), len(ended) / len({target for _, target in ended}))
