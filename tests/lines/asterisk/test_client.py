"""The websocket client against a small ARI server on loopback that refuses, hangs, closes and talks rubbish."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import WSMsgType, encode_basic_auth, web

from ivr.lines.asterisk.client import AriClient
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import ChannelUserevent, Event, Reply

INFO = json.dumps({"system": {"version": "22.10.1", "entity_id": "02:00"}, "config": {"name": "pbx1"}})
QUICK = {"retry_first_s": 0.01, "retry_longest_s": 0.05}


class AriServer:
    """Answers what it is told to; `mute` paths are never answered."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.mute: set[str] = set()
        self.password = "secret"

    async def start(self) -> str:
        app = web.Application()
        app.router.add_get("/ari/events", self._events)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != encode_basic_auth("orderline", self.password):
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(socket, json.loads(message.data))
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        self.asked.append(asked)
        path = asked["uri"].partition("?")[0]
        if path in self.mute or "*" in self.mute:
            return
        body = INFO if path == "asterisk/info" else ""
        reply = {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": 200, "message_body": body}
        await socket.send_str(json.dumps(reply))


class Bench:
    """A running server and client, and what the client told."""

    def __init__(self, **settings: Any) -> None:
        self.server = AriServer()
        self.settings = AsteriskSettings(password="secret", **(QUICK | settings))
        self.heard: list[Event] = []
        self.ups = 0
        self.downs = 0
        self.client: AriClient

    async def run(self, work: Callable[[Bench], Awaitable[None]]) -> None:
        url = await self.server.start()
        self.client = AriClient(
            replace(self.settings, url=url), heard=self.heard.append, opened=self._opened, closed=self._closed
        )
        task = asyncio.create_task(self.client.run())
        try:
            async with asyncio.timeout(20):
                await work(self)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.server.stop()

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            await asyncio.sleep(0.002)

    def _opened(self, _info: object) -> None:
        self.ups += 1

    def _closed(self) -> None:
        self.downs += 1


def play(work: Callable[[Bench], Awaitable[None]], **settings: Any) -> None:
    asyncio.run(Bench(**settings).run(work))


def test_it_logs_in_and_lets_replies_through_its_filter() -> None:
    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.ups == 1)
        first = bench.server.asked[0]
        assert first["uri"] == "applications/orderline-node1/eventFilter"
        allowed = {kind["type"] for kind in json.loads(first["message_body"])["allowed"]}
        assert {"RESTResponse", "CallBroadcast", "StasisStart"} <= allowed

    play(work)


def test_a_refused_login_is_said_and_tried_again() -> None:
    async def work(bench: Bench) -> None:
        bench.server.password = "other"
        await bench.until(lambda: bench.client.state == "refused")
        assert "ari.conf" in bench.client.reason
        assert "secret" not in bench.client.reason
        bench.server.password = "secret"
        await bench.until(lambda: bench.client.state == "up")

    play(work)


def test_requests_are_sent_in_order_and_answered() -> None:
    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.ups == 1)
        replies: list[Reply] = []
        for number in range(50):
            bench.client.ask("POST", f"channels/{number}/answer", replies.append)
        await bench.until(lambda: len(replies) == 50)
        assert all(reply.done for reply in replies)
        sent = [one["uri"] for one in bench.server.asked if one["uri"].startswith("channels")]
        assert sent == [f"channels/{number}/answer" for number in range(50)]

    play(work)


def test_after_the_websocket_closed_it_is_opened_again() -> None:
    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.ups == 1)
        bench.server.mute.add("channels/1")
        replies: list[Reply] = []
        bench.client.ask("GET", "channels/1", replies.append)
        await bench.until(lambda: any(one["uri"] == "channels/1" for one in bench.server.asked))
        await bench.server.sockets[0].close()
        await bench.until(lambda: bench.ups == 2)
        assert bench.downs == 1
        assert replies == [Reply(0)]

    play(work)


@pytest.mark.slow
def test_an_asterisk_that_hangs_is_noticed() -> None:
    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.ups == 1)
        bench.server.mute.add("*")
        await bench.until(lambda: bench.downs == 1)
        assert bench.client.state == "down"
        bench.server.mute.clear()
        await bench.until(lambda: bench.ups == 2)

    play(work, silent_after_s=1.5)


def test_nothing_is_asked_while_it_is_down() -> None:
    async def work(bench: Bench) -> None:
        replies: list[Reply] = []
        bench.client.ask("GET", "bridges", replies.append)
        assert replies == [Reply(0)]

    play(work)


@pytest.mark.parametrize(
    "rubbish",
    ["", "{", "[]", "null", '{"type": "New"}', '{"type": "StasisStart"}', '{"type": "StasisEnd", "channel": 5}'],
)
def test_rubbish_is_no_event(rubbish: str) -> None:
    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.ups == 1)
        await bench.server.sockets[0].send_str(rubbish)
        await bench.server.sockets[0].send_bytes(b"\xff\x00")
        await bench.server.sockets[0].send_str('{"type": "ChannelUserevent", "eventname": "x"}')
        await bench.until(lambda: bool(bench.heard))
        assert bench.heard == [ChannelUserevent("x")]
        assert bench.ups == 1

    play(work)


@pytest.mark.parametrize(
    "wrong",
    [{"url": "localhost"}, {"url": "http://a/"}, {"node": "a b"}, {"dial": "PJSIP/trunk"}, {"agents": "x&{number}"}],
)
def test_settings_that_can_not_work(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="asterisk"):
        AsteriskSettings(**wrong)  # type: ignore[arg-type]
