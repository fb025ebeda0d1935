"""The calls out of a transcript's world: a campaign of one retailer, claimed and begun as the dialler does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from orders.calling import claims
from orders.calling.desk import CallingDesk
from orders.calling.planning import Filters, filters_to_text, plan
from orders.models import CallAttempt, CallConsent, Campaign, CampaignTarget, Retailer
from orders.values import Errand

UNTIL = timedelta(hours=6)


@dataclass(slots=True)
class CallsOut:
    """What we call for: the order day's reminder, or the `notice` while there is one."""

    desk: CallingDesk
    notice: str = ""
    ringing: dict[int, Errand] = field(default_factory=dict)

    def ring(self, session: Session, retailer: int, now: datetime) -> None:
        """Let this retailer's telephone ring; `place` will find it answered."""
        self.ringing[retailer] = self.place(session, f"ringing-{retailer}", retailer, now)

    def place(self, session: Session, call: str, retailer: int, now: datetime) -> Errand:
        """Begin a call to this retailer. Raises ValueError when it may not be called."""
        if rung := self.ringing.pop(retailer, None):
            answered = update(CallAttempt).where(CallAttempt.call_id == f"ringing-{retailer}")
            session.execute(answered.values(call_id=call))
            return rung
        licence = session.get_one(Retailer, retailer).licence_no
        campaign = Campaign(
            kind="notice" if self.notice else "reminder",
            name=call,
            order_day=now.astimezone(self.desk.rules.zone).date(),
            state="running",
            starts_at=now,
            ends_at=now + UNTIL,
            filters=filters_to_text(Filters(licences=(licence,))),
            text_zh=self.notice,
            created_at=now,
        )
        session.add(campaign)
        session.flush()
        plan(session, campaign, self.desk.rules, now)
        for claim in claims.claim(session, call, now, 1):
            dialling = claims.begin_dialling(session, claim, call, now, self.desk.rules)
            if dialling:
                return self.desk.errand(session, dialling)
        raise ValueError(f"the retailer {licence} may not be called now")


def outcome_of(session: Session, call: str, zone: ZoneInfo) -> str:
    """What became of a call, and when the next one is due: "asked_later 11:00", "ordered never"."""
    attempt = session.scalars(select(CallAttempt).where(CallAttempt.call_id == call)).one()
    target = session.get_one(CampaignTarget, attempt.target_id)
    again = target.next_attempt_at.astimezone(zone).strftime("%H:%M") if target.state == "waiting" else "never"
    return f"{attempt.outcome} {again}"


def consent_of(session: Session, call: str) -> str:
    """What the called retailer has said about calls."""
    retailer = session.scalars(select(CallAttempt.retailer_id).where(CallAttempt.call_id == call)).one()
    consent = session.get(CallConsent, retailer)
    return consent.state if consent else "none"
