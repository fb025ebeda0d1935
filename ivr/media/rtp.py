"""RTP packets and telephone events as they lie on the wire: parsing what is hostile, writing what is ours.

RFC 3550 for packets, RFC 4733 for keys. No sockets, no clock.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ivr.bounces import Bounces

HEADER = struct.Struct("!BBHII")
EVENT = struct.Struct("!BBH")
KEYS = "0123456789*#ABCD"
LARGEST = 1500
TIMESTAMPS_A_FRAME = 160
TIMESTAMPS_A_SECOND = 8000
END_BIT = 0x80
VOLUME = 10


@dataclass(frozen=True, slots=True)
class Packet:
    """One valid packet; `payload` is without header extension and padding."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: memoryview


def parse(data: memoryview) -> Packet | None:
    """The packet, or None for anything that is none (RFC 3550 A.1)."""
    if not HEADER.size <= len(data) <= LARGEST:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    start = HEADER.size + 4 * (first & 0x0F)
    end = len(data)
    if first & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[end - 1]
    if start > end:
        return None
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[start:end])


@dataclass(slots=True)
class KeyReceiver:
    """Telephone events in, keys out: each key once, whichever of its packets arrive.

    All packets of one key share its timestamp (RFC 4733 §2.5.1.2), so a key is reported with the first packet seen of
    a timestamp; a late packet of an earlier key is known by it too. Whether it bounced is told by these timestamps, not
    by arrival: a network may deliver in one moment what was pressed in a second.
    """

    _seen: list[tuple[int, int]] = field(default_factory=list)
    _bounces: Bounces = field(default_factory=Bounces)
    _last: tuple[int, int] = (-1, 0)
    _pressed_s: float = 0.0

    def key(self, packet: Packet) -> str | None:
        """The key that this packet is the first one of, or None."""
        if len(packet.payload) < EVENT.size:
            return None
        event, _, _ = EVENT.unpack_from(packet.payload)
        mark = (packet.ssrc, packet.timestamp)
        if event >= len(KEYS) or mark in self._seen:
            return None
        self._seen = [*self._seen[-15:], mark]
        return None if self._bounces.is_bounce(KEYS[event], self._pressed_at(*mark)) else KEYS[event]

    def _pressed_at(self, ssrc: int, timestamp: int) -> float:
        """Seconds of the other side's clock; another source begins far from the one before."""
        gone_by = (timestamp - self._last[1] + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        self._pressed_s += gone_by / TIMESTAMPS_A_SECOND if ssrc == self._last[0] else 10.0
        self._last = (ssrc, timestamp)
        return self._pressed_s


def event_payload(key: str, duration: int, *, end: bool) -> bytes:
    """One telephone event; `duration` in timestamp units since the key began."""
    return EVENT.pack(KEYS.index(key), VOLUME | (END_BIT if end else 0), min(duration, 0xFFFF))


@dataclass(slots=True)
class KeySender:
    """Keys out as packets, one call of `next` a frame: 100 ms of key, the end three times, 80 ms of pause."""

    frames: int = 5
    gap_frames: int = 4
    _waiting: list[str] = field(default_factory=list)
    _frame: int = 0
    _timestamp: int = 0

    def press(self, keys: str) -> None:
        self._waiting += [key for key in keys if key in KEYS]

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def next(self, timestamp: int) -> tuple[int, bytes, bool] | None:
        """(timestamp, payload, marker) to send in this frame instead of audio, or None for the pause between keys."""
        key = self._waiting[0]
        if self._frame == 0:
            self._timestamp = timestamp
        frame, self._frame = self._frame, self._frame + 1
        if frame < self.frames:
            return self._timestamp, event_payload(key, (frame + 1) * TIMESTAMPS_A_FRAME, end=False), frame == 0
        if frame < self.frames + 3:
            return self._timestamp, event_payload(key, self.frames * TIMESTAMPS_A_FRAME, end=True), False
        if frame >= self.frames + 3 + self.gap_frames - 1:
            self._waiting.pop(0)
            self._frame = 0
        return None
