"""A small SIP line for testing the scripted caller: answers, plays clips by RTP, takes keys, does as a scenario says.

A real peer over loopback sockets, made of aiosipua's server side; it shares no code with the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosipua import (
    IncomingCall,
    SipTransport,
    SipUAC,
    SipUAS,
    TcpSipTransport,
    UdpSipTransport,
    build_sdp,
    parse_sdp,
)

from ivr.caller import CallOutcome, CallPlan, Moment, place_call

Scenario = Callable[["LineCall"], Awaitable[None]]
SILENCE = {0: b"\xff" * 160, 8: b"\xd5" * 160}


class _Rtp(asyncio.DatagramProtocol):
    def __init__(self, call: LineCall) -> None:
        self.call = call

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.call.took(data)


@dataclass
class LineCall:
    """One call as the scenario sees it."""

    incoming: IncomingCall
    wire: asyncio.DatagramTransport | None = None
    payload_type: int = 8
    keys: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    packets: list[bytes] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    drop_packets: frozenset[int] = frozenset()
    _sequence: int = 100
    _timestamp: int = 5000
    _events: set[int] = field(default_factory=set)
    _playing: asyncio.Task[None] | None = None

    async def answer(self, *, accept: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.wire, _ = await loop.create_datagram_endpoint(lambda: _Rtp(self), local_addr=("127.0.0.1", 0))
        audio = parse_sdp(self.incoming.invite.text).audio
        assert audio is not None
        self.payload_type = int(audio.formats[0])
        port = self.wire.get_extra_info("sockname")[1]
        name = {0: "PCMU", 8: "PCMA"}[self.payload_type]
        with_events = 101 if "101" in audio.formats else 0
        self.description = build_sdp("127.0.0.1", port, self.payload_type, name, dtmf_payload_type=with_events)
        if accept:
            self.incoming.accept(self.description)

    def play(self, *clips: Path) -> None:
        """Send these in place of what is being sent."""
        suffix = {0: ".ul", 8: ".al"}[self.payload_type]
        data = b"".join(clip.with_suffix(suffix).read_bytes() for clip in clips)
        if self._playing is not None:
            self._playing.cancel()
        self._playing = asyncio.get_running_loop().create_task(self._send(data))

    async def played(self) -> None:
        assert self._playing is not None
        await self._playing

    def stop(self) -> None:
        if self._playing is not None:
            self._playing.cancel()

    async def _send(self, data: bytes) -> None:
        due = asyncio.get_running_loop().time()
        frames = [SILENCE[self.payload_type]] * 2 + [data[at : at + 160] for at in range(0, len(data), 160)]
        for number, frame in enumerate([*frames, SILENCE[self.payload_type]]):
            self._sequence += 1
            self._timestamp += 160
            header = struct.pack("!BBHII", 0x80, self.payload_type, self._sequence, self._timestamp, 7)
            remote = parse_sdp(self.incoming.invite.text).rtp_address
            if number not in self.drop_packets and self.wire is not None:
                self.wire.sendto(header + frame, remote)
            due += 0.02
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    def took(self, data: bytes) -> None:
        self.packets.append(data)
        timestamp = struct.unpack_from("!I", data, 4)[0]
        if data[1] & 0x7F == 101 and timestamp not in self._events:
            self._events.add(timestamp)
            self.stop()
            self.keys.put_nowait("0123456789*#ABCD"[data[12]])

    async def key(self) -> str:
        return await asyncio.wait_for(self.keys.get(), 5)

    async def entry(self) -> str:
        """Keys up to and with "#"."""
        keys = ""
        while not keys.endswith("#"):
            keys += await self.key()
        return keys

    def hang_up(self) -> None:
        self.incoming.hangup()


class Answerer:
    """Listens on a free loopback port and runs the scenario for each call; faults of a scenario come out at the end."""

    def __init__(self, scenario: Scenario, transport: SipTransport) -> None:
        self._scenario = scenario
        self._transport = transport
        self.uac = SipUAC(transport)
        self.uas = SipUAS(transport, uac=self.uac)
        self.uas.on_invite = self._invited
        self.uas.on_bye = lambda call, _request: self._bye(call)
        self.uas.on_cancel = lambda request, _addr: self.cancelled.append(request.call_id or "")
        self.calls: list[LineCall] = []
        self.cancelled: list[str] = []
        self.requests: list[Any] = []
        self.tasks: list[asyncio.Task[None]] = []

    def _invited(self, incoming: IncomingCall) -> None:
        call = LineCall(incoming)
        self.calls.append(call)
        self.tasks.append(asyncio.get_running_loop().create_task(self._run(call)))

    async def _run(self, call: LineCall) -> None:
        await self._scenario(call)

    def _bye(self, incoming: IncomingCall) -> None:
        for call in self.calls:
            if call.incoming.call_id == incoming.call_id:
                call.over.set()

    @property
    def uri(self) -> str:
        host, port = self._transport.local_addr
        return f"sip:100@{host}:{port}"


class _SipProtocol(asyncio.DatagramProtocol):
    def __init__(self, owner: _Udp) -> None:
        self.owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.owner._dispatch(data, addr)


class _Udp(UdpSipTransport):
    """aiosipua's own protocol asserts a type that Python 3.11's datagram transports do not have."""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._udp_transport, _ = await loop.create_datagram_endpoint(
            lambda: _SipProtocol(self), local_addr=self.local_addr
        )


@contextlib.asynccontextmanager
async def answering(scenario: Scenario, *, tcp: bool = False, port: int = 0) -> AsyncIterator[Answerer]:
    """An answerer for the time of a test."""
    if tcp:
        transport: SipTransport = TcpSipTransport(local_addr=("127.0.0.1", port))
    else:
        transport = _Udp(local_addr=("127.0.0.1", port))
    line = Answerer(scenario, transport)
    await line.uas.start()
    if isinstance(transport, TcpSipTransport):
        assert transport._server is not None
        transport.local_addr = transport._server.sockets[0].getsockname()[:2]
    elif isinstance(transport, UdpSipTransport):
        assert transport._udp_transport is not None
        transport.local_addr = transport._udp_transport.get_extra_info("sockname")[:2]
    requests = transport.on_message
    assert requests is not None

    def noted(message: Any, addr: tuple[str, int]) -> None:
        line.requests.append(message)
        requests(message, addr)

    transport.on_message = noted
    try:
        yield line
        await asyncio.sleep(0)
        for task in line.tasks:
            if task.done():
                task.result()
    finally:
        for call in line.calls:
            if call._playing is not None:
                call._playing.cancel()
            if call.wire is not None:
                call.wire.close()
        for task in line.tasks:
            task.cancel()
        await asyncio.gather(*line.tasks, *(c._playing for c in line.calls if c._playing), return_exceptions=True)
        await line.uas.stop()
        await asyncio.sleep(0.01)


def write_clip(folder: Path, name: str, ms: int, seed: int, **arguments: str | int) -> Path:
    """A clip of noise that only its seed decides, with its sidecar, as the prompt store keeps them."""
    key = hashlib.sha256(f"{name}{seed}{arguments}".encode()).hexdigest()[:32]
    path = folder / key[:2] / key
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = random.Random(seed)
    quiet = {".al": b"\xd5", ".ul": b"\xff"}
    for suffix in (".al", ".ul"):
        body = bytes(sound.randrange(256) for _ in range(ms * 8 - 320))
        path.with_suffix(suffix).write_bytes(quiet[suffix] * 160 + body + quiet[suffix] * 160)
    about = {"name": name, "arguments": arguments, "language": "zh", "text": f"spoken {name}"}
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    return path


def call(
    scenario: Scenario, folder: Path, *, keys: str = "", tcp: bool = False, **plan: object
) -> tuple[CallOutcome, list[Moment], list[LineCall], list[str]]:
    moments: list[Moment] = []

    async def both() -> tuple[CallOutcome, list[Moment], list[LineCall], list[str]]:
        async with answering(scenario, tcp=tcp) as line:
            wanted = CallPlan(
                to=line.uri,
                keys=keys,
                prompts=folder,
                transport="tcp" if tcp else "udp",
                **{"think_ms": 120, "listen_s": 0.2, "patience_s": 2.0, "key_ms": 40, "gap_ms": 20} | plan,  # type: ignore[arg-type]
            )
            outcome = await place_call(wanted, moments.append)
            await asyncio.sleep(0.05)
            methods = [getattr(message, "method", "") for message in line.requests]
            return outcome, moments, line.calls, methods

    return asyncio.run(both())
