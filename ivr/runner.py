"""The runner: for each event of a call load, step, **commit state + event + basket + outbox in one transaction**.

Synchronous and stateless but for PIN digits, which live only here and only until they are checked. Whoever called
acts on the returned line actions, which carry (call, sequence) and exist only once their transaction is on disk: what
could not be stored is never said. One runner serves every kind of line, from any thread, one event of a call at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

import structlog
from sqlalchemy import Select, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from ivr.answering import Asking, answer
from ivr.codec import (
    Unreadable,
    from_json,
    pack_action,
    pack_event,
    state_from_json,
    state_to_json,
    to_json,
    unpack_action,
)
from ivr.conversation import Taken, take
from ivr.dialogue.actions import Ask, HangUp, LineAction, PlaceOrder, TransferCall
from ivr.dialogue.events import CallArrived, Event, LineLost
from ivr.dialogue.flow import STAGES
from ivr.dialogue.state import FLOW_VERSION, CallState
from ivr.pin_keeping import PinKeeper, is_secret
from orders.desk import OrderDesk
from orders.models.calls import Call, CallEvent
from orders.store import Store

log = structlog.get_logger(__name__)

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


class CallMovedOn(RuntimeError):
    """Another node has taken an event of this call meanwhile; this node's view is stale and nothing was stored."""


class UnknownCall(RuntimeError):
    """There is no record of this call; only an arrival begins one."""


class CallEnded(CallMovedOn):
    """The call's record is closed: nothing happens to it any more."""


@dataclass(frozen=True, slots=True)
class Sequenced:
    """A line action with its number within the call: doing it twice must be harmless."""

    call: str
    sequence: int
    action: LineAction


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one event, the `sequence`-th of its call. `secret`: the stage now stood in takes a PIN."""

    state: CallState
    actions: tuple[Sequenced, ...]
    placed_order: bool
    secret: bool
    sequence: int


class Runner:
    """Takes events of calls. `now` tells the time in UTC; `node` and `boot` mark the calls as this process's.

    A call on one of `bound_lines` hangs on one process, whose calls another one adopts when it is gone: should the
    first one still be there (hung, or cut off), nothing that it thinks has happened counts any more. A call on one of
    `roaming_lines` hangs on none: it lives on when this process is started again, and any node may take its next event.
    """

    def __init__(
        self,
        store: Store,
        desk: OrderDesk,
        *,
        node: str,
        boot: str,
        now: Callable[[], datetime] | None = None,
        bound_lines: frozenset[str] = frozenset(),
        roaming_lines: frozenset[str] = frozenset(),
    ) -> None:
        self._store = store
        self._desk = desk
        self._node = node
        self._boot = boot
        self._now = now or (lambda: datetime.now(UTC))
        self._pins = PinKeeper()
        self._bound_lines = bound_lines
        self._roaming_lines = roaming_lines

    def handle(self, call: str, event: Event, after: int | None = None) -> Handled:
        """Take one event; nothing has happened unless this returns.

        `after` is the sequence the caller knows the call to stand at (0: not begun). The same event handed over again
        after the same step, because its fate was unknown, answers with what was stored, and nothing happens twice.
        Raises what the store raises (locked, unreachable, disk full), CallMovedOn and UnknownCall.
        """
        return self._handle(call, event, after, adopt=False)

    def adopt(self, call: str, event: Event) -> Handled:
        """As `handle`, for a call that another process has begun: from now on it is this one's."""
        return self._handle(call, event, None, adopt=True)

    def _handle(self, call: str, event: Event, after: int | None, *, adopt: bool) -> Handled:
        with self._store.session() as session, session.begin():
            row = _load(session, call)
            if row is None:
                if not isinstance(event, CallArrived):
                    raise UnknownCall(f"no call {call}")
                row = self._begin(session, call, event)
            elif row.sequence != (row.sequence if after is None else after):
                return _taken_before(session, row, event, after)
            if not adopt and row.line in self._bound_lines and (row.node, row.boot) != (self._node, self._boot):
                raise CallMovedOn(f"call {call} was taken over by {row.node}")
            state = _state(row, event)
            if state.ended:
                raise CallEnded(f"call {call} is over")
            taken, pin = self._take(session, row, state, event)
        self._pins.keep(call, taken.state, pin)
        return _handled(call, row.sequence + 1, taken)

    def handle_burst(self, call: str, events: Sequence[Event], after: int) -> Handled:
        """Take several events of a call that stands at `after`, all or none; answers with the last one's actions.

        For lines that tell of several keys at once. What comes after one that lets the caller go counts for nothing.
        Raises as `handle`, and CallMovedOn where the call stands at another step, for whatever reason.
        """
        with self._store.session() as session, session.begin():
            row = _load(session, call)
            if row is None:
                raise KeyError(f"no call {call}")
            if row.sequence != after:
                raise CallMovedOn(f"call {call} stands at event {row.sequence}, not {after}")
            state, placed = _state(row, events[0]), False
            for event in events:
                if state.ended:
                    raise CallEnded(f"call {call} is over")
                taken, pin = self._take(session, row, state, event)
                # Before the commit: digits beyond what is stored are cut off when they are looked at again.
                self._pins.keep(call, taken.state, pin)
                state, placed = taken.state, placed or _placed(taken.asked)
                row = replace(row, sequence=row.sequence + 1)
                if any(isinstance(action, HangUp | TransferCall) for action in taken.line):
                    break
        return replace(_handled(call, row.sequence, taken), placed_order=placed)

    def _take(self, session: Session, row: _Row, state: CallState, event: Event) -> tuple[Taken, str]:
        """One event, stored but not committed, and the PIN's digits so far."""
        seen, pin = self._pins.masked(row.id, state, event)
        asking = Asking(row.id, _utc(row.started_at), pin)
        taken = take(state, seen, lambda ask: answer(self._desk, session, asking, ask))
        self._store_step(session, row, seen, taken)
        return taken, pin

    def known(self, call: str) -> bool:
        """Whether this call has a record that is not ended."""
        with self._store.session() as session:
            found = session.execute(select(Call.id).where(Call.id == call, Call.ended_at.is_(None)))
            return found.first() is not None

    def end_orphans(self) -> int:
        """End the calls that an earlier process of this node left open, so that their drafts can be taken up again.

        Returns how many there were. To be called once, before lines open. Calls on bound lines may live on without a
        process: they are left to `end_lost`; those on roaming lines end when their line says so.
        """
        mine = select(Call.id).where(Call.node == self._node, Call.boot != self._boot, Call.ended_at.is_(None))
        return self._end_all(mine.where(Call.line.not_in(self._bound_lines | self._roaming_lines)), "node_restarted")

    def end_lost(self, line: str, node: str, prefix: str, living: frozenset[str], begun_before: datetime) -> int:
        """End the open calls of a node's earlier processes on this line that are not among the living.

        `prefix` begins the names of the calls to look at. Returns how many there were.
        """
        open_calls = select(Call.id).where(
            Call.node == node,
            Call.line == line,
            Call.id.startswith(prefix, autoescape=True),
            Call.boot != self._boot,
            Call.started_at < begun_before,
            Call.ended_at.is_(None),
        )
        return self._end_all(open_calls, "node_lost", but=living)

    def _end_all(self, calls: Select[str], cause: str, but: frozenset[str] = frozenset()) -> int:
        with self._store.session() as session:
            orphans = [call for call in session.scalars(calls) if call not in but]
        for call in orphans:
            try:
                self.adopt(call, LineLost(cause))
            except CallMovedOn:
                log.info("orphan_ended_elsewhere", call=call)
        return len(orphans)

    def _begin(self, session: Session, call: str, event: CallArrived) -> _Row:
        state = state_to_json(CallState())
        started_at = self._now()
        session.connection().execute(
            _NEW_CALL,
            {
                "id": call,
                "node": self._node,
                "boot": self._boot,
                "line": event.line,
                "caller": event.caller,
                "called": event.called,
                "started_at": started_at,
                "end_cause": "",
                "stage": "arriving",
                "state": state,
                "sequence": 0,
            },
        )
        return _Row(call, state, 0, started_at, event.line, self._node, self._boot)

    def _store_step(self, session: Session, row: _Row, event: Event, taken: Taken) -> None:
        state, sequence, now = taken.state, row.sequence + 1, self._now()
        ended = isinstance(event, LineLost)
        connection = session.connection()
        moved = connection.execute(
            _MOVE_ON,
            {
                "of_call": row.id,
                "after": row.sequence,
                "state": state_to_json(state),
                "stage": state.stage,
                "sequence": sequence,
                "retailer_id": state.retailer_id or None,
                "ended_at": now if ended else None,
                "end_cause": event.cause if isinstance(event, LineLost) else "",
                "node": self._node,
                "boot": self._boot,
            },
        )
        if moved.rowcount != 1:
            raise CallMovedOn(f"call {row.id} has gone on past event {row.sequence}")
        connection.execute(
            _NEW_EVENT,
            {
                "call_id": row.id,
                "sequence": sequence,
                "at": now,
                "event": to_json(pack_event(event)),
                "actions": to_json(_recorded(taken)),
            },
        )


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    state: str
    sequence: int
    started_at: datetime
    line: str
    node: str
    boot: str


def _state(row: _Row, event: Event) -> CallState:
    """Where the call stands. Raises Unreadable for one of another version's flow; its end alone needs no state."""
    try:
        state = state_from_json(row.state)
        if state.flow != FLOW_VERSION or not (state.stage in STAGES or state.stage in ("arriving", "ended")):
            raise Unreadable(f"call {row.id} stands in a flow of another version ({state.flow}, {state.stage})")
    except Unreadable:
        if isinstance(event, LineLost):
            return CallState(called="?")
        raise
    return state


def _load(session: Session, call: str) -> _Row | None:
    found = session.connection().execute(_LOAD, {"of_call": call}).first()
    return _Row(*found) if found else None


def _taken_before(session: Session, row: _Row, event: Event, after: int | None) -> Handled:
    """What came of this very event when it was handed over the first time. Raises CallMovedOn when it is another."""
    stored = session.execute(_STORED_EVENT, {"of_call": row.id, "at": row.sequence}).first()
    if row.sequence - 1 != after or stored is None or not _same(from_json(stored.event), pack_event(event)):
        raise CallMovedOn(f"call {row.id} stands at event {row.sequence}, not {after}")
    packed = from_json(stored.actions)
    line = tuple(cast(LineAction, unpack_action(action)) for action in packed["line"])
    placed = any(isinstance(unpack_action(asked["ask"]), PlaceOrder) for asked in packed["asked"])
    state = state_from_json(row.state)
    return Handled(state, _sequenced(row.id, row.sequence, line), placed, is_secret(state), row.sequence)


def _same(stored: dict[str, object], handed_over: dict[str, object]) -> bool:
    """Whether these are one event; the key itself may have been masked before it was stored."""
    return {**stored, "key": ""} == {**handed_over, "key": ""}


def _recorded(taken: Taken) -> dict[str, object]:
    return {
        "asked": [
            {"ask": pack_action(ask), "answer": pack_event(reply) if reply is not None else None}
            for ask, reply in taken.asked
        ],
        "line": [pack_action(action) for action in taken.line],
    }


def _handled(call: str, sequence: int, taken: Taken) -> Handled:
    actions = _sequenced(call, sequence, taken.line)
    return Handled(taken.state, actions, _placed(taken.asked), is_secret(taken.state), sequence)


def _sequenced(call: str, sequence: int, line: tuple[LineAction, ...]) -> tuple[Sequenced, ...]:
    # Sixteen numbers an event leave room for all its actions: (call, number) is theirs for ever.
    return tuple(Sequenced(call, sequence * 16 + offset, action) for offset, action in enumerate(line))


def _placed(asked: tuple[tuple[Ask, Event | None], ...]) -> bool:
    return any(isinstance(ask, PlaceOrder) for ask, _ in asked)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
