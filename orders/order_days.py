"""What ends by hand: a holiday that is none after all, a suspension that is lifted. Each leaves a line in the audit."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from orders.models import AuditEntry, Holiday, SuspensionNotice


def remove_holiday(session: Session, day: date, actor: str, now: datetime) -> bool:
    """Order on this day as usual. False when it was no holiday."""
    holiday = session.get(Holiday, day)
    if holiday is None:
        return False
    session.delete(holiday)
    session.add(AuditEntry(at=now, actor=actor, what="holiday_removed", about=f"holidays {day}", detail=holiday.name))
    return True


def lift_suspension(session: Session, number: int, actor: str, now: datetime) -> bool:
    """Retailers of the region order again from now on. False when this suspension is not there or lifted already."""
    notice = session.get(SuspensionNotice, number, with_for_update=True)
    if notice is None or notice.lifted_at is not None:
        return False
    notice.lifted_at = now
    about = f"suspension {notice.id}"
    session.add(AuditEntry(at=now, actor=actor, what="suspension_lifted", about=about, detail=str(notice.starts_on)))
    return True
