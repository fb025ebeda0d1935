"""A SIP endpoint on the bench: no sockets, a clock turned by hand, a scripted peer that reads and writes plain text.

The peer shares no code with the line. It fails on a message that is missing, and, at the end, on one nobody expected.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ivr.lines.port import LineEvent
from ivr.lines.sip.arrived import ArrivedLeg
from ivr.lines.sip.endpoint import Endpoint
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.settings import SipSettings
from ivr.lines.sip.station import Station
from tests.lines.virtual import VirtualClock, WrittenMedia

PEER = Hop("UDP", "127.0.0.1", 5080)
LINE = ("127.0.0.1", 5062)
AUDIO = "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"


def sdp(media: str = AUDIO, host: str = "127.0.0.1", session: str = "") -> str:
    return f"v=0\r\no=peer 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{session}{media}"


@dataclass
class Message:
    """One message of the line, taken apart by hand."""

    first: str
    headers: dict[str, list[str]]
    body: str
    hop: Hop

    def __getitem__(self, name: str) -> str:
        values = self.headers.get(name.lower())
        assert values, f"no {name} in:\n{self.first}\n{self.headers}"
        return values[0]

    def get(self, name: str) -> str:
        return self.headers.get(name.lower(), [""])[0]

    @property
    def method(self) -> str:
        return self.first.split(" ")[0]

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def uri(self) -> str:
        return self.first.split(" ")[1]

    def tag(self, header: str) -> str:
        found = re.search(r";tag=([^;\s]+)", self[header])
        return found[1] if found else ""


def taken_apart(data: bytes, hop: Hop) -> Message:
    head, _, body = data.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    assert int(headers["content-length"][0]) == len(body.encode())
    return Message(first, headers, body, hop)


class Bench:
    """An endpoint with everything around it written down."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.media = WrittenMedia()
        self.sent: deque[Message] = deque()
        self.events: list[tuple[str, LineEvent]] = []
        self.resolved: dict[str, str] = {}
        self.open_hops: set[Hop] = set()
        self.settings = SipSettings(port=LINE[1], **settings)
        self.station = Station(self.settings, self.clock, self.media, self, self._resolve, self._report)
        numbers = itertools.count(1)
        self.endpoint = Endpoint(self.station, lambda: f"call-{next(numbers)}")

    # -- the wires

    def send(self, data: bytes, hop: Hop) -> None:
        self.sent.append(taken_apart(data, hop))

    def is_open(self, hop: Hop) -> bool:
        return hop.transport == "UDP" or hop in self.open_hops

    def local(self, hop: Hop) -> tuple[str, int]:
        return LINE

    def receive(self, text: str | bytes, source: Hop = PEER) -> None:
        self.endpoint.receive(text.encode() if isinstance(text, str) else text, source)

    # -- the application

    def _resolve(self, host: str, then: Callable[[str | None], None]) -> None:
        then(self.resolved.get(host))

    def _report(self, call: str, event: LineEvent) -> None:
        self.events.append((call, event))

    def answer(self, call: str = "call-1") -> None:
        leg = self.endpoint.leg(call)
        assert isinstance(leg, ArrivedLeg)
        leg.answer()

    def hang_up(self, call: str = "call-1") -> None:
        leg = self.endpoint.leg(call)
        assert leg is not None
        leg.hang_up()

    def told(self, call: str = "call-1") -> list[LineEvent]:
        """The events of one call since they were last asked for."""
        found = [event for told, event in self.events if told == call]
        self.events = [(told, event) for told, event in self.events if told != call]
        return found

    # -- what is expected

    def next(self) -> Message:
        assert self.sent, "the line sent nothing (more)"
        return self.sent.popleft()

    def expect(self, *statuses: int) -> Message:
        """The next message is a response with (one of) these codes."""
        message = self.next()
        assert message.status in statuses, f"expected {statuses}, got {message.first}"
        return message

    def expect_request(self, method: str) -> Message:
        message = self.next()
        assert message.method == method, f"expected {method}, got {message.first}"
        return message

    def expect_silence(self) -> None:
        assert not self.sent, [message.first for message in self.sent]

    def finish(self) -> None:
        """Nothing unexpected was sent, nothing is left: no stream, and after a while no memory and no timer."""
        self.expect_silence()
        self.endpoint.close_calls()
        assert not self.media.open_streams
        self.clock.advance(500)
        self.sent.clear()
        assert self.endpoint.remembered == 0
        assert self.clock.pending == 0


@dataclass
class Phone:
    """The other side of one call on the bench; `tag` is its own, `line_tag` the line's once it is known."""

    bench: Bench
    number: str = "13800000001"
    source: Hop = PEER
    contact: str = "<sip:13800000001@127.0.0.1:5080>"
    call_id: str = "one@peer"
    tag: str = "theirs"
    line_tag: str = ""
    cseq: int = 0
    uri: str = "sip:4001@127.0.0.1:5062"
    branch: str = ""
    via: str = ""
    _branches: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def write(
        self, method: str, body: str = "", *, more: str = "", cseq: int | None = None, branch: str = "", kind: str = ""
    ) -> str:
        """One request as text."""
        if cseq is None and method not in ("ACK", "CANCEL"):
            self.cseq += 1
        number = self.cseq if cseq is None else cseq
        if not branch:
            branch = self.branch if method == "CANCEL" else f"z9hG4bK{self.tag}{next(self._branches)}"
        if method != "ACK":
            self.branch = branch
        to_tag = f";tag={self.line_tag}" if self.line_tag and method != "CANCEL" else ""
        kind = kind or ("application/sdp" if body else "")
        transport = self.source.transport
        return (
            f"{method} {self.uri} SIP/2.0\r\n"
            f"Via: {self.via or f'SIP/2.0/{transport} {self.source.host}:{self.source.port}'};branch={branch};rport\r\n"
            f"From: <sip:{self.number}@peer.example>;tag={self.tag}\r\n"
            f"To: <sip:4001@line.example>{to_tag}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: {self.contact}\r\n{more}"
            + (f"Content-Type: {kind}\r\n" if kind else "")
            + f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def send(self, method: str, body: str = "", **how: Any) -> str:
        """Send a request; returns its text, to be sent again."""
        text = self.write(method, body, **how)
        self.bench.receive(text, self.source)
        return text

    def invite(self, body: str | None = None, **how: Any) -> str:
        """INVITE and the 100 that answers it."""
        text = self.send("INVITE", sdp() if body is None else body, **how)
        self.bench.expect(100)
        return text

    def take_answer(self) -> Message:
        """The 200 to the INVITE, acknowledged."""
        answer = self.bench.expect(200)
        self.line_tag = answer.tag("To")
        self.send("ACK")
        return answer

    def call(self, body: str | None = None, **how: Any) -> Message:
        """A whole call up to its ACK; the answer."""
        self.invite(body, **how)
        self.bench.answer(self.bench.media.opened[-1])
        return self.take_answer()

    def reply(self, request: Message, status: int, *, body: str = "", more: str = "", tag: str | None = None) -> str:
        """Answer a request of the line."""
        vias = "".join(f"Via: {via}\r\n" for via in request.headers["via"])
        to = request["To"]
        if ";tag=" not in to and status > 100:
            to += f";tag={self.tag if tag is None else tag}"
        text = (
            f"SIP/2.0 {status} Some Reason\r\n{vias}From: {request['From']}\r\nTo: {to}\r\n"
            f"Call-ID: {request['Call-ID']}\r\nCSeq: {request['CSeq']}\r\n"
            + (f"Contact: {self.contact}\r\n" if self.contact else "")
            + more
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        self.bench.receive(text, self.source)
        return text


def digest(request: Message, header: str, password: str) -> bool:
    """RFC 7616 by hand, with qop=auth."""
    value = dict(re.findall(r'(\w+)="?([^",]+)"?', request[header]))
    secret = hashlib.md5(f"{value['username']}:{value['realm']}:{password}".encode()).hexdigest()
    what = hashlib.md5(f"{request.method}:{value['uri']}".encode()).hexdigest()
    joined = f"{secret}:{value['nonce']}:{value['nc']}:{value['cnonce']}:auth:{what}"
    return value["response"] == hashlib.md5(joined.encode()).hexdigest() and value["uri"] == request.uri
