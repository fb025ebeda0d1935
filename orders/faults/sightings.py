"""What each node tells the others: that it lives, how its Asterisk stands, what it sees. Only changes are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from orders.models import NodeBeat, Sighting

Word = tuple[str, str]
"""What was seen, and its detail."""


def beat(session: Session, node: str, now: datetime, asterisk: str, address: str = "", reason: str = "") -> None:
    """This node lives. `asterisk` is "up", "down", "refused" or "off"."""
    session.merge(NodeBeat(node=node, at=now, asterisk=asterisk, address=address[:200], reason=reason[:300]))


def tell(session: Session, node: str, seen: Mapping[str, Word], now: datetime, *, keep: str = "test:") -> None:
    """All that this node sees now. What it saw before and sees no more is removed, but what begins with `keep`."""
    known = {row.about: row for row in session.scalars(select(Sighting).where(Sighting.node == node))}
    for about, (saw, detail) in seen.items():
        row = known.get(about)
        if row is None:
            session.add(Sighting(node=node, about=about, saw=saw, detail=detail, at=now))
        elif (row.saw, row.detail) != (saw, detail):
            row.saw, row.detail, row.at = saw, detail, now
    for about, row in known.items():
        if about not in seen and not about.startswith(keep):
            session.delete(row)


def tested(session: Session, node: str, line: str, result: str, detail: str, now: datetime) -> None:
    """What became of a test call on a line."""
    session.merge(Sighting(node=node, about=f"test:{line}", saw=result, detail=detail, at=now))


def forget(session: Session, node: str) -> bool:
    """A node that was stopped on purpose is no fault; whether it was known."""
    session.execute(delete(Sighting).where(Sighting.node == node))
    gone = session.execute(delete(NodeBeat).where(NodeBeat.node == node).returning(NodeBeat.node)).all()
    return bool(gone)
