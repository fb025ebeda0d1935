"""Call-backs in work: somebody takes one, gives it back or is done with it. One person at a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from orders.models import AuditEntry, CallbackRequest, CallbackWork


class CallbackTaken(ValueError):
    """Somebody else has this call-back, or it is closed already; the message says which."""


def take_callback(session: Session, number: int, actor: str, now: datetime) -> None:
    """Work on this one. Raises CallbackTaken; KeyError when there is no such request."""
    request, work = _of(session, number)
    if request.state == "closed":
        raise CallbackTaken("closed")
    if work is not None and work.taken_by not in ("", actor):
        raise CallbackTaken(work.taken_by)
    if work is None:
        session.add(CallbackWork(request_id=number, taken_by=actor, taken_at=now))
    else:
        work.taken_by, work.taken_at = actor, now
    session.add(AuditEntry(at=now, actor=actor, what="callback_taken", about=f"callback {number}"))


def give_callback_back(session: Session, number: int, actor: str, now: datetime) -> None:
    """Somebody else is to do it; it keeps its place. Raises CallbackTaken; KeyError."""
    _, work = _of(session, number)
    if work is None or work.taken_by != actor:
        raise CallbackTaken(work.taken_by if work else "")
    work.taken_by = ""
    session.add(AuditEntry(at=now, actor=actor, what="callback_given_back", about=f"callback {number}"))


def close_callback(session: Session, number: int, actor: str, now: datetime, result: str) -> None:
    """Done with it, and how it ended. Raises CallbackTaken; KeyError."""
    request, work = _of(session, number)
    if request.state == "closed":
        raise CallbackTaken("closed")
    if work is not None and work.taken_by not in ("", actor):
        raise CallbackTaken(work.taken_by)
    if work is None:
        work = CallbackWork(request_id=number, taken_by=actor, taken_at=now)
        session.add(work)
    request.state = "closed"
    work.taken_by, work.done_by, work.done_at, work.result = actor, actor, now, result.strip()[:300]
    about, told = f"callback {number}", result.strip()[:300]
    session.add(AuditEntry(at=now, actor=actor, what="callback_closed", about=about, detail=told))


def _of(session: Session, number: int) -> tuple[CallbackRequest, CallbackWork | None]:
    request = session.get(CallbackRequest, number, with_for_update=True)
    if request is None:
        raise KeyError(number)
    return request, session.get(CallbackWork, number, with_for_update=True)
