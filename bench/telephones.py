"""Many telephones in one loop: they dial, listen, key seven digits by RFC 4733, and measure what they get.

Plain sockets and kernel time stamps, so that the measuring side adds as little as it can. Bounded in calls and time,
on loopback only.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import select
import socket
import struct
import time
from collections.abc import Set
from dataclasses import dataclass, field

SO_TIMESTAMPNS = 35
QUIET = (0xD5, 0x55, 0xFF, 0x7F)
KEY_FRAMES, END_FRAMES, GAP_FRAMES = 4, 3, 4
SDP = (
    "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP {payload} 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)
KEYS = "0123456789*#"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What every telephone does: key these after having listened; `right` are the frames of the right answer.

    Time runs from the last key's beginning, or with `from_key_end` from its end, before which a switch tells nobody.
    """

    target: tuple[str, int]
    keys: str
    right: Set[bytes]
    payload_type: int = 8
    listen_s: float = 1.5
    caller: str = "anonymous"
    from_key_end: bool = False


@dataclass(slots=True)
class Heard:
    """What all telephones of a run measured together; times in ms."""

    calls: int = 0
    answered: int = 0
    right: int = 0
    gaps: list[float] = field(default_factory=list)
    key_to_audio: list[float] = field(default_factory=list)
    packets_per_s: list[float] = field(default_factory=list)


class Telephone:
    """One call."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.sip, self.rtp = _socket(), _socket()
        self.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._id, self._tag = secrets.token_hex(8), secrets.token_hex(4)
        self._to = f"<sip:95001@{scenario.target[0]}>"
        self._remote: tuple[str, int] | None = None
        self._sequence = 0
        self._keying: list[tuple[float, bytes]] = []
        self.answered = self.right = False
        self.gaps: list[float] = []
        self.times: list[float] = []
        self._first_sound = self._keyed_at = 0.0
        self.key_to_audio = 0.0

    def dial(self) -> None:
        self._send("INVITE", 1, SDP.format(port=self.rtp.getsockname()[1], payload=self._scenario.payload_type))

    def hang_up(self) -> None:
        self._send("BYE", 2)

    def close(self) -> None:
        self.sip.close()
        self.rtp.close()

    def on_sip(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._take(self.sip.recv(65_000).decode(errors="replace"))

    def _take(self, message: str) -> None:
        if not message.startswith("SIP/2.0 200") or "INVITE" not in message or self.answered:
            return
        if tagged := re.search(r"(?im)^To:\s*(.*?)\r?$", message):
            self._to = tagged.group(1)
        port = re.search(r"(?m)^m=audio (\d+)", message)
        self._remote = ("127.0.0.1", int(port.group(1))) if port else None
        self._send("ACK", 1)
        self.answered = True

    def on_rtp(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, ancillary, _, _ = self.rtp.recvmsg(2048, 64)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                self._sound(seconds + nanoseconds / 1e9, data[12:])

    def _sound(self, at: float, payload: bytes) -> None:
        if self.times:
            self.gaps.append((at - self.times[-1]) * 1000)
        self.times.append(at)
        if payload.strip(bytes(QUIET)) == b"":
            return
        if not self._first_sound:
            self._first_sound = at
        if self._keyed_at and at > self._keyed_at:
            if not self.key_to_audio:
                self.key_to_audio = (at - self._keyed_at) * 1000
            self.right |= payload in self._scenario.right

    def tick(self, now: float) -> None:
        """Key what is due."""
        if (
            self._first_sound
            and not self._keying
            and not self._keyed_at
            and now - self._first_sound > self._scenario.listen_s
        ):
            self._keying = self._packets(now)
        while self._keying and self._keying[0][0] <= now and self._remote:
            _, packet = self._keying.pop(0)
            if packet[:1] == b"!":
                self._keyed_at, packet = time.time(), packet[1:]
            self.rtp.sendto(packet, self._remote)

    def _packets(self, start: float) -> list[tuple[float, bytes]]:
        packets, frame = [], 0
        timed = KEY_FRAMES if self._scenario.from_key_end else 0
        for number, key in enumerate(self._scenario.keys):
            timestamp = 1000 + frame * 160
            for part in range(KEY_FRAMES + END_FRAMES):
                end = part >= KEY_FRAMES
                self._sequence += 1
                header = struct.pack("!BBHII", 0x80, 101 | (0x80 if part == 0 else 0), self._sequence, timestamp, 7)
                duration = min(part + 1, KEY_FRAMES) * 160
                event = struct.pack("!BBH", KEYS.index(key), 0x8A if end else 0x0A, duration)
                last = b"!" if number == len(self._scenario.keys) - 1 and part == timed else b""
                packets.append((start + (frame + part) * 0.02, last + header + event))
            frame += KEY_FRAMES + GAP_FRAMES
        return packets

    def _send(self, method: str, sequence: int, body: str = "") -> None:
        host, port = self.sip.getsockname()
        target = self._scenario.target
        kind = "Content-Type: application/sdp\r\n" if body else ""
        message = (
            f"{method} sip:95001@{target[0]}:{target[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
            f"From: <sip:{self._scenario.caller}@{host}>;tag={self._tag}\r\nTo: {self._to}\r\n"
            f"Call-ID: {self._id}\r\nCSeq: {sequence} {method}\r\nContact: <sip:bench@{host}:{port}>\r\n"
            f"Max-Forwards: 70\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.sip.sendto(message.encode(), target)


def run_calls(scenario: Scenario, calls: int, *, per_second: float = 15.0, together_s: float = 6.0) -> Heard:
    """All calls up at once for `together_s`, then ended. Takes calls / per_second + together_s seconds and a little."""
    telephones: list[Telephone] = []
    poll = select.epoll()
    by_fd: dict[int, tuple[Telephone, bool]] = {}
    started = time.monotonic()
    ends = started + calls / per_second + together_s + scenario.listen_s
    while (now := time.monotonic()) < ends:
        while len(telephones) < calls and now - started >= len(telephones) / per_second:
            telephone = Telephone(scenario)
            telephones.append(telephone)
            for sock, is_rtp in ((telephone.sip, False), (telephone.rtp, True)):
                by_fd[sock.fileno()] = (telephone, is_rtp)
                poll.register(sock.fileno(), select.EPOLLIN)
            telephone.dial()
        for fd, _ in poll.poll(0.004):
            telephone, is_rtp = by_fd[fd]
            telephone.on_rtp() if is_rtp else telephone.on_sip()
        clock = time.time()
        for telephone in telephones:
            telephone.tick(clock)
    for telephone in telephones:
        telephone.hang_up()
    time.sleep(0.5)
    poll.close()
    return _together(telephones)


def _together(telephones: list[Telephone]) -> Heard:
    heard = Heard(calls=len(telephones))
    for telephone in telephones:
        heard.answered += telephone.answered
        heard.right += telephone.right
        heard.gaps += telephone.gaps
        if telephone.key_to_audio:
            heard.key_to_audio.append(telephone.key_to_audio)
        if len(telephone.times) > 50:
            lasted = telephone.times[-1] - telephone.times[0]
            heard.packets_per_s.append((len(telephone.times) - 1) / lasted)
        telephone.close()
    return heard


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock
