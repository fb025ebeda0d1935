"""The Twilio line of a node: conversations, calls out, webhooks and what is looked after each minute, put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from admin.web.queries import LineStatus
from admin.web.twilio import Refusals, twilio_views
from ivr.call_record import CallRecords
from ivr.dialogue.settings import Settings
from ivr.lines.port import LineEvents
from ivr.lines.twilio.conversing import Conversations, Taking
from ivr.lines.twilio.deliveries import Delivery
from ivr.lines.twilio.dialling import Dialling, Pace
from ivr.lines.twilio.line import TwilioLine
from ivr.lines.twilio.lost_ends import LostEnds
from ivr.lines.twilio.replies import Reply
from ivr.lines.twilio.rest import Rest
from ivr.lines.twilio.settings import LINE, TwilioSettings
from ivr.lines.twilio.sounds import ClipStore, Sounds
from orders import leases
from orders.models import Call
from orders.store import Store, explain
from orders.values import Language
from speech.prompt import Prompt

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60
LEASE = timedelta(seconds=90)


class TwilioSide:
    """Everything of this line on this node. `written`: a prompt in words; `http` stands in for the network in tests."""

    def __init__(
        self,
        settings: TwilioSettings,
        store: Store,
        steps: Taking,
        clips: ClipStore,
        written: Callable[[Prompt, Language], str],
        report: LineEvents,
        *,
        node: str,
        dialogue: Callable[[], Settings],
        order_placed: Callable[[], None],
        http: Any = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._node = node
        records = CallRecords(store)
        rest = Rest(settings.account, settings.token, http)
        sounds = Sounds(clips, records, settings, written)
        self._conversations = Conversations(
            steps, records, sounds, settings, dialogue=dialogue, order_placed=order_placed
        )
        self._dialling = Dialling(store, rest, Pace(settings.calls_per_s), node=node)
        self._lost_ends = LostEnds(store, steps, rest)
        self.line = TwilioLine(settings, report, rest, self._dialling, sounds.of_clip)
        self.refusals = Refusals()
        self.webhooks = twilio_views(settings, self, sounds.file, self.refusals)

    def take(self, delivery: Delivery) -> Reply:
        """Implements `admin.web.twilio.Answering`: who called converses with any node, who was called with this one."""
        return self.line.take(delivery) if delivery.dialled else self._conversations.take(delivery)

    def apologise(self) -> Reply:
        return self._conversations.apologise()

    def stop(self) -> None:
        self.line.stop()

    def add_to(self, schedule: BaseScheduler) -> None:
        """Plan the looking after calls that nobody told us the end of."""
        every = IntervalTrigger(seconds=LOOK_EVERY_S)
        schedule.add_job(self.look_after, every, misfire_grace_time=30, coalesce=True)

    def look_after(self) -> None:
        """On one node at a time."""
        try:
            with self._store.transaction() as session:
                if leases.take(session, "twilio-calls", self._node, datetime.now(UTC), LEASE) is None:
                    return
            ended, settled = self._lost_ends.settle(), self._dialling.settle()
        except (SQLAlchemyError, OSError) as error:
            log.error("twilio_calls_not_looked_after", reason=explain(error))
            return
        if ended or settled:
            log.info("twilio_calls_settled", ended=ended, dialled=settled)

    def state(self) -> LineStatus:
        """For status pages: up as long as our side is; whether Twilio reaches it is what `doctor` looks at."""
        with self._store.session() as session:
            session.connection(execution_options={"reading": True})
            mine = select(func.count()).select_from(Call).where(Call.line == LINE, Call.ended_at.is_(None))
            calls = session.execute(mine).scalar_one()
        refused = sum(self.refusals.counted().values())
        return LineStatus(LINE, "up", self._settings.number, calls + self.line.live_calls(), refused)
