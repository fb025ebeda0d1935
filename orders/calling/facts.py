"""What is known this moment of a retailer that is to be called: read anew each time it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.calling.rules import CAP_DAYS, Facts
from orders.models import CallAttempt, CallConsent, Campaign, CampaignTarget, Order, Retailer
from orders.standing import suspension_of


@dataclass(frozen=True, slots=True)
class Reachable:
    """The facts, and the numbers to try: primary first."""

    facts: Facts
    numbers: tuple[tuple[str, str], ...]

    def phone(self, attempts: int) -> tuple[str, str]:
        """Number and kind for the next try: the backup after the primary, in turns."""
        return self.numbers[attempts % len(self.numbers)]


def reachable(session: Session, target: CampaignTarget, now: datetime, *, but: int = 0) -> Reachable:
    """Everything the rules ask about; `but` leaves one attempt out: the call that is asking."""
    retailer = session.get_one(Retailer, target.retailer_id, populate_existing=True)
    campaign = session.get_one(Campaign, target.campaign_id, populate_existing=True)
    consent = session.get(CallConsent, retailer.id, populate_existing=True)
    phones = sorted(retailer.phones, key=lambda phone: phone.kind != "primary")
    facts = Facts(
        consent=_consent(consent),
        may_order=_may_order(session, retailer, campaign),
        ordered=_has_ordered(session, retailer.id, campaign),
        has_phone=bool(phones),
        rang=_rang(session, retailer.id, now, but),
        until=campaign.ends_at,
        covers_more=consent is not None and consent.covers_more,
        is_notice=campaign.kind == "notice",
    )
    return Reachable(facts, tuple((phone.number, phone.kind) for phone in phones))


def _consent(consent: CallConsent | None) -> Literal["given", "refused", "none"]:
    if consent is None:
        return "none"
    return "given" if consent.state == "given" else "refused"


def _may_order(
    session: Session, retailer: Retailer, campaign: Campaign
) -> Literal["yes", "suspended", "not_due", "past_cutoff", "closed"]:
    if retailer.status == "closed":
        return "closed"
    return "suspended" if suspension_of(session, retailer, campaign.order_day) else "yes"


def _has_ordered(session: Session, retailer_id: int, campaign: Campaign) -> bool:
    query = select(Order.id).where(
        Order.retailer_id == retailer_id, Order.order_day == campaign.order_day, Order.status != "rejected"
    )
    return session.scalar(query.limit(1)) is not None


def _rang(session: Session, retailer_id: int, now: datetime, but: int) -> tuple[datetime, ...]:
    query = select(CallAttempt.rang_at).where(
        CallAttempt.retailer_id == retailer_id,
        CallAttempt.rang_at > now - timedelta(days=CAP_DAYS),
        CallAttempt.id != but,
    )
    return tuple(at for at in session.scalars(query) if at is not None)
