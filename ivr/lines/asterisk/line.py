"""The Asterisk line behind the `Line` port: everything happens on one asyncio thread, whatever thread asks for it.

Asterisk may come and go: the line starts without it, says what is wrong, and is up as soon as it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from ivr.lines.asterisk.call import AsteriskCall
from ivr.lines.asterisk.causes import REASON_CODES, RejectCause
from ivr.lines.asterisk.client import NO_ANSWER, AriClient, State
from ivr.lines.asterisk.endpoints import EndpointWatch
from ivr.lines.asterisk.neighbours import Neighbours
from ivr.lines.asterisk.relisting import Relisting
from ivr.lines.asterisk.settings import APP_PREFIX, AsteriskSettings
from ivr.lines.asterisk.switchboard import Switchboard
from ivr.lines.asterisk.wire import ContactStatusChange, Event, Info, Reply
from ivr.lines.loop_thread import LoopThread
from ivr.lines.port import Dialled, LineEvents
from speech.prompt import Clip

log = structlog.get_logger(__name__)

FAREWELL_S = 2.0
RELIST_S = 10.0
"""Endpoints that appear or go when Asterisk reads its files again have no event: they are listed so often."""


@dataclass(frozen=True, slots=True)
class AsteriskHealth:
    """How the line stands; `reason` says what to do while it is not up. `nodes`: those of the same Asterisk."""

    state: State
    reason: str
    calls: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Which calls of a node still live at this Asterisk, after it was started or died: all its others are over.

    `prefix` begins the names of all calls of this Asterisk; `before` is `time.time()` of the start or death: the node
    may live again meanwhile, and have calls that are not meant.
    """

    node: str
    prefix: str
    living: frozenset[str]
    before: float


class AsteriskLine:
    """Implements `ivr.lines.port.Line`. `settled` is called on the line's thread and must return at once."""

    def __init__(
        self,
        settings: AsteriskSettings,
        report: LineEvents,
        *,
        name: str = "asterisk",
        settled: Callable[[Settled], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._settled = settled
        self._thread = LoopThread(f"line-{name}")
        self._client = AriClient(settings, heard=self._heard, opened=self._opened, closed=self._closed)
        self._board = Switchboard(settings, self._client.ask, report)
        self._neighbours = Neighbours(settings, self._client.ask, self._died)
        self._board.neighbour_spoke = lambda event: self._neighbours.spoke(event, self._thread.loop.time())
        self._endpoints = EndpointWatch(self._client.ask)
        self._tasks: list[asyncio.Task[None]] = []
        self._giving_up: asyncio.TimerHandle | None = None
        self._up = False

    # -- life

    def start(self) -> None:
        """Begin; Asterisk need not be there yet."""
        self._thread.start()
        self._up = True
        self._thread.run(self._begin())

    def stop(self) -> None:
        """Hand the calls on to living nodes, hang up the others, close the websocket; takes at most a few seconds."""
        if self._up:
            self._up = False
            self._thread.run(self._farewell())
            self._thread.stop()

    def health(self) -> AsteriskHealth:
        return AsteriskHealth(
            self._client.state, self._client.reason, len(self._board.calls), tuple(self._neighbours.living())
        )

    def live_calls(self) -> int:
        return len(self._board.calls)

    def endpoints(self) -> Mapping[str, str] | None:
        """How each trunk and phone stands ("online", "offline", "unknown"); None while Asterisk is out of reach."""
        return self._endpoints.states

    def request(self, method: str, path: str, within_s: float = 5.0) -> Reply:
        """Ask Asterisk for something from another thread, and wait; status 0 when no answer came."""
        replied: Future[Reply] = Future()

        def arrived(reply: Reply) -> None:
            if not replied.done():
                replied.set_result(reply)

        self._later(lambda: self._client.ask(method, path, arrived))
        try:
            return replied.result(timeout=within_s)
        except TimeoutError:
            return NO_ANSWER

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._client.run(), name="ari-client"),
            loop.create_task(self._beat(), name="ari-beat"),
        ]

    async def _farewell(self) -> None:
        self._board.open = False
        heirs = self._neighbours.heirs()
        if heirs and (handed_on := self._board.hand_on(heirs)):
            log.info("calls_handed_on", calls=handed_on, to=[app.removeprefix(APP_PREFIX) for app in heirs])
            await self._until(lambda: not any(call.leaving for call in self._board.calls.values()))
        for call in list(self._board.calls.values()):
            if not call.leaving:  # else Asterisk may be moving it at this very moment
                call.hang_up("line_closed")
        await self._until(lambda: not self._board.calls)
        for call in list(self._board.calls.values()):
            call.ended("line_closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wait_no_longer()

    async def _until(self, what: Callable[[], bool]) -> None:
        """Wait for it, but not for long."""
        deadline = self._thread.loop.time() + FAREWELL_S
        while not what() and self._client.state == "up" and self._thread.loop.time() < deadline:
            await asyncio.sleep(0.01)

    # -- the port, from any thread

    def answer(self, call: str) -> None:
        self._soon(call, AsteriskCall.answer)

    def reject(self, call: str, cause: RejectCause) -> None:
        self._soon(call, lambda found: found.hang_up("we_hung_up", REASON_CODES[cause]))

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        self._soon(call, lambda found: found.play(clips, tag))

    def stop_playing(self, call: str) -> None:
        self._soon(call, AsteriskCall.stop_playing)

    def transfer(self, call: str, target: str) -> None:
        self._soon(call, lambda found: self._board.transfer(found, target))

    def hang_up(self, call: str) -> None:
        self._soon(call, lambda found: found.hang_up())

    def dial(self, wish: Dialled) -> None:
        self._later(lambda: self._board.dial(wish, self._thread.loop))

    def _soon(self, call: str, do: Callable[[AsteriskCall], None]) -> None:
        def now() -> None:
            found = self._board.calls.get(call)
            if found is not None:
                do(found)

        self._later(now)

    def _later(self, do: Callable[[], None]) -> None:
        # RuntimeError: the line is closed, and has reported the end of all its calls.
        with contextlib.suppress(RuntimeError):
            self._thread.loop.call_soon_threadsafe(do)

    # -- the websocket

    def _heard(self, event: Event) -> None:
        if isinstance(event, ContactStatusChange):
            self._endpoints.heard(event)
        else:
            self._board.heard(event)

    def _opened(self, info: Info) -> None:
        self._wait_no_longer()
        self._board.met(info)
        self._board.open = self._up
        self._neighbours.opened()
        self._endpoints.opened(self._settings.app)
        Relisting(self._settings, self._client.ask, self._board, self._listed).begin()

    def _closed(self) -> None:
        self._board.open = False
        self._endpoints.closed()
        if self._giving_up is None:
            self._giving_up = self._thread.loop.call_later(self._settings.lost_after_s, self._give_up)

    def _give_up(self) -> None:
        """Whoever was on the line is long gone: drafts are to be released, so that a redial finds them."""
        calls = list(self._board.calls.values())
        if calls:
            log.error("calls_given_up", calls=len(calls), reason=self._client.reason)
        for call in calls:
            self._board.lost(call)

    def _wait_no_longer(self) -> None:
        if self._giving_up:
            self._giving_up.cancel()
            self._giving_up = None

    def _listed(self, living: frozenset[str]) -> None:
        self._settled(Settled(self._settings.node, self._board.asterisk, living, time.time()))

    # -- the other nodes

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        listed = loop.time()
        while True:
            if self._client.state == "up" and self._up:
                self._neighbours.beat(loop.time())
                if loop.time() - listed > RELIST_S:
                    listed = loop.time()
                    self._endpoints.list_all()
            await asyncio.sleep(self._settings.beat_s)

    def _died(self, node: str) -> None:
        """Its calls that live are being moved here; in a moment all others can be settled."""
        self._thread.loop.call_later(self._settings.beat_s * 2, self._settle_dead, node, time.time())

    def _settle_dead(self, node: str, died_at: float) -> None:
        if self._client.state == "up":
            self._settled(Settled(node, self._board.asterisk, frozenset(self._board.calls), died_at))
