"""Ends of calls that nobody told us of: Twilio reports them once, and whoever should have heard it was being restarted.

Until a call's record is closed its draft stays held. So calls that have stood still for long are asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import select

from ivr.dialogue import events as told
from ivr.lines.twilio.conversing import Taking
from ivr.lines.twilio.deliveries import OVER
from ivr.lines.twilio.rest import Rest, RestError
from ivr.lines.twilio.settings import LINE
from ivr.runner import CallMovedOn
from orders.models.calls import Call, CallEvent
from orders.store import Store

log = structlog.get_logger(__name__)

STILL_FOR = timedelta(minutes=3)
"""No caller is silent for so long: the dialogue would have gone on without an answer."""

MOST_AT_ONCE = 50


class LostEnds:
    """Closes the records of calls that are over at Twilio."""

    def __init__(
        self,
        store: Store,
        steps: Taking,
        rest: Rest,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._steps = steps
        self._rest = rest
        self._now = now

    def settle(self) -> int:
        """Ask about each call that stands still; returns how many were over. Raises what the store raises."""
        return sum(self._settle_one(call, sequence) for call, sequence in self._standing_still())

    def _standing_still(self) -> list[tuple[str, int]]:
        last = (CallEvent.call_id == Call.id) & (CallEvent.sequence == Call.sequence)
        still = (
            select(Call.id, Call.sequence)
            .join(CallEvent, last)
            .where(Call.line == LINE, Call.ended_at.is_(None), CallEvent.at < self._now() - STILL_FOR)
            .order_by(Call.started_at)
            .limit(MOST_AT_ONCE)
        )
        with self._store.session() as session:
            session.connection(execution_options={"reading": True})
            return [(row.id, row.sequence) for row in session.execute(still)]

    def _settle_one(self, call: str, sequence: int) -> bool:
        try:
            status = self._rest.status(call.removeprefix("tw-"))
            if status and status not in OVER:
                return False
            self._steps.handle(call, told.LineLost("end_not_told"), sequence)
        except (RestError, CallMovedOn) as error:
            log.info("twilio_end_not_settled", call=call, reason=str(error))
            return False
        return True
