"""One stream inside the media process: the frame it sends next, and what the packets it gets mean.

Sound and keys of one call; knows its socket, not the loop that drives it. Nothing here waits.
"""

from __future__ import annotations

import itertools
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator

from ivr.bounces import Bounces
from ivr.media import protocol, rtp
from ivr.media.port import Law, StreamPlan
from ivr.media.tones import ToneReceiver
from speech.g711 import ALAW_SILENCE, FRAME_BYTES, ULAW_SILENCE, decode_alaw, decode_ulaw

Tell = Callable[[protocol.Report], None]
Load = Callable[[str, tuple[str, str], Law], bytes]

FRAME_MS = 20
SILENCE = {"ulaw": bytes([ULAW_SILENCE]) * FRAME_BYTES, "alaw": bytes([ALAW_SILENCE]) * FRAME_BYTES}
SILENT_AFTER_S = 5.0


class Stream:
    """`tell` reports to the application; `load` gives a file's G.711 bytes, for a stream."""

    def __init__(self, name: str, sock: socket.socket, tell: Tell, load: Load) -> None:
        self.name = name
        self.sock = sock
        self.sent = self.received = self.refused = 0
        self._tell = tell
        self._load = load
        self._plan: StreamPlan | None = None
        self._remote: tuple[str, int] = ("", 0)
        self._latched = False
        self._frames: deque[memoryview] = deque()
        self._files: list[tuple[str, str]] = []
        self._tag: int | None = None
        self._heard_frames = 0
        self._keys_in = rtp.KeyReceiver()
        self._tone_bounces = Bounces()
        self._keys_out = rtp.KeySender()
        self._tones: ToneReceiver | None = None
        self._packet = bytearray(rtp.HEADER.size + FRAME_BYTES)
        self._sequence = secrets.randbelow(0x8000)
        self._timestamp = secrets.randbelow(0x8000_0000)
        self._ssrc = secrets.randbits(32)
        self._talking = False
        self._last_packet = time.monotonic()
        self._silences = 0
        self._spoke = False

    # -- told by the application

    def connect(self, plan: StreamPlan) -> None:
        other_law = self._plan is not None and self._plan.law != plan.law
        self._plan = plan
        self._remote = plan.remote
        self._latched = not plan.symmetric
        self._tones = ToneReceiver() if plan.inband_keys else None
        self._last_packet = time.monotonic()
        self._silences = 0
        if other_law and self._frames:
            self._frames = deque(itertools.islice(self._framed(), self._heard_frames, None))

    def play(self, tag: int, files: list[tuple[str, str]]) -> None:
        self._heard_frames = 0
        self._tag, self._files = tag, files
        self._frames = deque(self._framed())
        if not self._frames:
            self._ended()

    def _framed(self) -> Iterator[memoryview]:
        law: Law = self._plan.law if self._plan else "ulaw"
        for file in self._files:
            sound = memoryview(self._load(self.name, file, law))
            for at in range(0, len(sound) - FRAME_BYTES + 1, FRAME_BYTES):
                yield sound[at : at + FRAME_BYTES]

    def stop(self) -> None:
        self._frames.clear()
        self._tag = None
        self._heard_frames = 0

    def press(self, keys: str) -> None:
        self._keys_out.press(keys)

    def key(self, key: str) -> None:
        """A key, by whatever way: silence from the next frame on, then the application is told."""
        playing, heard_ms = self._tag, self._heard_frames * FRAME_MS
        self.stop()
        self._tell(protocol.KeyHeard(self.name, key, time.time(), heard_ms, playing))

    # -- once every 20 ms

    def send_frame(self) -> None:
        """The next frame: a key's packet, sound, or silence. Errors of the network are the network's."""
        plan = self._plan
        self._timestamp = (self._timestamp + FRAME_BYTES) & 0xFFFF_FFFF
        if plan is None or not plan.sending or not self._remote[1]:
            return
        if self._keys_out.busy and plan.keys_payload_type >= 0:
            event = self._keys_out.next(self._timestamp)
            if event:
                self._send(plan.keys_payload_type, *event)
                return
        talking = bool(self._frames)
        payload = self._frames.popleft() if talking else SILENCE[plan.law]
        self._send(plan.payload_type, self._timestamp, payload, talking and not self._talking)
        self._talking = talking
        if talking:
            self._heard_frames += 1
            if not self._frames:
                self._ended()

    def _ended(self) -> None:
        if self._tag is not None:
            self._tell(protocol.PlayEnded(self.name, self._tag))
        self.stop()

    def _send(self, payload_type: int, timestamp: int, payload: bytes | memoryview, marker: bool) -> None:
        packet, size = self._packet, rtp.HEADER.size + len(payload)
        second = payload_type | (0x80 if marker else 0)
        self._sequence = (self._sequence + 1) & 0xFFFF
        struct.pack_into("!BBHII", packet, 0, 0x80, second, self._sequence, timestamp, self._ssrc)
        packet[rtp.HEADER.size : size] = payload
        try:
            self.sock.sendto(memoryview(packet)[:size], self._remote)
            self.sent += 1
        except OSError:
            self.refused += 1

    def check_silence(self, now: float) -> None:
        """Tell when nothing came for SILENT_AFTER_S although something should, and again after each as long."""
        if self._plan is None or not self._plan.receiving:
            self._last_packet = now
            return
        silent = now - self._last_packet
        if silent >= SILENT_AFTER_S * (self._silences + 1):
            self._silences += 1
            self._tell(protocol.FellSilent(self.name, silent, self._spoke))

    # -- whenever a packet comes

    def take(self, data: memoryview, source: tuple[str, int]) -> None:
        """One datagram; anything that is not this call's RTP is dropped."""
        plan = self._plan
        packet = rtp.parse(data)
        if plan is None or packet is None:
            self.refused += 1
            return
        if packet.payload_type not in (plan.payload_type, plan.keys_payload_type):
            self.refused += 1
            if source == self._remote:
                self._lives()  # Comfort noise, say: nothing we take, but its phone is there.
            return
        if not self._latch(source):
            self.refused += 1
            return
        self.received += 1
        self._lives()
        if packet.payload_type == plan.keys_payload_type:
            if pressed := self._keys_in.key(packet):
                self.key(pressed)
        elif self._tones is not None:
            decoded = decode_ulaw(packet.payload) if plan.law == "ulaw" else decode_alaw(packet.payload)
            for pressed in self._tones.keys(decoded):
                if not self._tone_bounces.is_bounce(pressed, packet.timestamp / rtp.TIMESTAMPS_A_SECOND):
                    self.key(pressed)

    def _lives(self) -> None:
        self._last_packet, self._silences, self._spoke = time.monotonic(), 0, True

    def _latch(self, source: tuple[str, int]) -> bool:
        """Behind an address translator the sound comes from elsewhere than was said: believe the first, once.

        The first that comes from where it was said settles it too: a later stranger is a thief.
        """
        if self._latched:
            return source == self._remote
        self._latched, self._remote = True, source
        return True
