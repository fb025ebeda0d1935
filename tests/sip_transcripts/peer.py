"""A scripted SIP telephone for transcripts: plain text over UDP, strict about what it expects, no library in it.

It must not share code with the line it tests. It answers every request of the line, and fails on one it did not expect.
"""

from __future__ import annotations

import re
import select
import socket
import uuid

SDP = (
    "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)


class ScriptedTelephone:
    """One call from `number` ("" withholds it) to the line at `target`."""

    def __init__(self, number: str, target: tuple[str, int]) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(5)
        self._target = target
        self._number = number or "anonymous"
        self._call_id = uuid.uuid4().hex
        self._tag = uuid.uuid4().hex[:8]
        self._to_tag = ""
        self._sequence = 0
        self.ended_by_line = False

    def dial(self) -> None:
        """INVITE, 200 with SDP, ACK."""
        self._send("INVITE", SDP)
        answer = self._final("INVITE")
        assert " 200 " in answer.splitlines()[0], answer
        assert "m=audio" in answer
        self._to_tag = _found(r"(?im)^To:.*;tag=([^;\s]+)", answer)
        self._send("ACK")

    @property
    def uri(self) -> str:
        """Where it can be called."""
        host, port = self._sock.getsockname()
        return f"sip:{self._number}@{host}:{port}"

    def pick_up(self) -> None:
        """It is called: INVITE, 180, 200 with SDP, ACK."""
        invite = self._receive()
        assert invite.startswith("INVITE "), invite
        self._call_id = _found(r"(?im)^Call-ID: *(\S+)", invite)
        self._to_tag = _found(r"(?im)^From:.*;tag=([^;\s]+)", invite)
        copied = [line.strip() for line in re.findall(r"(?im)^(?:Via|From|To|Call-ID|CSeq):.*$", invite)]
        tagged = [f"{line};tag={self._tag}" if line.lower().startswith("to:") else line for line in copied]
        contact = f"Contact: <{self.uri}>"
        for status, body in (("180 Ringing", ""), ("200 OK", SDP)):
            kind = ["Content-Type: application/sdp"] if body else []
            head = [f"SIP/2.0 {status}", *tagged, contact, *kind, f"Content-Length: {len(body)}"]
            self._sock.sendto(("\r\n".join([*head, "", ""]) + body).encode(), self._target)
        assert self._receive().startswith("ACK ")

    def hang_up(self) -> None:
        """BYE and its 200."""
        if not self.ended_by_line:
            self._send("BYE")
            assert " 200 " in self._final("BYE").splitlines()[0]

    def rings_with_request(self, within_s: float = 0.02) -> bool:
        """Whether the line has sent something that was not looked at yet."""
        return bool(select.select([self._sock], [], [], within_s)[0])

    def next_request(self) -> str:
        """The line's next request; it is answered."""
        request = self._receive()
        method = request.split(" ", 1)[0]
        copied = re.findall(r"(?im)^(?:Via|From|To|Call-ID|CSeq):.*$", request)
        status = "202 Accepted" if method == "REFER" else "200 OK"
        reply = "\r\n".join([f"SIP/2.0 {status}", *(line.strip() for line in copied), "Content-Length: 0", "", ""])
        self._sock.sendto(reply.encode(), self._target)
        self.ended_by_line |= method == "BYE"
        return request

    def notify(self, status: str) -> None:
        """Report how a transfer went."""
        self._send("NOTIFY", f"SIP/2.0 {status}\r\n", "Event: refer\r\nContent-Type: message/sipfrag\r\n")
        assert " 200 " in self._final("NOTIFY").splitlines()[0]

    def close(self) -> None:
        self._sock.close()

    def _send(self, method: str, body: str = "", headers: str = "") -> None:
        if method != "ACK":
            self._sequence += 1
        host, port = self._sock.getsockname()
        to_tag = f";tag={self._to_tag}" if self._to_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body == SDP else ""
        message = (
            f"{method} sip:95001@{self._target[0]}:{self._target[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid.uuid4().hex};rport\r\n"
            f"From: <sip:{self._number}@{host}>;tag={self._tag}\r\n"
            f"To: <sip:95001@{self._target[0]}>{to_tag}\r\n"
            f"Call-ID: {self._call_id}\r\nCSeq: {self._sequence} {method}\r\n"
            f"Contact: <sip:{self._number}@{host}:{port}>\r\nMax-Forwards: 70\r\n"
            f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._sock.sendto(message.encode(), self._target)

    def _final(self, method: str) -> str:
        while True:
            message = self._receive()
            if message.startswith("SIP/2.0 1"):
                continue
            assert message.startswith("SIP/2.0"), f"expected an answer to {method}, but came {message.splitlines()[0]}"
            if re.search(rf"(?im)^CSeq: *{self._sequence} {method}", message):
                return message

    def _receive(self) -> str:
        return self._sock.recv(65_000).decode()


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match.group(1)
