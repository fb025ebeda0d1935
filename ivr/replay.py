"""Runs stored calls through today's code and says where they would go differently.

A stored call is its events with what the domain answered. The same events and answers are given to today's step; what
it asks and does is held against what was asked and done then. Nothing is written, nothing is asked of any database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ivr.codec import from_json, pack_action, to_json, unpack_action, unpack_event
from ivr.conversation import take
from ivr.dialogue.actions import Action, Ask
from ivr.dialogue.events import Event
from ivr.dialogue.state import CallState
from orders.models.calls import Call, CallEvent
from orders.store import Store


class _OtherQuestion(Exception):
    """Today's code asks the domain something that was not asked then, so there is no answer to go on with."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored event: its number, what happened, what was asked and answered, what the line was told."""

    sequence: int
    event: Event
    asked: tuple[tuple[Action, Event | None], ...]
    line: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where one call leaves its recorded way first; `orders` tells whether what is ordered differs, not just heard."""

    call: str
    sequence: int
    stage: str
    what: str
    orders: bool


def stored_calls(store: Store, since: datetime | None, calls: Sequence[str] = ()) -> Iterator[str]:
    """Ids of stored calls, oldest first."""
    query = select(Call.id).order_by(Call.started_at, Call.id)
    if since is not None:
        query = query.where(Call.started_at >= since)
    if calls:
        query = query.where(Call.id.in_(calls))
    with store.session() as session:
        found = session.scalars(query).all()
    yield from found


def recorded_events(store: Store, call: str) -> tuple[Recorded, ...]:
    """The stored events of one call, in order. Raises Unreadable."""
    query = select(CallEvent).where(CallEvent.call_id == call).order_by(CallEvent.sequence)
    with store.session() as session:
        return tuple(_recorded(row.sequence, row.event, row.actions) for row in session.scalars(query))


def _recorded(sequence: int, event: str, actions: str) -> Recorded:
    packed = from_json(actions)
    asked = tuple(
        (unpack_action(pair["ask"]), unpack_event(pair["answer"]) if pair["answer"] else None)
        for pair in packed["asked"]
    )
    return Recorded(sequence, unpack_event(from_json(event)), asked, tuple(packed["line"]))


def replay(call: str, events: Sequence[Recorded]) -> Difference | None:
    """The first difference between what this call did and what it would do today, or None."""
    state = CallState()
    for recorded in events:
        stage = state.stage
        answers = iter(recorded.asked)
        try:
            taken = take(state, recorded.event, lambda ask, left=answers: _answer_then(ask, left))  # type: ignore[misc]
        except _OtherQuestion as other:
            return Difference(call, recorded.sequence, stage, str(other), orders=True)
        unasked = [type(ask).__name__ for ask, _ in answers]
        if unasked:
            return Difference(call, recorded.sequence, stage, f"no longer asks {', '.join(unasked)}", orders=True)
        # Through JSON, as the record went: there a tuple is a list.
        line = tuple(from_json(to_json([pack_action(action) for action in taken.line])))
        if line != recorded.line:
            return Difference(call, recorded.sequence, stage, _first_difference(recorded.line, line), orders=False)
        state = taken.state
    return None


def _answer_then(ask: Ask, left: Iterator[tuple[Action, Event | None]]) -> Event | None:
    then = next(left, None)
    if then is None:
        raise _OtherQuestion(f"asks {ask} where nothing was asked")
    asked, answered = then
    if asked != ask:
        raise _OtherQuestion(f"asks {ask} where {asked} was asked")
    return answered


def _first_difference(then: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> str:
    for before, after in zip(then, now, strict=False):
        if before != after:
            return f"then {_short(before)}, now {_short(after)}"
    return f"then {len(then)} actions, now {len(now)}"


def _short(action: dict[str, Any]) -> str:
    if action["is"] == "PlayPrompts":
        return "says " + " ".join(said["name"] for said in action["prompts"])
    return str(action)


def replay_stored(store: Store, call: str) -> Difference | None:
    """`replay` of a stored call; a record that can't be read any more is a difference too."""
    try:
        return replay(call, recorded_events(store, call))
    except Exception as error:
        return Difference(call, 0, "", f"the record can't be read: {error}", orders=False)
