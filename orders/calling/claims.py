"""Each retailer of a campaign is called once at a time: claims are rows, made, renewed and settled under one token.

A claim lapses when its node dies; what a node had begun to dial when it died counts as a call whose outcome is not
known, for it may have rung. Times are the database's own, so that no node's clock can make a claim look lapsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from orders.calling.facts import reachable
from orders.calling.outcomes import Outcome, RetryPlan, after
from orders.calling.rules import CallingRules, Later, Never, NeverReason, may_call
from orders.models import Call, CallAttempt, Campaign, CampaignTarget, PhoneTask

CLAIM_LASTS = timedelta(seconds=30)
NUMBER_IN_USE = timedelta(minutes=5)
CALL_LASTS = timedelta(minutes=35)
"""Longer than any call: what is still being dialled then belonged to a node that died."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A target in hand until its lease ends: check and dial it, or let it go."""

    target: int
    campaign: int
    retailer: int
    token: str


@dataclass(frozen=True, slots=True)
class Dialling:
    """A call that is to be placed now or not at all; from here on it counts, whatever becomes of this node."""

    claim: Claim
    call: str
    number: str
    phone_kind: str


def database_now(session: Session) -> datetime:
    """The one clock of all nodes."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)
    return datetime.now(UTC)


def claim(session: Session, token: str, now: datetime, limit: int) -> list[Claim]:
    """Take up to `limit` due targets of running campaigns, the earliest of the campaign that ends first."""
    running = select(Campaign.id).where(Campaign.state == "running", Campaign.starts_at <= now)
    taken: list[Claim] = []
    # One campaign at a time, so that its index gives the earliest without sorting a million others.
    for campaign in session.scalars(running.order_by(Campaign.ends_at, Campaign.id)):
        if len(taken) < limit:
            taken += _claim_of(session, campaign, token, now, limit - len(taken))
    return taken


def _claim_of(session: Session, campaign: int, token: str, now: datetime, limit: int) -> list[Claim]:
    lapsed = (CampaignTarget.state == "claimed") & (CampaignTarget.claimed_until < now)
    due = (
        select(CampaignTarget.id)
        .where(
            CampaignTarget.campaign_id == campaign,
            CampaignTarget.state.in_(("waiting", "claimed", "dialling")),
            CampaignTarget.next_attempt_at <= now,
            (CampaignTarget.state == "waiting") | lapsed,
        )
        .order_by(CampaignTarget.next_attempt_at, CampaignTarget.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    mine = (
        update(CampaignTarget)
        .where(CampaignTarget.id.in_(session.scalars(due).all()))
        .values(state="claimed", claim_token=token, claimed_until=now + CLAIM_LASTS)
        .returning(CampaignTarget.id, CampaignTarget.campaign_id, CampaignTarget.retailer_id)
        .execution_options(synchronize_session=False)
    )
    return [Claim(row.id, row.campaign_id, row.retailer_id, token) for row in session.execute(mine)]


def begin_dialling(session: Session, mine: Claim, call: str, now: datetime, rules: CallingRules) -> Dialling | None:
    """Check everything once more and write the attempt; None when it is not to be called, or not by us."""
    target = session.get(CampaignTarget, mine.target, with_for_update=True, populate_existing=True)
    if target is None or (target.state, target.claim_token) != ("claimed", mine.token):
        return None
    if session.scalars(select(Campaign.state).where(Campaign.id == target.campaign_id)).one() != "running":
        _let_go(target, "waiting", "not_running")
        return None
    found = reachable(session, target, now)
    verdict = may_call(found.facts, now, rules)
    if isinstance(verdict, Never):
        _let_go(target, "done" if target.attempts else "left_out", verdict.reason)
        return None
    if isinstance(verdict, Later):
        _let_go(target, "waiting", verdict.reason)
        target.next_attempt_at = verdict.at
        return None
    number, kind = found.phone(_tries(session, target.id))
    if _is_called_now(session, number):
        # Several shops share a telephone: it would be busy with our own call, and that would count.
        _let_go(target, "waiting", "number_in_use")
        target.next_attempt_at = now + NUMBER_IN_USE
        return None
    target.attempts += 1
    target.state, target.claimed_until = "dialling", now + CALL_LASTS
    session.add(
        CallAttempt(
            target_id=target.id,
            number_of=target.attempts,
            retailer_id=target.retailer_id,
            call_id=call,
            number=number,
            phone_kind=kind,
            began_at=now,
        )
    )
    return Dialling(mine, call, number, kind)


def _is_called_now(session: Session, number: str) -> bool:
    under_way = select(CallAttempt.id).join(CampaignTarget, CampaignTarget.id == CallAttempt.target_id)
    mine = under_way.where(CallAttempt.number == number, CallAttempt.outcome == "", CampaignTarget.state == "dialling")
    return session.scalar(mine.limit(1)) is not None


def still_to_be_called(session: Session, call: str, now: datetime, rules: CallingRules) -> bool:
    """Asked again when it rings and when it is answered: it may have ordered, refused or been suspended meanwhile."""
    return not no_longer(session, call, now, rules)


def no_longer(session: Session, call: str, now: datetime, rules: CallingRules) -> NeverReason | Literal[""]:
    """Why this call, under way already, should not be; "" while it should."""
    attempt, target = of_call(session, call)
    own = attempt.rang_at
    facts = reachable(session, target, now, but=attempt.id).facts
    verdict = may_call(facts, own or now, rules)
    return verdict.reason if isinstance(verdict, Never) else ""


def rings(session: Session, call: str, now: datetime) -> None:
    """The other telephone rings: from here on this call counts for caps and spacing."""
    ringing = update(CallAttempt).where(CallAttempt.call_id == call, CallAttempt.rang_at.is_(None))
    session.execute(ringing.values(rang_at=now))


def settle(session: Session, call: str, outcome: Outcome, now: datetime, retry: RetryPlan) -> None:
    """The call is over: note what came of it, and when, if at all, this retailer is to be called again. Once only."""
    attempt, target = of_call(session, call)
    if attempt.outcome:
        return
    attempt.outcome, attempt.ended_at = outcome, now
    if target.state != "dialling":
        return
    if outcome != "line_failed":
        # Busy and declined are the retailer's answers too, though nothing rang on our side.
        attempt.rang_at = attempt.rang_at or now
    session.flush()
    next_at = after(outcome, _tries(session, target.id), now, retry)
    if outcome == "asked_later":
        # What was promised is kept, also beyond the number of tries; what was not promised is not done.
        next_at = attempt.promised_at
    if next_at is None or not _goes_on(session, target.campaign_id, next_at):
        _let_go(target, "done", outcome)
    else:
        _let_go(target, "waiting", outcome)
        target.next_attempt_at = next_at
    if outcome in retry.bad_number:
        _open_phone_task(session, attempt, now, retry)


def _goes_on(session: Session, campaign: int, at: datetime) -> bool:
    """Whether the campaign still calls then."""
    still = session.execute(select(Campaign.state, Campaign.ends_at).where(Campaign.id == campaign)).one()
    return still.state in ("planned", "running", "paused") and at < still.ends_at


def bury_the_dead(session: Session, now: datetime, retry: RetryPlan) -> int:
    """Settle calls whose node died while dialling: they may have rung, so they count. Returns how many."""
    lapsed = (CampaignTarget.state == "dialling") & (CampaignTarget.claimed_until < now)
    return _bury(session, lapsed, now, retry)


def bury_own(session: Session, prefix: str, now: datetime, retry: RetryPlan) -> int:
    """The same at once, for calls of this prefix that were never answered: their process is known to be gone."""
    no_conversation = ~exists().where(Call.id == CallAttempt.call_id)
    return _bury(session, CallAttempt.call_id.startswith(prefix, autoescape=True) & no_conversation, now, retry)


def _bury(session: Session, which: ColumnElement[bool], now: datetime, retry: RetryPlan) -> int:
    lost = (
        select(CallAttempt)
        .join(CampaignTarget, CampaignTarget.id == CallAttempt.target_id)
        .where(which, CallAttempt.outcome == "")
        .with_for_update(skip_locked=True, of=CampaignTarget)
    )
    attempts = session.scalars(lost).all()
    for attempt in attempts:
        attempt.rang_at = attempt.rang_at or attempt.began_at
        settle(session, attempt.call_id, "not_known", now, retry)
    return len(attempts)


def of_call(session: Session, call: str) -> tuple[CallAttempt, CampaignTarget]:
    """The attempt that this call is, and its target, locked to the transaction's end."""
    attempt = session.scalars(select(CallAttempt).where(CallAttempt.call_id == call)).one()
    return attempt, session.get_one(CampaignTarget, attempt.target_id, with_for_update=True)


def _tries(session: Session, target: int) -> int:
    """How often this campaign has reached the retailer's telephone; what failed on our side does not count."""
    query = select(func.count()).where(CallAttempt.target_id == target, CallAttempt.rang_at.is_not(None))
    return session.scalar(query) or 0


def _let_go(target: CampaignTarget, state: str, reason: str) -> None:
    target.state, target.reason, target.claim_token, target.claimed_until = state, reason, "", None


def _open_phone_task(session: Session, attempt: CallAttempt, now: datetime, retry: RetryPlan) -> None:
    failed = select(func.count()).where(CallAttempt.number == attempt.number, CallAttempt.outcome.in_(retry.bad_number))
    known = select(PhoneTask.id).where(PhoneTask.number == attempt.number, PhoneTask.state == "open")
    if (session.scalar(failed) or 0) >= retry.phone_task_after and session.scalar(known) is None:
        reason = f"{retry.phone_task_after} calls failed, the last: {attempt.outcome}"
        session.add(PhoneTask(retailer_id=attempt.retailer_id, number=attempt.number, opened_at=now, reason=reason))
