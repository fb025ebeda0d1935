"""The Twilio line as the port has it: events of a call to whoever follows them, its wishes as answers to webhooks.

For calls that this node dials. (Callers' conversations need nobody who follows: `conversing` takes them webhook by
webhook, on any node.) What is wished between two webhooks goes to Twilio by REST, as a change of the call in progress.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import structlog

from ivr.lines.port import (
    Answered,
    Arrived,
    DialFailed,
    Dialled,
    Gone,
    Key,
    LineEvents,
    PlayEnded,
    TransferEnded,
)
from ivr.lines.twilio.deliveries import Delivery
from ivr.lines.twilio.dialling import AlreadyClaimed, Dialling, NeverPlaced
from ivr.lines.twilio.held_call import HeldCall
from ivr.lines.twilio.outcomes import failure_of, gone_because
from ivr.lines.twilio.replies import Connecting, Ending, Listening, Noted, Played, Refusing, Reply
from ivr.lines.twilio.rest import Placing, Rest, RestError, placing_of
from ivr.lines.twilio.settings import LINE, TwilioSettings
from ivr.lines.twilio.twiml import SHORTEST_S, can_be_connected, twiml
from speech.prompt import Clip

log = structlog.get_logger(__name__)

ONCE_ANSWERED_S = 0.3
"""Who picks up, or has taken keys, says at once what comes next, or nothing."""

IDLE_S = 20
KEY_GAP_S = 0.25


class TwilioLine:
    """Implements `ivr.lines.port.Line`. `sound` gives a clip its address; `dialling` is None where nobody is called."""

    def __init__(
        self,
        settings: TwilioSettings,
        report: LineEvents,
        rest: Rest,
        dialling: Dialling | None,
        sound: Callable[[Clip], Played],
        *,
        name: str = LINE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._settings = settings
        self._report = report
        self._rest = rest
        self._dialling = dialling
        self._sound = sound
        self._now = now
        self._calls: dict[str, HeldCall] = {}
        self._lock = threading.Lock()
        self._asking = ThreadPoolExecutor(4, thread_name_prefix="twilio-rest")
        # Dialling waits for its turn, and for lost answers: the end of a call must not wait behind it.
        self._placing = ThreadPoolExecutor(4, thread_name_prefix="twilio-dial")

    def stop(self) -> None:
        """End the calls that somebody follows, and what is being asked of Twilio."""
        with self._lock:
            calls = list(self._calls.values())
        for call in calls:
            with call.changed:
                self._end(call, Ending(), "line_closed")
        self._placing.shutdown(wait=True, cancel_futures=True)
        self._asking.shutdown(wait=True)

    def live_calls(self) -> int:
        with self._lock:
            return len(self._calls)

    # -- webhooks

    def take(self, delivery: Delivery) -> Reply:
        """The answer to a webhook of a call that somebody follows."""
        call = self._of(delivery)
        if call is None:
            return Noted() if delivery.what == "status" else Ending()
        with call.changed:
            call.sid = delivery.sid
            if delivery.over:
                return self._over(call, delivery)
            if delivery.what == "status":
                return Noted()
            if delivery.step != call.step or call.asking:
                return call.last or Ending()
            call.asking = True
            try:
                self._tell_of(call, delivery)
                call.wait(self._settings.hold_s, ONCE_ANSWERED_S)
                call.step += 1
                return call.answer(Ending() if call.gone else Listening((), call.step, IDLE_S))
            finally:
                call.asking = False

    def _of(self, delivery: Delivery) -> HeldCall | None:
        with self._lock:
            call = self._calls.get(delivery.call)
            if call is not None or delivery.dialled or delivery.what != "arrived" or delivery.over:
                return call
            call = self._calls[delivery.call] = HeldCall(delivery.call, delivery.sid)
            return call

    def _tell_of(self, call: HeldCall, delivery: Delivery) -> None:
        match delivery.what:
            case "arrived":
                self._report(call.id, Arrived(delivery.caller, delivery.called, self._now()))
            case "answered":
                if self._dialling:
                    self._dialling.seen(call.id, delivery.sid)
                call.answered = True
                self._report(call.id, Answered(self._now(), delivery.answered_by not in ("", "human", "unknown")))
            case "keys":
                self._tell_keys(call, delivery.keys)
            case "silent":
                if call.playing is not None:
                    tag, call.playing = call.playing, None
                    self._report(call.id, PlayEnded(tag))
            case "transferred":
                self._tell_transfer(call, delivery.outcome)

    def _tell_keys(self, call: HeldCall, keys: str) -> None:
        playing, call.playing = call.playing, None
        now, pause_s = self._now(), self._settings.key_pause_s if playing is None else SHORTEST_S
        since_s = time.monotonic() - call.played_at
        for index, key in enumerate(keys):
            ago_s = pause_s + (len(keys) - 1 - index) * KEY_GAP_S
            stopped = playing if index == 0 else None
            heard_ms = int(max(0.0, since_s - ago_s) * 1000) if stopped is not None else 0
            self._report(call.id, Key(key, now - ago_s, min(heard_ms, call.playing_ms), stopped))

    def _tell_transfer(self, call: HeldCall, outcome: str) -> None:
        done = outcome in ("completed", "answered")
        self._report(call.id, TransferEnded(done, 200 if done else 480))
        if done:
            self._gone(call, "transferred")

    def _over(self, call: HeldCall, delivery: Delivery) -> Reply:
        if call.dialled and not call.answered:
            failure = "cancelled" if call.cancelled else failure_of(delivery.status, delivery.sip_code)
            self._report(call.id, DialFailed(failure, delivery.sip_code))
        self._gone(call, gone_because(ours=call.ended_by_us or (call.dialled and not call.answered)))
        return Noted() if delivery.what == "status" else Ending()

    def _gone(
        self, call: HeldCall, cause: Literal["caller_hung_up", "we_hung_up", "transferred", "line_closed"]
    ) -> None:
        if call.gone:
            return
        call.gone = True
        call.changed.notify_all()
        with self._lock:
            self._calls.pop(call.id, None)
        if call.dialled and self._dialling:
            self._later(self._dialling.over, call.id, cause)
        self._report(call.id, Gone(cause))

    # -- the port

    def answer(self, call: str) -> None:
        held = self._live(call)
        if held:
            with held.changed:
                held.answered = True
                held.changed.notify_all()

    def reject(self, call: str, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        held = self._live(call)
        if held:
            with held.changed:
                self._end(held, Refusing("busy" if cause == "busy" else "rejected"))

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        held = self._live(call)
        if held:
            sounds = tuple(self._sound(clip) for clip in clips)
            with held.changed:
                held.answered = True
                held.playing, held.playing_ms = tag, sum(clip.duration_ms for clip in clips)
                # What was heard is to be reported at its end, not after the time for an answer.
                self._do(held, Listening(sounds, held.step + 1, SHORTEST_S))

    def stop_playing(self, call: str) -> None:
        held = self._live(call)
        if held:
            with held.changed:
                held.playing = None
                self._do(held, Listening((), held.step + 1, IDLE_S))

    def transfer(self, call: str, target: str) -> None:
        held = self._live(call)
        if held:
            with held.changed:
                if can_be_connected(target):
                    self._do(held, Connecting(target, held.step + 1))
                else:
                    self._report(call, TransferEnded(done=False, status=404))

    def hang_up(self, call: str) -> None:
        held = self._live(call)
        if held:
            with held.changed:
                if held.dialled and not held.answered:
                    held.cancelled = True
                    if held.sid:
                        self._later(self._rest.end, held.sid)
                else:
                    self._end(held, Ending() if held.answered else Refusing("rejected"))

    def dial(self, wish: Dialled) -> None:
        """Call out. A machine that picks up is told of in `Answered`."""
        to = self._settings.international(wish.to)
        if not to or self._dialling is None:
            self._report(wish.call, DialFailed("unreachable", 404))
            self._report(wish.call, Gone("we_hung_up"))
            return
        call = HeldCall(wish.call, dialled=True)
        with self._lock:
            if self._calls.setdefault(wish.call, call) is not call:
                return
        placing = placing_of(self._settings, wish.call, to, wish.ring_s)
        self._later(self._dial, call, self._dialling, placing, on=self._placing)

    # -- within

    def _dial(self, call: HeldCall, dialling: Dialling, placing: Placing) -> None:
        try:
            placed = dialling.dial(call.id, placing)
        except AlreadyClaimed:
            log.warning("twilio_call_already_claimed", call=call.id)
            with self._lock:
                self._calls.pop(call.id, None)
            return
        with call.changed:
            if isinstance(placed, NeverPlaced):
                log.warning("twilio_call_not_placed", call=call.id, status=placed.status, code=placed.code)
                self._report(call.id, DialFailed("rejected" if placed.status else "unreachable", placed.status))
                self._gone(call, "we_hung_up")
                return
            call.sid = call.sid or placed
            if call.cancelled:
                self._later(self._rest.end, placed)

    def _live(self, call: str) -> HeldCall | None:
        with self._lock:
            return self._calls.get(call)

    def _do(self, call: HeldCall, reply: Reply) -> None:
        """As the answer to the webhook that waits; between webhooks as a change of the call."""
        if call.gone or call.tell(reply):
            return
        call.step += 1
        changed = call.answer(reply)
        dial = call.id if call.dialled else ""
        self._later(self._rest.change, call.sid, twiml(changed, self._settings, dial))

    def _end(self, call: HeldCall, reply: Reply, cause: Literal["we_hung_up", "line_closed"] = "we_hung_up") -> None:
        if call.gone or call.ended_by_us:
            return
        call.ended_by_us = True
        if not call.tell(reply):
            self._later(self._rest.end, call.sid)
        self._gone(call, cause)

    def _later(self, work: Callable[..., object], *arguments: object, on: ThreadPoolExecutor | None = None) -> None:
        """Ask Twilio from a thread of our own: the port's methods return at once."""

        def done() -> None:
            try:
                work(*arguments)
            except RestError as error:
                # The call is gone there, or Twilio is: then the next webhook, or none, tells what became of it.
                log.warning("twilio_not_asked", reason=str(error))
            except Exception:
                log.exception("twilio_fault")

        try:
            (on or self._asking).submit(done)
        except RuntimeError:
            log.info("twilio_asked_after_stop")
