"""One node's websocket to one Asterisk: kept open, events handed on, requests asked over it and answered.

Runs on one event loop; nothing in here may be called from another thread. Requests go out in the order they were asked
and Asterisk takes them in that order, so that nobody has to wait for one before asking the next. A websocket on which
nothing comes for `silent_after_s`, though something was asked every second, is taken for dead and opened again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import aiohttp
import structlog

from ivr.lines.asterisk import wire
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import Body, Event, Info, Reply, RESTResponse

log = structlog.get_logger(__name__)

State = Literal["down", "refused", "up"]
Then = Callable[[Reply], None]
NO_ANSWER = Reply(0)
BEAT_S = 1.0


@dataclass(slots=True)
class _Asked:
    then: Then
    until: float


class AriClient:
    """`heard` is given each event; `opened` comes after the login and the filter, with who the Asterisk is; `closed`
    when the websocket is no more. Nothing is heard before `opened`."""

    def __init__(
        self,
        settings: AsteriskSettings,
        *,
        heard: Callable[[Event], None],
        opened: Callable[[Info], None],
        closed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._heard = heard
        self._opened = opened
        self._closed = closed
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop
        self._last_word = 0.0
        self.state: State = "down"
        self.reason = "not started"

    async def run(self) -> None:
        """Keep the websocket open until cancelled."""
        self._loop = asyncio.get_running_loop()
        pause = self._settings.retry_first_s
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self._connection(session)
                    pause = self._settings.retry_first_s
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    self._failed(error)
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 (jitter, no secret)
                pause = min(pause * 2, self._settings.retry_longest_s)

    def ask(
        self,
        method: str,
        path: str,
        then: Then | None = None,
        *,
        query: dict[str, str] | None = None,
        body: Body | None = None,
    ) -> None:
        """Ask for something; `then` is given the reply, or status 0 when none came or the websocket is down."""
        if self.state != "up":
            if then:
                then(NO_ANSWER)
            return
        self._send(method, path, then, query, body)

    # -- one connection

    async def _connection(self, session: aiohttp.ClientSession) -> None:
        settings = self._settings
        login = {"Authorization": aiohttp.encode_basic_auth(settings.user, settings.password)}
        where = f"{settings.url}/ari/events?app={settings.app}"
        async with asyncio.timeout(settings.connect_within_s):
            # What does not even answer a farewell gets half a second for it.
            patience = aiohttp.ClientWSTimeout(ws_close=0.5)
            socket = await session.ws_connect(where, headers=login, max_msg_size=0, timeout=patience)
        self._outbox = asyncio.Queue()
        self._last_word = self._loop.time()
        self.reason = ""
        self._introduce()
        tasks = [asyncio.create_task(work(socket)) for work in (self._read, self._write, self._watch)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._end()
            await socket.close()

    def _introduce(self) -> None:
        """Ask who is there, choose what to hear; the last answer opens the client."""
        allowed = [{"type": kind} for kind in wire.WANTED]
        path = wire.at("applications", self._settings.app, "eventFilter")
        self._send("PUT", path, None, None, {"allowed": allowed})
        self._send("GET", "asterisk/info", self._introduced, {"only": "system,config"}, None)

    def _introduced(self, reply: Reply) -> None:
        info = wire.decoded(reply, Info)
        if info is None:
            self.reason = f"Asterisk does not say who it is (status {reply.status})"
            log.error("ari_no_info", status=reply.status, do="load res_ari_asterisk")
            return
        self.state, self.reason = "up", ""
        log.info("ari_up", app=self._settings.app, asterisk=info.system.version)
        self._opened(info)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self._last_word = self._loop.time()
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            found = wire.read(message.data)
            try:
                if isinstance(found, RESTResponse):
                    self._answered(found)
                elif found is not None and self.state == "up":
                    self._heard(found)
            except Exception:
                # One call's fault must not end all other calls.
                log.exception("ari_event_fault", event_kind=type(found).__name__)

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await socket.send_str(await self._outbox.get())

    async def _watch(self, _socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ends when the websocket hangs; lets requests go that nobody answers."""
        while True:
            before = self._loop.time()
            self._send("GET", "asterisk/ping", None, None, None)
            await asyncio.sleep(BEAT_S)
            now = self._loop.time()
            if now - before > 2 * BEAT_S:
                # It was we who hung: what Asterisk said meanwhile is still to be read.
                self._last_word = now
                log.warning("ari_loop_hung", seconds=round(now - before - BEAT_S, 1))
                continue
            if now - self._last_word > self._settings.silent_after_s:
                log.error("ari_silent", seconds=round(now - self._last_word, 1))
                self.reason = "Asterisk has fallen silent"
                return
            for number in [number for number, asked in self._asked.items() if asked.until < now]:
                self._settle(number, NO_ANSWER)

    # -- requests

    def _send(self, method: str, path: str, then: Then | None, query: dict[str, str] | None, body: Body | None) -> None:
        self._number += 1
        if then:
            self._asked[self._number] = _Asked(then, self._loop.time() + self._settings.answer_within_s)
        self._outbox.put_nowait(wire.request(self._number, method, path, query, body))

    def _answered(self, response: RESTResponse) -> None:
        if response.request_id.isdecimal():
            self._settle(int(response.request_id), Reply(response.status_code, response.message_body))

    def _settle(self, number: int, reply: Reply) -> None:
        asked = self._asked.pop(number, None)
        if asked:
            asked.then(reply)

    def _end(self) -> None:
        was_up, self.state = self.state == "up", "down"
        for number in list(self._asked):
            self._settle(number, NO_ANSWER)
        if was_up:
            log.warning("ari_down", reason=self.reason or "the websocket was closed")
            self.reason = self.reason or "the websocket was closed"
            self._closed()

    def _failed(self, error: Exception) -> None:
        refused = isinstance(error, aiohttp.WSServerHandshakeError) and error.status in (401, 403)
        self.state = "refused" if refused else "down"
        reason = why_not(error, self._settings.url)
        if reason != self.reason:
            # Said once: a PBX that is down for a night must not fill the log.
            log.error("ari_not_reached", reason=reason, app=self._settings.app)
        self.reason = reason


def why_not(error: Exception, url: str) -> str:
    """What is wrong, and what to do about it."""
    if isinstance(error, aiohttp.ClientResponseError):
        if error.status in (401, 403):
            return f"{url} refuses the login of this user: compare asterisk.user and asterisk.password with ari.conf"
        if error.status == 404:
            return f"{url} has no ARI: load res_ari and res_ari_events, set enabled = yes in ari.conf"
        return f"{url} answers {error.status}: see Asterisk's log"
    if isinstance(error, TimeoutError):
        return f"{url} does not answer: see whether Asterisk runs, and http.conf"
    return f"{url} can't be reached ({error}): see whether Asterisk runs, and http.conf"
