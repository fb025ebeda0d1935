"""A call as it stands in the database: for lines whose calls any node may take on from one event to the next.

Reads only; steps are taken by the runner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Table, bindparam, select

from ivr.codec import from_json, state_from_json, unpack_action
from ivr.dialogue.actions import LineAction
from ivr.dialogue.state import CallState
from orders.models.calls import Call, CallEvent
from orders.store import Store

_CALLS, _EVENTS = cast(Table, Call.__table__), cast(Table, CallEvent.__table__)
_STANDING = (
    select(_CALLS.c.state, _CALLS.c.sequence, _CALLS.c.started_at, _EVENTS.c.at, _EVENTS.c.actions)
    .join(_EVENTS, (_EVENTS.c.call_id == _CALLS.c.id) & (_EVENTS.c.sequence == _CALLS.c.sequence))
    .where(_CALLS.c.id == bindparam("of_call"))
)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Where a call stands: after `sequence` events, the last one at `stood_since`, which made the line do `actions`."""

    state: CallState
    sequence: int
    started_at: datetime
    stood_since: datetime
    actions: tuple[LineAction, ...]


class CallRecords:
    """Reads calls of any node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, call: str) -> CallRecord | None:
        """The call's record, None when nothing of it was ever stored.

        Raises what the store raises, and Unreadable for what another version has written.
        """
        with self._store.session() as session:
            # SQLite's one write lock is not needed for this.
            connection = session.connection(execution_options={"reading": True})
            row = connection.execute(_STANDING, {"of_call": call}).first()
        if row is None:
            return None
        return CallRecord(
            state_from_json(row.state),
            row.sequence,
            _utc(row.started_at),
            _utc(row.at),
            tuple(cast(LineAction, unpack_action(action)) for action in from_json(row.actions)["line"]),
        )


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
