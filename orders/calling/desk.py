"""What the conversation of a call that we made may ask: still wanted, call later, never again, and how it ended.

Answered inside the transaction of the step that asks, so that a refusal is final with the key that said it, and a
call's outcome is stored with its end. Nothing here dials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from orders.calling import claims
from orders.calling.claims import Dialling, database_now
from orders.calling.facts import reachable
from orders.calling.notices import sentences
from orders.calling.outcomes import Outcome, RetryPlan
from orders.calling.rules import CallingRules, Later, Never, may_call
from orders.models import AuditEntry, CallConsent, Campaign, Retailer
from orders.values import Errand, Language


def _rules() -> CallingRules:
    return CallingRules(ZoneInfo("Asia/Shanghai"))


@dataclass(frozen=True, slots=True)
class CallingDesk:
    """The rules of calling out, and the clock they go by: the database's, but for tests. Holds no state."""

    rules: CallingRules = field(default_factory=_rules)
    retry: RetryPlan = field(default_factory=RetryPlan)
    callback_number: str = ""
    now: Callable[[Session], datetime] = database_now

    def errand(self, session: Session, dialling: Dialling) -> Errand:
        """What the conversation is to know when this call is answered."""
        campaign = session.get_one(Campaign, dialling.claim.campaign)
        retailer = session.get_one(Retailer, dialling.claim.retailer)
        language: Language = "en" if retailer.language == "en" else "zh"
        text = campaign.text_en if language == "en" and campaign.text_en else campaign.text_zh
        return Errand(
            kind="notice" if campaign.kind == "notice" else "reminder",
            retailer_id=retailer.id,
            language=language,
            assisted=retailer.assisted,
            cutoff=campaign.ends_at.astimezone(self.rules.zone).strftime("%H:%M"),
            words=sentences(text),
            callback_number=self.callback_number,
        )

    def answered(self, session: Session, call: str) -> str:
        """Somebody has picked up: "" when we may talk to it, else why there is no reason to any more."""
        now = self.now(session)
        claims.rings(session, call, now)
        session.flush()
        return claims.no_longer(session, call, now, self.rules)

    def refuse(self, session: Session, call: str) -> None:
        """The retailer wants no more calls: final from this moment on, for every campaign and number."""
        attempt, _ = claims.of_call(session, call)
        consent = session.get(CallConsent, attempt.retailer_id, with_for_update=True)
        if consent is None:
            consent = CallConsent(retailer_id=attempt.retailer_id)
            session.add(consent)
        now = self.now(session)
        consent.state, consent.proof, consent.at = "refused", f"keyed on call {call}", now
        session.add(AuditEntry(at=now, actor="retailer", what="calls refused", about=str(attempt.retailer_id)))

    def promise(self, session: Session, call: str) -> str:
        """When it is called again because it asked to be ("15:30", local time), or "" when the rules allow no time."""
        attempt, target = claims.of_call(session, call)
        now = self.now(session)
        facts = reachable(session, target, now).facts
        attempt.promised_at = None
        for wait_s in (self.retry.wait_s.get("asked_later", 0), self.rules.spacing_s):
            wanted = max(now, attempt.rang_at or now) + timedelta(seconds=wait_s)
            verdict = may_call(facts, wanted, self.rules)
            if not isinstance(verdict, Never):
                attempt.promised_at = verdict.at if isinstance(verdict, Later) else wanted
                return attempt.promised_at.astimezone(self.rules.zone).strftime("%H:%M")
        return ""

    def settle(self, session: Session, call: str, outcome: Outcome) -> None:
        """The call is over."""
        claims.settle(session, call, outcome, self.now(session), self.retry)
