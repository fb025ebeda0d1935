"""Callers' conversations over webhooks: look the call up, take what came, answer with what it is to do next.

The exchange of lines whose calls no process holds: no queue, no timer, no call in memory. Twilio keeps the time (the
silence after which it asks again is the dialogue's own timer), the runner keeps the order (a step counts only on top of
the one it follows). Whatever comes twice, late, or at another node ends in the same state and gets the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ivr.call_record import CallRecord, CallRecords
from ivr.dialogue import events as told
from ivr.dialogue.actions import ArmTimer, HangUp, LineAction, PlayPrompts, TransferCall
from ivr.dialogue.settings import Settings
from ivr.dialogue.state import CallState
from ivr.lines.twilio.burst import after_hearing, ended_by_us, is_leaving, keys_pressed, silence
from ivr.lines.twilio.deliveries import Delivery
from ivr.lines.twilio.replies import Connecting, Ending, Listening, Noted, Reply
from ivr.lines.twilio.settings import LINE, TwilioSettings
from ivr.lines.twilio.sounds import Sounds
from ivr.lines.twilio.twiml import can_be_connected
from ivr.runner import CallMovedOn, Handled
from speech.prompt import prompt

log = structlog.get_logger(__name__)

TRIES = 4
"""How often a call is looked at anew when another delivery of it is being taken at the same moment."""


class Taking(Protocol):
    """The runner, as it is used here."""

    def handle(self, call: str, event: told.Event, after: int) -> Handled: ...

    def handle_burst(self, call: str, events: Sequence[told.Event], after: int) -> Handled: ...


class Conversations:
    """Takes the webhooks of calls that came in. `order_placed` is called after a commit that holds a new order."""

    def __init__(
        self,
        steps: Taking,
        records: CallRecords,
        sounds: Sounds,
        settings: TwilioSettings,
        *,
        dialogue: Callable[[], Settings],
        order_placed: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._steps = steps
        self._records = records
        self._sounds = sounds
        self._settings = settings
        self._dialogue = dialogue
        self._order_placed = order_placed
        self._now = now

    def take(self, delivery: Delivery) -> Reply:
        """The answer to a webhook. Raises what the store and the steps raise when nothing could be stored."""
        for _ in range(TRIES):
            try:
                return self._take(delivery)
            except CallMovedOn as error:
                log.info("twilio_delivery_overtaken", call=delivery.call, reason=str(error))
        return self._standing(delivery, self._records.of(delivery.call))

    def apologise(self) -> Reply:
        """The truth, in words that need no database, and the end: for when no node can take the call on."""
        return Ending((self._sounds.of("", prompt("system_failed"), "zh", "normal"),))

    # -- one delivery

    def _take(self, delivery: Delivery) -> Reply:
        record = self._records.of(delivery.call)
        if delivery.what == "status":
            return self._status(delivery, record)
        if record is None:
            # Also where the process that answered it has lost the call before anything of it was stored.
            return self._begin(delivery)
        if record.state.ended or delivery.over or self._too_long(record):
            if not record.state.ended and delivery.over:
                self._end(delivery, record)
            return Ending()
        if record.sequence != delivery.step:
            return self._standing(delivery, record)
        match delivery.what:
            case "keys" if delivery.keys and not is_leaving(record.actions):
                pause_s = self._settings.key_pause_s
                notices_ms = self._notices_ms(delivery.call, record.state)
                keys = keys_pressed(record, delivery.keys, self._now(), pause_s=pause_s, notices_ms=notices_ms)
                return self._burst(delivery, record, keys, waited_s=pause_s)
            case "silent":
                return self._burst(delivery, record, silence(record.state))
            case "transferred":
                return self._transferred(delivery, record)
            case "fallback":
                return self._step(delivery, record, told.LineResumed("fallback"))
        return self._standing(delivery, record)

    def _begin(self, delivery: Delivery) -> Reply:
        arrived = told.CallArrived(delivery.caller, delivery.called, LINE, self._dialogue())
        return self._answer(delivery, self._handle(delivery, arrived, 0))

    def _burst(
        self, delivery: Delivery, record: CallRecord, events: tuple[told.Event, ...], waited_s: int = 0
    ) -> Reply:
        handled = self._steps.handle_burst(delivery.call, events, record.sequence)
        if handled.placed_order:
            self._order_placed()
        return self._answer(delivery, handled, waited_s)

    def _transferred(self, delivery: Delivery, record: CallRecord) -> Reply:
        if delivery.outcome in ("completed", "answered"):
            self._handle(delivery, told.LineLost("transferred"), record.sequence)
            return Ending()
        return self._step(delivery, record, told.TransferFailed(delivery.outcome))

    def _status(self, delivery: Delivery, record: CallRecord | None) -> Reply:
        if record is not None and delivery.over and not record.state.ended:
            self._end(delivery, record)
        return Noted()

    def _end(self, delivery: Delivery, record: CallRecord) -> None:
        cause = "we_hung_up" if ended_by_us(record.actions) else "caller_hung_up"
        self._handle(delivery, told.LineLost(cause), record.sequence)

    def _step(self, delivery: Delivery, record: CallRecord, event: told.Event) -> Reply:
        return self._answer(delivery, self._handle(delivery, event, record.sequence))

    def _handle(self, delivery: Delivery, event: told.Event, after: int) -> Handled:
        handled = self._steps.handle(delivery.call, event, after)
        if handled.placed_order:
            self._order_placed()
        return handled

    def _notices_ms(self, call: str, state: CallState) -> int:
        """How long what is said before the question itself takes."""
        notices = state.said[: state.said_notices] if not state.heard else ()
        return sum(self._sounds.of(call, said, state.language, state.pace).ms for said in notices)

    def _too_long(self, record: CallRecord) -> bool:
        return (self._now() - record.started_at).total_seconds() > self._settings.longest_call_s

    # -- answers

    def _answer(self, delivery: Delivery, handled: Handled, waited_s: int = 0) -> Reply:
        actions = tuple(done.action for done in handled.actions)
        for action in actions:
            if isinstance(action, TransferCall) and not can_be_connected(action.target):
                log.error(
                    "twilio_can_not_connect", call=delivery.call, do="name a number or SIP URI in dialogue.agents"
                )
                failed = told.TransferFailed("unreachable")
                return self._answer(delivery, self._handle(delivery, failed, handled.sequence))
        return self._reply(delivery.call, handled.state, handled.sequence, actions, waited_s)

    def _standing(self, delivery: Delivery, record: CallRecord | None) -> Reply:
        """What the call was last told: the answer to all that came before, however often it comes."""
        if record is None or record.state.ended:
            return Ending()
        return self._reply(delivery.call, record.state, record.sequence, record.actions, 0)

    def _reply(
        self, call: str, state: CallState, sequence: int, actions: tuple[LineAction, ...], waited_s: int
    ) -> Reply:
        """What the last step has the line do. Earlier ones of a burst don't count: a key stops what was being said."""
        listening = Listening((), sequence, self._settings.key_pause_s)
        for action in actions:
            match action:
                case HangUp():
                    return Ending()
                case TransferCall(target):
                    return Connecting(target, sequence)
                case PlayPrompts(prompts, language, pace):
                    sounds = tuple(self._sounds.of(call, said, language, pace) for said in prompts)
                    waits_ms = after_hearing(state)
                    return Listening(sounds, sequence, _whole(waits_ms or 0), brief=waits_ms is None)
                case ArmTimer(_, after_ms):
                    listening = Listening((), sequence, _whole(after_ms) - waited_s)
        return listening


def _whole(ms: int) -> int:
    """Seconds, whole ones, none of the caller's time taken away."""
    return -(-ms // 1000)
