"""A telephone for tests on real sockets: plain-text SIP over UDP, RTP both ways. Shares no code with the line.

It answers what a phone answers by itself (BYE, OPTIONS, NOTIFY, INFO, re-INVITE), remembers everything, and tells what
it hears by the bytes of the clips, each of which the tests make of one value.
"""

from __future__ import annotations

import queue
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lines.sound import Sound

LAW_NUMBERS = {"alaw": 8, "ulaw": 0}
PATIENCE_S = 6.0


def wait_for(what: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Poll until it holds; an AssertionError otherwise."""
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.005)


@dataclass
class Text:
    """One SIP message, as text."""

    text: str

    @property
    def first(self) -> str:
        return self.text.split("\r\n", 1)[0]

    @property
    def method(self) -> str:
        return self.first.split(" ")[0]

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]

    def get(self, name: str) -> str:
        found = re.search(rf"(?im)^{name}:\s*(.*?)\s*$", self.text.partition("\r\n\r\n")[0])
        return found[1] if found else ""

    def tag(self, header: str) -> str:
        found = re.search(r";tag=([^;>\s]+)", self.get(header))
        return found[1] if found else ""

    def echoed(self) -> str:
        """What every response repeats."""
        head = self.text.partition("\r\n\r\n")[0]
        return "".join(
            f"{line}\r\n" for line in re.findall(r"(?im)^(?:Via|From|To|Call-ID|CSeq):.*$", head.replace("\r", ""))
        )


@dataclass
class Telephone:
    """`target` is the line's SIP address; `law` what it offers; `events` whether it offers telephone-event."""

    target: tuple[str, int] = ("127.0.0.1", 5062)
    number: str = "13800000001"
    called: str = "4001"
    law: str = "alaw"
    events: bool = True
    replies: dict[str, int] = field(default_factory=dict)
    """What to answer to requests of the line instead of 200, by method."""
    muted: bool = False
    """A phone whose battery is out: nothing is answered."""
    own_port: int = 0
    """Where it listens; 0 for any port."""
    own_host: str = "127.0.0.1"
    """By this address a PBX tells trunks apart."""

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((self.own_host, self.own_port))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.sound = Sound()
        self.call_id = uuid.uuid4().hex
        self.own_tag = uuid.uuid4().hex[:8]
        self.line_tag = ""
        self.routes = self.contact = ""
        self.cseq = 0
        self.branch = ""
        self.remote_party = f"<sip:{self.called}@{self.target[0]}>"
        self.requests: list[Text] = []
        self.invited: Text | None = None
        self.responses: queue.Queue[Text] = queue.Queue()
        self.ended = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._listen, name="test-phone", daemon=True)
        self._thread.start()

    # -- calling

    def invite(self) -> None:
        self.send("INVITE", self.description())

    def take_answer(self, within_s: float = PATIENCE_S) -> Text:
        """The 200, acknowledged; sound can begin."""
        answer = self.final(within_s)
        assert answer.status == 200, answer.text
        self.line_tag = answer.tag("To")
        self.take_route(answer)
        self.take_description(answer.body)
        self.send("ACK")
        return answer

    def final(self, within_s: float = PATIENCE_S, method: str = "INVITE") -> Text:
        deadline = time.monotonic() + within_s
        while True:
            response = self.responses.get(timeout=max(0.01, deadline - time.monotonic()))
            if response.status >= 200 and response.get("CSeq").endswith(method):
                if response.status >= 300 and method == "INVITE":
                    self.line_tag = response.tag("To")
                    self.send("ACK", branch=self.branch)
                return response

    def cancel(self) -> None:
        self.send("CANCEL")

    def press(self, key: str, way: str = "event") -> None:
        if way == "info":
            self.send("INFO", f"Signal={key}\r\nDuration=160\r\n", kind="application/dtmf-relay")
        else:
            self.sound.press(key)

    def hang_up(self) -> None:
        if not self.ended.is_set():
            self.send("BYE")
            self.final(method="BYE")

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self.sock.close()
        self.sound.close()

    def take_route(self, answer: Text) -> None:
        """By whom the call came, as a proxy between has written: what follows goes the same way."""
        hops = re.findall(r"(?im)^Record-Route:\s*(.*?)\s*$", answer.text.partition("\r\n\r\n")[0])
        contact = re.search(r"<([^>]+)>", answer.get("Contact"))
        if hops and contact:
            self.routes = "".join(f"Route: {hop}\r\n" for hop in reversed(hops))
            self.contact = contact[1]

    # -- writing

    def description(self, direction: str = "sendrecv") -> str:
        number = LAW_NUMBERS[self.law]
        events = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n" if self.events else ""
        return (
            f"v=0\r\no=t 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.sound.port} RTP/AVP {number}{' 101' if self.events else ''}\r\n{events}a={direction}\r\n"
        )

    def take_description(self, body: str) -> None:
        host, port = re.search(r"c=IN IP4 (\S+)", body), re.search(r"m=audio (\d+)", body)
        assert host is not None
        assert port is not None
        self.sound.to = (host[1], int(port[1]))

    def send(
        self, method: str, body: str = "", *, kind: str = "application/sdp", branch: str = "", more: str = ""
    ) -> None:
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        if method != "CANCEL":
            fresh = branch or f"z9hG4bK{uuid.uuid4().hex[:12]}"
            self.branch = self.branch if method == "ACK" and not branch else fresh
            branch = fresh
        tag = f";tag={self.line_tag}" if self.line_tag and method != "CANCEL" else ""
        host, port = self.target
        uri = self.contact or f"sip:{self.called}@{host}:{port}"
        text = (
            f"{method} {uri} SIP/2.0\r\n{self.routes}"
            f"Via: SIP/2.0/UDP {self.own_host}:{self.port};branch={branch or self.branch};rport\r\n"
            f"From: <sip:{self.number}@127.0.0.1>;tag={self.own_tag}\r\nTo: {self.remote_party}{tag}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{self.number}@{self.own_host}:{self.port}>\r\n{more}"
            + (f"Content-Type: {kind}\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.sock.sendto(text.encode(), self.target)

    def reply(self, request: Text, status: int, body: str = "", *, more: str = "") -> None:
        echoed = request.echoed()
        if ";tag=" not in request.get("To") and status > 100:
            echoed = re.sub(r"(?im)^(To:.*?)\r?$", rf"\1;tag={self.own_tag}", echoed)
        text = (
            f"SIP/2.0 {status} Reason\r\n{echoed}Contact: <sip:{self.number}@{self.own_host}:{self.port}>\r\n{more}"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.sock.sendto(text.encode(), self.target)

    # -- listening

    def _listen(self) -> None:
        while not self._over:
            try:
                data, source = self.sock.recvfrom(65535)
            except (TimeoutError, OSError):
                continue
            message = Text(data.decode("utf-8", "replace"))
            if self.muted:
                continue
            if message.status:
                self.responses.put(message)
            else:
                self.target = source
                self._take(message)

    def _take(self, request: Text) -> None:
        repeated = any(known.get("CSeq") == request.get("CSeq") for known in self.requests)
        self.requests.append(request)
        if request.method == "ACK":
            return
        if request.method == "INVITE" and not self.line_tag:
            if not repeated:
                self.called_by_line(request)
            return
        if request.method == "CANCEL" and self.invited is not None:
            self.reply(request, 200)
            self.reply(self.invited, 487)
            return
        status = self.replies.get(request.method, 202 if request.method == "REFER" else 200)
        body = ""
        if request.method == "INVITE" and status == 200:
            self.take_description(request.body)
            body = self.description()
        self.reply(request, status, body)
        if request.method == "BYE":
            self.ended.set()

    def called_by_line(self, invite: Text) -> None:
        """The line calls us: as told in `replies`; 183 with sound, then 200, without."""
        self.call_id, self.line_tag = invite.get("Call-ID"), invite.tag("From")
        self.remote_party = re.sub(r";tag=.*", "", invite.get("From"))
        self.invited = invite
        status = self.replies.get("INVITE", 200)
        if status == 0:
            self.line_tag = ""
            return
        if status < 200:
            self.reply(invite, status)
            return
        if status == 200:
            self.take_description(invite.body)
        self.reply(invite, status, self.description() if status == 200 else "")
