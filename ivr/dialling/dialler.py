"""The dialler: claims who is due as lines are free, writes each call down, dials it, and notes what became of it.

A call is on disk before it is dialled, and is never dialled twice. Once answered it is a call like any other: the
exchange is given its first event, and from there on the conversation settles it. Lines report from any thread and are
not kept waiting: what needs the database is done on the dialler's own thread, in order.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ivr.dialling.pacing import Load, room
from ivr.dialling.results import result_of
from ivr.dialling.settings import DiallingSettings
from ivr.dialogue.events import CallArrived
from ivr.dialogue.settings import Settings
from ivr.lines import port
from ivr.lines.port import DialFailed, Dialled, Line, LineEvent
from orders.calling import claims
from orders.calling.claims import Claim, Dialling
from orders.calling.desk import CallingDesk
from orders.models import Campaign
from orders.store import Store, explain
from orders.values import CallResult, Errand

log = structlog.get_logger(__name__)

OUT = "-out-"
"""Between the node's name and a random part: the name of each call that we make."""


@dataclass(slots=True)
class _Out:
    """A call that is dialled and not yet answered."""

    line: Line
    number: str
    errand: Errand
    rang: bool = False
    called_off: bool = False


Work = Callable[[], None]


class Dialler:
    """Calls out on `lines`, the best liked first. `live` names the node's calls that are answered or arrived.

    `start` keeps at it until `stop`; `tick` does one round, `work_off` what lines have reported since.
    """

    def __init__(
        self,
        store: Store,
        desk: CallingDesk,
        lines: Sequence[Line],
        settings: DiallingSettings,
        *,
        live: Callable[[], frozenset[str]],
        dialogue: Callable[[], Settings],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._desk = desk
        self._lines = tuple(lines)
        self._settings = settings
        self._live = live
        self._dialogue = dialogue
        self._clock = clock
        self._token = f"{settings.node}:{secrets.token_hex(8)}"
        self._out: dict[str, _Out] = {}
        self._lock = threading.Lock()
        self._resting: dict[str, float] = {}
        self._last_start = clock() - settings.tick_s
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._unsettled: dict[str, CallResult] = {}
        self._thread = threading.Thread(target=self._run, name="dialler", daemon=True)

    # -- life

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin no more calls, cancel those that ring; the lines report their end."""
        with self._lock:
            ringing = list(self._out.items())
        for call, out in ringing:
            out.line.hang_up(call)
        self._work.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self.work_off()

    def dialling(self) -> int:
        """How many calls are dialled and not yet answered."""
        with self._lock:
            return len(self._out)

    def reclaim(self) -> int:
        """Settle what an earlier process of this node was dialling when it died. To be called before `start`."""
        with self._store.transaction() as session:
            now = self._desk.now(session)
            return claims.bury_own(session, f"{self._settings.node}{OUT}", now, self._desk.retry)

    def _run(self) -> None:
        while True:
            next_tick = self._clock() + self._settings.tick_s
            # However long a round takes: what came of the calls before it is noted first.
            if not self.work_off():
                return
            self._survive(self.tick)
            while (left := next_tick - self._clock()) > 0:
                try:
                    work = self._work.get(timeout=left)
                except queue.Empty:
                    break
                if work is None:
                    return
                self._survive(work)

    def work_off(self) -> bool:
        """Do what lines have reported so far; whether to go on."""
        while not self._work.empty():
            work = self._work.get()
            if work is None:
                return False
            self._survive(work)
        return True

    def _survive(self, work: Work) -> None:
        try:
            work()
        except (SQLAlchemyError, OSError) as error:
            log.error("dialling_not_stored", reason=explain(error))

    # -- one round

    def tick(self) -> None:
        """Settle what could not be settled before, then begin as many calls as there is room for."""
        for call, result in list(self._unsettled.items()):
            self._settle(call, result)
        until_cutoff = self._until_cutoff()
        if until_cutoff is None:
            return
        now = self._clock()
        allowed = room(self._settings.pacing, self._load(), until_cutoff, now - self._last_start)
        if not allowed or not self._lines:
            return
        self._last_start = now
        with self._store.transaction() as session:
            mine = claims.claim(session, self._token, self._desk.now(session), allowed)
        for claim in mine:
            self._begin(claim)

    def _load(self) -> Load:
        live = self._live()
        # Calls whose end is still to be noted count: begun faster than noted, they would pile up.
        answered = sum(OUT in name for name in live)
        return Load(inbound=len(live) - answered, outbound=answered + self.dialling() + self._work.qsize())

    def _until_cutoff(self) -> float | None:
        """Seconds until the first running campaign ends; None while none runs."""
        with self._store.engine.connect().execution_options(reading=True) as connection:
            ends = connection.scalars(select(Campaign.ends_at).where(Campaign.state == "running")).all()
        if not ends:
            return None
        with self._store.session() as session:
            return (min(ends) - self._desk.now(session)).total_seconds()

    def _begin(self, claim: Claim) -> None:
        call = f"{self._settings.node}{OUT}{secrets.token_hex(8)}"
        before = self._clock()
        with self._store.transaction() as session:
            dialling = claims.begin_dialling(session, claim, call, self._desk.now(session), self._desk.rules)
            errand = self._desk.errand(session, dialling) if dialling else None
        if dialling is None or errand is None:
            return
        if self._clock() - before > self._settings.stale_s:
            # This node stood still meanwhile: what was true then need not be true now.
            self._settle(call, "line_failed")
            return
        self._dial(dialling, errand)

    def _dial(self, dialling: Dialling, errand: Errand) -> None:
        line = self._line()
        with self._lock:
            self._out[dialling.call] = _Out(line, dialling.number, errand)
        log.info("dialled", call=dialling.call, line=line.name, phone_kind=dialling.phone_kind)
        line.dial(Dialled(dialling.call, dialling.number, self._settings.caller_id, self._settings.ring_s))

    def _line(self) -> Line:
        """The best liked line that has not just failed; busy or declined is no failure of a line."""
        now = self._clock()
        return next((line for line in self._lines if self._resting.get(line.name, 0.0) <= now), self._lines[0])

    # -- what lines report, on their threads

    def happened(self, line: Line, call: str, event: LineEvent) -> CallArrived | None:
        """Of a call that nobody else knows; the first event of its conversation once it is answered."""
        with self._lock:
            out = self._out.get(call)
            if out is None:
                return None
            if isinstance(event, port.Answered | DialFailed | port.Gone):
                del self._out[call]
        match event:
            case port.Answered(machine=machine):
                log.info("answered", call=call, line=line.name)
                errand = replace(out.errand, by_machine=machine)
                return CallArrived(out.number, self._settings.caller_id, line.name, self._dialogue(), errand)
            case port.Ringing():
                out.rang = True
                self._work.put(lambda: self._rings(call, out))
            case DialFailed():
                self._work.put(lambda: self._failed(call, out, event))
            case port.Gone():
                failed = DialFailed("cancelled", 0)
                self._work.put(lambda: self._failed(call, out, failed))
        return None

    # -- what is noted, on our own thread

    def _rings(self, call: str, out: _Out) -> None:
        with self._store.transaction() as session:
            now = self._desk.now(session)
            claims.rings(session, call, now)
            session.flush()
            reason = claims.no_longer(session, call, now, self._desk.rules)
        if reason:
            log.info("called_off", call=call, reason=reason)
            out.called_off = True
            out.line.hang_up(call)

    def _failed(self, call: str, out: _Out, failed: DialFailed) -> None:
        result = result_of(failed, rang=out.rang, called_off=out.called_off)
        log.info("not_answered", call=call, line=out.line.name, result=result, status=failed.status)
        if result == "line_failed" and failed.failure != "cancelled":
            self._resting[out.line.name] = self._clock() + self._settings.rest_s
        self._settle(call, result)

    def _settle(self, call: str, result: CallResult) -> None:
        """Note the end of a call; kept until it is stored, so that nobody waits half an hour for its next try."""
        self._unsettled[call] = result
        with self._store.transaction() as session:
            self._desk.settle(session, call, result)
        del self._unsettled[call]
