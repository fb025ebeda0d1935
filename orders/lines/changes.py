"""The history of lines, boards and slots: rows are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.models import LineChange


def record(session: Session, about: str, what: str, detail: str, by: str, now: datetime) -> None:
    """Add one change."""
    session.add(LineChange(at=now, about=about[:80], what=what[:40], detail=detail[:300], by=by[:80]))


def history(session: Session, about: str = "", most: int = 50) -> Sequence[LineChange]:
    """Newest first: of one line, board or slot, or of all."""
    query = select(LineChange).order_by(LineChange.id.desc()).limit(most)
    return session.scalars(query.where(LineChange.about == about) if about else query).all()
