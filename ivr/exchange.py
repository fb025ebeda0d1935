"""The exchange: between lines, which report from any thread, and the runner, which takes one event of a call at a time.

Owns the order of each call's events, its timers, and what is done when an event can't be stored: then nothing of it is
said, the caller hears that the system is busy, and the event is tried again. What a step wants is done by `ivr.doing`.
Knows neither wording nor stages, and nothing of any protocol.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ivr.dialogue import events as told
from ivr.dialogue.settings import Settings
from ivr.doing import LAST_WORDS, ClipSource, Doing
from ivr.lines import port
from ivr.lines.port import Line, LineEvent, LineEvents
from ivr.live_call import ADOPTED, LiveCall, key_pressed
from ivr.runner import CallMovedOn, Handled, UnknownCall
from ivr.timers import ThreadTimers, Timers

log = structlog.get_logger(__name__)

RETRIES_S = (0.5, 1.0, 2.0, 4.0)
"""How often an event that could not be stored is tried again before the caller is told and let go."""

FAULT_RETRY_S = 30.0
"""How long until the end of a call is tried again that met a fault of ours."""

WORKERS = 4
"""Steps under way at once: they wait for the disk, not for the processor."""


class Handling(Protocol):
    """The runner, as the exchange uses it."""

    def handle(self, call: str, event: told.Event, after: int) -> Handled: ...

    def adopt(self, call: str, event: told.Event) -> Handled: ...


class Outgoing(Protocol):
    """Who makes calls out (`ivr.dialling`): told of them until they are answered."""

    def happened(self, line: Line, call: str, event: LineEvent) -> told.CallArrived | None:
        """The first event of the conversation, when this was the answer to a call of its own. Returns at once."""


class Exchange:
    """Connects lines to the runner. `order_placed` is called after a commit that holds a new order."""

    def __init__(
        self,
        runner: Handling,
        clips: ClipSource,
        *,
        dialogue: Settings,
        order_placed: Callable[[], None] = lambda: None,
        longest_call_s: float = 1800.0,
        executor: Executor | None = None,
        timers: Callable[[Callable[[str, int], None]], Timers] | None = None,
    ) -> None:
        self._runner = runner
        self.dialogue = dialogue
        self._order_placed = order_placed
        self._longest_call_s = longest_call_s
        self.outgoing: Outgoing | None = None
        self._live: dict[str, LiveCall] = {}
        self._lock = threading.Lock()
        self._workers = executor or ThreadPoolExecutor(WORKERS, thread_name_prefix="call-step")
        self._own_timers = ThreadTimers(self._expired) if timers is None else None
        self._timers: Timers = self._own_timers or (timers or ThreadTimers)(self._expired)
        self._line = Doing(clips, self._timers, self._let_go)

    def start(self) -> None:
        if self._own_timers:
            self._own_timers.start()

    def stop(self) -> None:
        """Take what was reported so far to its end, then stop. Lines are to be stopped before."""
        self._workers.shutdown(wait=True)
        if self._own_timers:
            self._own_timers.stop()

    def events_of(self, line: Callable[[], Line]) -> LineEvents:
        """Where this line is to report. `line` is asked late: a line needs its report before it exists."""

        def report(call: str, event: LineEvent) -> None:
            self._reported(line(), call, event)

        return report

    def live_calls(self) -> int:
        """How many calls are in progress on this node."""
        with self._lock:
            return len(self._live)

    def live_names(self) -> frozenset[str]:
        """The names of the calls in progress on this node."""
        with self._lock:
            return frozenset(self._live)

    # -- reports in, one queue a call

    def _reported(self, line: Line, call: str, event: LineEvent) -> None:
        with self._lock:
            live = self._live.get(call)
            if live is None and isinstance(event, port.Arrived | port.Resumed):
                live = self._live[call] = LiveCall(call, line, event.at)
        if live is None:
            self._reported_of_ours(line, call, event)
            return
        happened = self._happening(live, event)
        if happened is not None:
            self._wait_in(live, happened)

    def _reported_of_ours(self, line: Line, call: str, event: LineEvent) -> None:
        """A call that we made begins as a conversation when it is answered."""
        begun = self.outgoing.happened(line, call, event) if self.outgoing else None
        if isinstance(event, port.Answered):
            if begun is None:
                line.hang_up(call)
                return
            with self._lock:
                live = self._live[call] = LiveCall(call, line, event.at)
            self._timers.arm(f"{call}/longest", 0, self._longest_call_s)
            self._wait_in(live, begun)

    def _happening(self, live: LiveCall, event: LineEvent) -> told.Event | None:
        match event:
            case port.Arrived(caller, called):
                self._timers.arm(f"{live.call}/longest", 0, self._longest_call_s)
                return told.CallArrived(caller, called, live.line.name, self.dialogue)
            case port.Resumed(cause, caller, called):
                self._timers.arm(f"{live.call}/longest", 0, self._longest_call_s)
                live.adopting = told.CallArrived(caller, called, live.line.name, self.dialogue)
                live.sequence = ADOPTED
                return told.LineResumed(cause)
            case port.TakenElsewhere():
                # Whatever waits here is stale, and the call's end is not ours to store.
                self._timers.disarm(live.call)
                self._forget(live)
            case port.Key():
                return key_pressed(live, event)
            case port.PlayEnded(tag):
                if tag == LAST_WORDS:
                    live.line.hang_up(live.call)
                return told.PromptsEnded(tag)
            case port.TransferEnded(done=False, status=status):
                return told.TransferFailed(str(status))
            case port.Interrupted(cause):
                return told.LineResumed(cause)
            case port.Gone(cause):
                live.gone = True
                self._timers.disarm(f"{live.call}/longest")
                self._timers.disarm(f"{live.call}/leaving")
                self._timers.disarm(live.call)
                return told.LineLost(cause)
        return None

    def _expired(self, timer: str, generation: int) -> None:
        call, _, kind = timer.partition("/")
        with self._lock:
            live = self._live.get(call)
        if live is None:
            return
        if kind == "longest":
            log.warning("call_too_long", call=call)
            self._let_go(live, "long_call")
        elif kind == "leaving":
            live.line.hang_up(call)
        elif kind == "retry":
            self._submit(live)
        else:
            self._wait_in(live, told.TimerExpired(generation))

    def _wait_in(self, live: LiveCall, event: told.Event) -> None:
        with self._lock:
            if live.leaving and not isinstance(event, told.LineLost):
                return
            live.waiting.append(event)
            if live.busy:
                return
            live.busy = True
        self._submit(live)

    def _submit(self, live: LiveCall) -> None:
        try:
            self._workers.submit(self._work, live)
        except RuntimeError:
            log.info("event_after_stop", call=live.call)

    # -- the worker that holds the call

    def _work(self, live: LiveCall) -> None:
        while (event := self._next(live)) is not None:
            try:
                go_on = self._take(live, event)
            except Exception:
                log.exception("call_fault", call=live.call)
                go_on = self._faulted(live, event)
            if not go_on:
                return

    def _faulted(self, live: LiveCall, event: told.Event) -> bool:
        """The event would fail again and is dropped, unless it is the end of the call: that must come to be stored."""
        if isinstance(event, told.LineLost) and self._is_next(live, event):
            self._timers.arm(f"{live.call}/retry", 0, FAULT_RETRY_S)
            return False
        self._done(live, event)
        self._let_go(live)
        return True

    def _next(self, live: LiveCall) -> told.Event | None:
        """The oldest event, left in the queue until it is stored; or None, and the call is nobody's."""
        with self._lock:
            if live.waiting:
                return live.waiting[0]
            live.busy = False
            if live.gone:
                self._live.pop(live.call, None)
            return None

    def _take(self, live: LiveCall, event: told.Event) -> bool:
        """Whether to go on with the next event; False when this one is to be tried again later."""
        try:
            if live.adopting or live.leaving:
                # What became of the event before may be unknown: the end of a leaving call counts wherever it stands.
                handled = self._runner.adopt(live.call, event)
            else:
                handled = self._runner.handle(live.call, event, live.sequence)
        except (SQLAlchemyError, OSError) as error:
            return self._not_stored(live, event, error)
        except (CallMovedOn, UnknownCall) as error:
            self._not_ours(live, event, error)
            return True
        self._done(live, event)
        live.sequence, live.tries, live.adopting = handled.sequence, 0, None
        live.language, live.pace = handled.state.language, handled.state.pace
        live.placed = handled.state.order is not None and not handled.state.owns_draft
        if handled.placed_order:
            self._order_placed()
        self._line.act(live, handled.actions)
        return True

    def _not_ours(self, live: LiveCall, event: told.Event, error: Exception) -> None:
        """The record is another process's, closed, or was never written."""
        arrived, live.adopting = live.adopting, None
        self._done(live, event)
        if arrived and isinstance(error, UnknownCall):
            # Its process died before it had stored anything: the call begins here.
            with self._lock:
                live.waiting.appendleft(arrived)
            return
        log.warning("call_elsewhere", call=live.call, reason=str(error))
        if arrived:
            live.line.hang_up(live.call)

    def _is_next(self, live: LiveCall, event: told.Event) -> bool:
        with self._lock:
            return bool(live.waiting) and live.waiting[0] is event

    def _done(self, live: LiveCall, event: told.Event) -> None:
        with self._lock:
            # Another one, or none: the call was taken elsewhere or let go meanwhile.
            if live.waiting and live.waiting[0] is event:
                live.waiting.popleft()

    def _not_stored(self, live: LiveCall, event: told.Event, error: Exception) -> bool:
        log.error(
            "event_not_stored", call=live.call, event_kind=type(event).__name__, error=str(error), tries=live.tries
        )
        ends, exhausted = isinstance(event, told.LineLost), live.tries >= len(RETRIES_S)
        if not live.sequence and (exhausted or (live.tries and not ends)):
            return self._refuse(live, event)
        if exhausted and not ends:
            # Told that we can't, the caller must not be booked afterwards: this event and those behind it are dropped.
            self._let_go(live)
            return True
        if live.tries == 0 and live.sequence and not live.gone:
            self._line.say_busy(live)
        # The end of a call is tried for ever: until it is stored, the retailer's draft stays held.
        delay = RETRIES_S[min(live.tries, len(RETRIES_S) - 1)]
        live.tries += 1
        self._timers.arm(f"{live.call}/retry", 0, delay)
        return False

    def _refuse(self, live: LiveCall, event: told.Event) -> bool:
        """A call whose arrival can't be stored. Should it have been after all, its end is tried a few times too."""
        if live.gone:
            self._forget(live)
        else:
            self._leave(live)
            live.tries = 0
            if isinstance(event, told.CallArrived) and event.errand:
                live.line.hang_up(live.call)
            else:
                live.line.reject(live.call, "unavailable")
        return True

    def _forget(self, live: LiveCall) -> None:
        with self._lock:
            live.waiting.clear()
            self._live.pop(live.call, None)
        self._timers.disarm(f"{live.call}/longest")

    def _leave(self, live: LiveCall) -> None:
        with self._lock:
            live.leaving = True
            ends = [event for event in live.waiting if isinstance(event, told.LineLost)]
            live.waiting.clear()
            live.waiting.extend(ends)

    def _let_go(self, live: LiveCall, why: str = "system_failed") -> None:
        """Tell the caller the truth in words that need no database, and end the call."""
        if live.leaving:
            return
        self._leave(live)
        if not live.gone:
            self._line.say_last(live, "order_stands" if live.placed and why == "system_failed" else why)
