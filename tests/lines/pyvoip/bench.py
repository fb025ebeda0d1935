"""pyVoIP on the bench: the switchboard without sockets, a clock turned by hand, and the PBX played by the test."""

from __future__ import annotations

from collections import deque
from typing import Any

from ivr.lines.port import LineEvent
from ivr.lines.pyvoip.intake import Intake
from ivr.lines.pyvoip.library import load_phone
from ivr.lines.pyvoip.settings import PyVoipSettings
from ivr.lines.pyvoip.switchboard import Switchboard
from ivr.lines.sip.doorkeeper import Complaints
from tests.lines.sip.bench import PEER, Bench, Message
from tests.lines.virtual import VirtualClock, WrittenMedia

OWN = ("127.0.0.1", 5064)
CHALLENGE = 'WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5\r\n'


class PyVoipBench(Bench):
    """As `Bench`, registered; `board` takes the place of the endpoint."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.media = WrittenMedia()
        self.sent: deque[Message] = deque()
        self.events: list[tuple[str, LineEvent]] = []
        found = PyVoipSettings((PEER.host, PEER.port), "600", "secret", **settings)
        self.board = Switchboard(found, self.clock, self.media, self.send, self._report)
        self.intake = Intake(self.board, PEER, self.send, Complaints(clock=self.clock.now))
        phone = load_phone().Phone(found.server, found.username, found.password, OWN, self.board.rings)
        self.board.phone = phone
        phone.begin(self.board.carrier, self.board.description_of, found.expires_s)

    def receive(self, text: str | bytes, source: Any = PEER) -> None:
        self.intake.receive(text.encode() if isinstance(text, str) else text, source)

    def answer(self, call: str = "") -> None:
        self.board.answer(self.board.calls[call or self.call])

    def hang_up(self, call: str = "") -> None:
        self.board.end(self.board.calls[call or self.call], "we_hung_up")

    @property
    def call(self) -> str:
        return self.media.opened[-1]

    def told(self, call: str = "") -> list[LineEvent]:
        return super().told(call or self.call)

    def finish(self) -> None:
        self.expect_silence()
        for call in list(self.board.calls.values()):
            self.board.end(call, "line_closed")
        self.board.phone.sip.stop()
        assert not self.media.open_streams
        self.clock.advance(500)
        assert self.board.remembered == 0
        assert self.clock.pending == 0
