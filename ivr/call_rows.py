"""A call's row and its events as they lie in the database: read with the row locked, written one event at a time.

What is in them is `ivr.runner`'s to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from ivr.codec import pack_event, state_to_json, to_json
from ivr.dialogue.events import CallArrived, Event, LineLost
from ivr.dialogue.state import CallState
from orders.models.calls import Call, CallEvent

# Plain statements on the tables: a step has these on its path every time, and the mapper would double their cost.
_CALLS, _EVENTS = cast(Table, Call.__table__), cast(Table, CallEvent.__table__)
_CHANGING = ("state", "stage", "sequence", "retailer_id", "ended_at", "end_cause", "node", "boot")
_LOAD = (
    select(
        _CALLS.c.id, _CALLS.c.state, _CALLS.c.sequence, _CALLS.c.started_at, _CALLS.c.line, _CALLS.c.node, _CALLS.c.boot
    )
    .where(_CALLS.c.id == bindparam("of_call"))
    .with_for_update()
)
_STORED_EVENT = select(_EVENTS.c.event, _EVENTS.c.actions).where(
    _EVENTS.c.call_id == bindparam("of_call"), _EVENTS.c.sequence == bindparam("at")
)
_NEW_CALL = insert(_CALLS)
_NEW_EVENT = insert(_EVENTS)
_MOVE_ON = (
    update(_CALLS)
    .where(_CALLS.c.id == bindparam("of_call"), _CALLS.c.sequence == bindparam("after"))
    .values({name: bindparam(name) for name in _CHANGING})
)


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as stored. `node` and `boot` name the process that took its last event."""

    id: str
    state: str
    sequence: int
    started_at: datetime
    line: str
    node: str
    boot: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What happened at one step, and what came of it, as JSON."""

    event: str
    actions: str


def load(session: Session, call: str) -> CallRow | None:
    """The call's row, locked to the transaction's end; None when there is none."""
    found = session.connection().execute(_LOAD, {"of_call": call}).first()
    return CallRow(*found) if found else None


def stored_event(session: Session, row: CallRow) -> StoredEvent | None:
    """The last event of a call."""
    found = session.connection().execute(_STORED_EVENT, {"of_call": row.id, "at": row.sequence}).first()
    return StoredEvent(*found) if found else None


def begin(session: Session, call: str, event: CallArrived, node: str, boot: str, now: datetime) -> CallRow:
    """Write a new call, which stands before its first step."""
    row = CallRow(call, state_to_json(CallState()), 0, now, event.line, node, boot)
    session.connection().execute(
        _NEW_CALL,
        {
            "id": call,
            "node": node,
            "boot": boot,
            "line": event.line,
            "caller": event.caller,
            "called": event.called,
            "started_at": now,
            "end_cause": "",
            "stage": "arriving",
            "state": row.state,
            "sequence": 0,
        },
    )
    return row


def move_on(
    session: Session, row: CallRow, state: CallState, event: Event, actions: str, node: str, boot: str, now: datetime
) -> bool:
    """Write the next step; False when the row has gone on meanwhile, and then nothing is written."""
    connection, sequence = session.connection(), row.sequence + 1
    moved = connection.execute(
        _MOVE_ON,
        {
            "of_call": row.id,
            "after": row.sequence,
            "state": state_to_json(state),
            "stage": state.stage,
            "sequence": sequence,
            "retailer_id": state.retailer_id or None,
            "ended_at": now if isinstance(event, LineLost) else None,
            "end_cause": event.cause if isinstance(event, LineLost) else "",
            "node": node,
            "boot": boot,
        },
    )
    if moved.rowcount != 1:
        return False
    step = {"call_id": row.id, "sequence": sequence, "at": now, "event": to_json(pack_event(event)), "actions": actions}
    connection.execute(_NEW_EVENT, step)
    return True
