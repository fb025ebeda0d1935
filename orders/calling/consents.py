"""Whether a retailer may be called: given with proof, refused at once; each change in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from orders.models import AuditEntry, CallConsent


def set_consent(
    session: Session,
    retailer_id: int,
    state: Literal["given", "refused"],
    proof: str,
    *,
    covers_more: bool,
    actor: str,
    now: datetime,
) -> None:
    """Note what the retailer wants. A consent needs its proof (a form's number, a recording). Raises ValueError."""
    proof = proof.strip()[:200]
    if state == "given" and not proof:
        raise ValueError("write where the proof is: the number of the form, or of the recording")
    consent = session.get(CallConsent, retailer_id, with_for_update=True)
    if consent is None:
        consent = CallConsent(retailer_id=retailer_id, state=state, proof=proof, at=now)
        session.add(consent)
    consent.state, consent.proof, consent.at = state, proof, now
    consent.covers_more = covers_more and state == "given"
    session.add(AuditEntry(at=now, actor=actor, what=f"consent_{state}", about=f"retailer {retailer_id}", detail=proof))
