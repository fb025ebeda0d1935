"""Whether a retailer may be called, from a file: consent with its proof, or a refusal, which outlives older papers."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.imports.fields import Value
from orders.models import CallConsent, Retailer


def write_consent(session: Session, values: dict[str, Value]) -> None:
    """One line. Raises ValueError for an unknown licence, and for a consent from before the retailer refused."""
    licence = str(values["licence_no"])
    retailer = session.scalar(select(Retailer.id).where(Retailer.licence_no == licence))
    if retailer is None:
        raise ValueError(f"there is no retailer with licence {licence}; import retailers first")
    day = date.fromisoformat(str(values["on"]))
    known = session.get(CallConsent, retailer)
    if known and known.state == "refused" and values["state"] == "given" and day <= known.at.date():
        raise ValueError(
            f"this retailer refused calls on {known.at:%Y-%m-%d}: only a consent given after that day counts; ask again"
        )
    consent = known or CallConsent(retailer_id=retailer)
    if known is None:
        session.add(consent)
    consent.state, consent.proof = str(values["state"]), str(values["proof"])
    consent.covers_more = bool(values.get("covers_more", consent.covers_more or False))
    consent.at = datetime(day.year, day.month, day.day, tzinfo=UTC)
