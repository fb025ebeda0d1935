"""A call as it stands in the database: for lines whose calls any node may take on from one event to the next.

Reads only; steps are taken by the runner. What came of an event that is delivered twice is found here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.codec import from_json, state_from_json, unpack_action, unpack_event
from ivr.dialogue.actions import LineAction
from ivr.dialogue.events import Event
from ivr.dialogue.state import CallState
from orders.models.calls import Call, CallEvent
from orders.store import Store


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Where a call stands: after `sequence` events, the last one at `stood_since`, which made the line do `actions`.

    `since`: the events after the step that was asked about, oldest first; a PIN's digits are masked in them.
    """

    state: CallState
    sequence: int
    started_at: datetime
    stood_since: datetime
    actions: tuple[LineAction, ...]
    since: tuple[Event, ...] = ()


class CallRecords:
    """Reads calls of any node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, call: str, after: int | None = None) -> CallRecord | None:
        """The call's record, with its events after this step (none of them when that is None).

        Raises what the store raises, and Unreadable for what another version has written.
        """
        with self._store.session() as session:
            # SQLite's one write lock is not needed for this.
            session.connection(execution_options={"reading": True})
            row = session.execute(select(Call.state, Call.sequence, Call.started_at).where(Call.id == call)).first()
            if row is None:
                return None
            events = _events(session, call, row.sequence, row.sequence if after is None else after)
        last = events[-1]
        return CallRecord(
            state_from_json(row.state),
            row.sequence,
            _utc(row.started_at),
            _utc(last.at),
            tuple(cast(LineAction, unpack_action(action)) for action in from_json(last.actions)["line"]),
            _after(events, after),
        )


def _events(session: Session, call: str, sequence: int, after: int) -> list[CallEvent]:
    # At least the last one; never those behind the sequence just read: they are of a later step than that state.
    first = min(after + 1, sequence)
    found = select(CallEvent).where(CallEvent.call_id == call, CallEvent.sequence.between(first, sequence))
    return list(session.scalars(found.order_by(CallEvent.sequence)))


def _after(events: Iterable[CallEvent], after: int | None) -> tuple[Event, ...]:
    if after is None:
        return ()
    return tuple(unpack_event(from_json(event.event)) for event in events if event.sequence > after)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
