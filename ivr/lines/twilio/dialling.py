"""Calling out so that no lost answer rings anybody twice: write a call down, ask for it, look whether it was placed.

Twilio knows no idempotency key. A call is therefore asked for once and never again; when the answer is lost, the
account's own list, or the first webhook of the call, tells whether it was placed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from ivr.lines.twilio.rest import Denied, NotSaid, Placing, Rest, RestError, TooFast
from orders.models.cloud_calls import CloudCall
from orders.store import Store

LOOKS = (1.0, 3.0, 8.0)
"""When, after a lost answer, the account's list is looked at: it may lag behind."""

TOO_FAST_WAITS_S = (1.0, 2.0, 4.0, 8.0)
SETTLED_AFTER = timedelta(minutes=2)
"""A claim without a call so old is no more than a claim: whoever made it is dead, and the list knows all calls."""

CLOCKS_DIFFER = timedelta(seconds=5)


class AlreadyClaimed(RuntimeError):
    """This call was asked for before, or another one to its number is under way: nothing is done."""


@dataclass(frozen=True, slots=True)
class NeverPlaced:
    """There is no call, and there will be none; `status` and `code` are Twilio's, 0 when it gave none."""

    reason: str
    status: int = 0
    code: int = 0


class Pace:
    """At most so many starts a second, evenly spread. Safe from any thread."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1 / per_s
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()

    def wait_s(self) -> float:
        """Take the next start; how long to wait for it."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + self._gap
            return at - now


class Dialling:
    """Claims, places and settles calls out. `wait` sleeps."""

    def __init__(
        self,
        store: Store,
        rest: Rest,
        pace: Pace,
        *,
        node: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._rest = rest
        self._pace = pace
        self._node = node
        self._now = now
        self._wait = wait

    def dial(self, call: str, wanted: Placing) -> str | NeverPlaced:
        """Place a call; its SID. Raises AlreadyClaimed; then this call is somebody else's, or rings already."""
        claimed_at = self._claim(call, wanted.to)
        for again_s in (*TOO_FAST_WAITS_S, None):
            self._wait(self._pace.wait_s())
            try:
                return self._placed(call, self._rest.place(wanted))
            except TooFast as error:
                if again_s is None:
                    return self._never(call, NeverPlaced(str(error), 429))
                self._wait(again_s)
            except Denied as denied:
                return self._never(call, NeverPlaced(str(denied), denied.status, denied.code))
            except NotSaid as error:
                return self._looked_for(call, wanted.to, claimed_at) or NeverPlaced(str(error))
        raise AssertionError("the last round returns")

    def seen(self, call: str, sid: str) -> bool:
        """A webhook of this call has come; False when no such call was asked for, or another SID is its."""
        with self._store.transaction() as session:
            row = session.get(CloudCall, call, with_for_update=True)
            if row is None or (row.sid and row.sid != sid):
                return False
            if not row.sid:
                row.sid, row.state = sid, "placed" if row.state == "claimed" else row.state
            return True

    def over(self, call: str, outcome: str) -> None:
        """The call has ended: its number may be called again."""
        ended = update(CloudCall).where(CloudCall.call_id == call, CloudCall.state != "over")
        with self._store.transaction() as session:
            session.execute(ended.values(state="over", outcome=outcome[:40]))

    def settle(self) -> int:
        """Bring claims of dead nodes and calls whose end we were never told to theirs; returns how many."""
        with self._store.session() as session:
            rows = session.execute(
                select(CloudCall.call_id, CloudCall.number, CloudCall.state, CloudCall.sid, CloudCall.claimed_at)
                .where(CloudCall.state != "over", CloudCall.claimed_at < self._now() - SETTLED_AFTER)
                .limit(100)
            ).all()
        return sum(self._settle_one(*row) for row in rows)

    def _settle_one(self, call: str, number: str, state: str, sid: str | None, claimed_at: datetime) -> bool:
        try:
            sid = sid or self._listed(number, _utc(claimed_at))
            status = self._rest.status(sid) if sid else "never placed"
        except RestError:
            return False
        if sid and status in ("queued", "initiated", "ringing", "in-progress"):
            return state == "claimed" and self.seen(call, sid)
        self.over(call, status or "unknown")
        return True

    def _claim(self, call: str, number: str) -> datetime:
        claimed_at = self._now()
        row = CloudCall(call_id=call, number=number, node=self._node, claimed_at=claimed_at)
        try:
            with self._store.transaction() as session:
                session.add(row)
        except IntegrityError as error:
            raise AlreadyClaimed(f"call {call}, or another one to its number, is under way") from error
        return claimed_at

    def _placed(self, call: str, sid: str) -> str:
        self.seen(call, sid)
        return sid

    def _never(self, call: str, why: NeverPlaced) -> NeverPlaced:
        self.over(call, why.reason)
        return why

    def _looked_for(self, call: str, number: str, claimed_at: datetime) -> str | None:
        """The call whose answer was lost. None leaves the claim standing: it may still be placed, so none other may."""
        for after_s in LOOKS:
            self._wait(after_s)
            with self._store.session() as session:
                known = session.execute(select(CloudCall.sid).where(CloudCall.call_id == call)).scalar_one()
            if known:
                return known
            try:
                sid = self._listed(number, claimed_at)
            except RestError:
                continue
            if sid:
                return self._placed(call, sid)
        return None

    def _listed(self, number: str, claimed_at: datetime) -> str | None:
        """The SID of the call that was asked for, by number and time. Claims allow only one to a number at a time."""
        listed = self._rest.calls_to(number, claimed_at - CLOCKS_DIFFER)
        with self._store.session() as session:
            mine = select(CloudCall.sid).where(CloudCall.sid.in_([call.sid for call in listed]))
            known = set(session.scalars(mine))
        # The oldest that is nobody's: newer ones can't be older than the claim that follows this one.
        return next((call.sid for call in reversed(listed) if call.sid not in known), None)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
