"""The caller's sound wire: one UDP socket that sends a frame each 20 ms (silence, keys) and takes in what comes.

RTP (RFC 3550) and telephone events (RFC 4733) only: no SIP, no naming of sounds. All on the event loop that opened it.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ivr.caller.tones import tone_frames
from speech.g711 import ALAW_SILENCE, FRAME_BYTES, ULAW_SILENCE

TICK_S = 0.02
PAYLOAD_TYPES = {"ulaw": 0, "alaw": 8}
LAWS = {0: "ulaw", 8: "alaw"}
EVENTS = {key: code for code, key in enumerate("0123456789*#ABCD")}
END_PACKETS = 3
"""RFC 4733, 2.5.1.4: the last packet of an event is sent three times."""
MOST_LOST = 250
"""A greater leap of the timestamp is a new stream, not a loss."""
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")

OnFrame = Callable[[str, bytes, int], None]
"""(law, 160 bytes, frames lost before it)."""


@dataclass(frozen=True, slots=True)
class _KeyTick:
    """What one tick sends of a key: an event packet, the last of which goes out three times."""

    code: int
    duration: int
    first: bool
    last: bool


@dataclass(slots=True)
class _Coming:
    """What was last received: to see losses, doubles and late packets."""

    sequence: int = -1
    timestamp: int = 0
    ssrc: int = -1
    rest: bytes = b""


class RtpWire(asyncio.DatagramProtocol):
    """One stream in both directions. Use `await RtpWire.open(...)`, `connect`, `press`, `await close()`."""

    def __init__(self, on_frame: OnFrame) -> None:
        self._on_frame = on_frame
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: tuple[str, int] | None = None
        self._law = "alaw"
        self._events_type = -1
        self._outgoing: deque[bytes | _KeyTick] = deque()
        self._sent_all: asyncio.Event = asyncio.Event()
        self._sequence = int.from_bytes(os.urandom(2)) >> 1
        self._timestamp = int.from_bytes(os.urandom(4)) >> 1
        self._event_timestamp = 0
        self._ssrc = int.from_bytes(os.urandom(4))
        self._coming = _Coming()
        self._pacing: asyncio.Task[None] | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.packets_in = 0
        self.packets_lost = 0
        self.worst_late_s = 0.0

    @classmethod
    async def open(cls, host: str, on_frame: OnFrame) -> RtpWire:
        """Bind a free port. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_datagram_endpoint(lambda: cls(on_frame), local_addr=(host, 0))
        return wire

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def connect(self, remote: tuple[str, int] | None, law: str, events_type: int) -> None:
        """Send there from now on, as agreed; None: on hold, send nothing."""
        self._remote, self._law, self._events_type = remote, law, events_type
        if self._pacing is None:
            self._pacing = asyncio.get_running_loop().create_task(self._pace(), name="caller-rtp")

    @property
    def takes_events(self) -> bool:
        return self._events_type >= 0

    async def press(self, keys: str, *, key_ms: int, gap_ms: int, inband: bool) -> None:
        """Send these keys, one after the other; returns when the last one and its gap are over."""
        for key in keys:
            if inband:
                self._outgoing.extend(tone_frames(key, key_ms, self._law))
            else:
                ticks = max(1, round(key_ms / 20))
                self._outgoing.extend(
                    _KeyTick(EVENTS[key], (tick + 1) * FRAME_BYTES, tick == 0, tick == ticks - 1)
                    for tick in range(ticks)
                )
            self._outgoing.extend([self._silence()] * max(1, round(gap_ms / 20)))
        self._sent_all.clear()
        await self._sent_all.wait()

    async def close(self) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
            await asyncio.gather(self._pacing, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            await self._closed

    # -- sending, a frame each 20 ms on an absolute grid

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += TICK_S
            late = loop.time() - due
            if late > TICK_S:  # go on from now: frames sent in a burst would run keys together at the other side
                due += late
                self.worst_late_s = max(self.worst_late_s, late)
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.worst_late_s = max(self.worst_late_s, loop.time() - due)
            self._tick()

    def _tick(self) -> None:
        item = self._outgoing.popleft() if self._outgoing else None
        if item is None:
            self._sent_all.set()
            item = self._silence()
        if isinstance(item, _KeyTick):
            self._send_event(item)
        else:
            self._send(PAYLOAD_TYPES[self._law], item, self._timestamp)
        self._timestamp = (self._timestamp + FRAME_BYTES) & 0xFFFFFFFF

    def _send_event(self, tick: _KeyTick) -> None:
        if tick.first:
            self._event_timestamp = self._timestamp
        payload = _EVENT.pack(tick.code, 0x8A if tick.last else 0x0A, tick.duration)
        self._send(self._events_type, payload, self._event_timestamp, marker=tick.first)
        for _ in range(END_PACKETS - 1 if tick.last else 0):
            self._send(self._events_type, payload, self._event_timestamp)

    def _send(self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = _HEADER.pack(0x80, payload_type | (0x80 if marker else 0), self._sequence, timestamp, self._ssrc)
        if self._remote is not None and self._transport is not None:
            self._transport.sendto(header + payload, self._remote)

    def _silence(self) -> bytes:
        return bytes([ULAW_SILENCE if self._law == "ulaw" else ALAW_SILENCE]) * FRAME_BYTES

    # -- receiving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: Python 3.11's own datagram transport is no DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
        if len(data) <= _HEADER.size or data[0] >> 6 != 2:
            return
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        law = LAWS.get(second & 0x7F)
        start = _HEADER.size + 4 * (first & 0x0F)
        if law is None or len(data) <= start:
            return
        lost = self._lost_before(sequence, timestamp, ssrc)
        if lost is None:
            return
        payload = data[start:]
        self.packets_in += 1
        self.packets_lost += lost
        frames = self._coming.rest + payload
        whole = len(frames) // FRAME_BYTES * FRAME_BYTES
        self._coming.rest = frames[whole:]
        self._coming.timestamp = (timestamp + len(payload)) & 0xFFFFFFFF
        for at in range(0, whole, FRAME_BYTES):
            self._on_frame(law, frames[at : at + FRAME_BYTES], lost if at == 0 else 0)

    def _lost_before(self, sequence: int, timestamp: int, ssrc: int) -> int | None:
        """How many frames are missing before this packet; None when it is old or double."""
        coming = self._coming
        if ssrc != coming.ssrc:
            self._coming = _Coming(sequence, timestamp, ssrc)
            return 0
        ahead = (sequence - coming.sequence) & 0xFFFF
        if ahead == 0 or ahead >= 0x8000:
            return None
        coming.sequence = sequence
        gap = ((timestamp - coming.timestamp) & 0xFFFFFFFF) // FRAME_BYTES
        # Without a gap in the numbers nothing was lost: the other side was silent, or sent keys.
        if ahead == 1 or gap > MOST_LOST:
            return 0
        coming.rest = b""
        return gap
