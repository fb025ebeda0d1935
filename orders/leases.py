"""Leases: which node leads a piece of scheduled work. A row, a time and a fencing token; no clock but the caller's.

A leader that was frozen past its lease finds its token outdated at its next write (`still_holds` within the writing
transaction), so that two leaders never both write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from orders.models import Lease


@dataclass(frozen=True, slots=True)
class Held:
    """A lease in hand: show `token` with every write it covers."""

    name: str
    holder: str
    token: int
    until: datetime


def take(session: Session, name: str, holder: str, now: datetime, lasts: timedelta) -> Held | None:
    """Take a free or lapsed lease, or prolong one's own. None while another node holds it."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    until = now + lasts
    new = insert(Lease).values(name=name, holder=holder, token=1, until=until).on_conflict_do_nothing()
    session.execute(new)
    mine_or_lapsed = update(Lease).where(Lease.name == name, or_(Lease.holder == holder, Lease.until <= now))
    # A new holder gets a new token; prolonging keeps it, unless it had lapsed: others may have looked meanwhile.
    prolonged = session.execute(
        mine_or_lapsed.where(Lease.holder == holder, Lease.until > now).values(until=until).returning(Lease.token)
    ).first()
    if prolonged:
        return Held(name, holder, prolonged.token, until)
    taken = session.execute(
        mine_or_lapsed.values(holder=holder, token=Lease.token + 1, until=until).returning(Lease.token)
    ).first()
    return Held(name, holder, taken.token, until) if taken else None


def still_holds(session: Session, held: Held) -> bool:
    """Whether this lease is still in hand, locked to the transaction's end: ask before what must not be done twice."""
    row = session.execute(select(Lease.token, Lease.holder).where(Lease.name == held.name).with_for_update()).first()
    return row is not None and (row.token, row.holder) == (held.token, held.holder)


def give_back(session: Session, held: Held, now: datetime) -> None:
    """Let another node take it at once."""
    mine = update(Lease).where(Lease.name == held.name, Lease.holder == held.holder, Lease.token == held.token)
    session.execute(mine.values(until=now))
