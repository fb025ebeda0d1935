"""Whether a retailer may be called, noted by staff: by the import's own rule, with a line in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from orders.imports.consent_writer import write_consent
from orders.models import AuditEntry, Retailer


def set_consent(
    session: Session,
    retailer: Retailer,
    state: Literal["given", "refused"],
    proof: str,
    *,
    covers_more: bool,
    actor: str,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Note what the retailer wants, as of today. A consent needs its proof, and a day after any refusal.

    Raises ValueError.
    """
    proof = proof.strip()[:200]
    if state == "given" and not proof:
        raise ValueError("write where the proof is: the number of the form, or of the recording")
    on = now.astimezone(zone).date().isoformat()
    given = covers_more and state == "given"
    write_consent(
        session,
        {
            "licence_no": retailer.licence_no,
            "on": on,
            "state": state,
            "proof": proof or "told staff",
            "covers_more": given,
        },
    )
    about = f"retailer {retailer.id}"
    session.add(AuditEntry(at=now, actor=actor, what=f"consent_{state}", about=about, detail=proof))
