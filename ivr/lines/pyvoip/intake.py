"""What comes off the wire for pyVoIP, sifted: only the PBX is heard, each request once, and nothing unsound."""

from __future__ import annotations

import structlog

from ivr.lines.pyvoip.switchboard import Switchboard
from ivr.lines.sip.doorkeeper import Complaints
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.reading import Flaw, Request, Response, read
from ivr.lines.sip.replies import refusal, response_to
from ivr.lines.sip.served import Send

log = structlog.get_logger(__name__)


class Intake:
    """Stands before the switchboard."""

    def __init__(self, board: Switchboard, pbx: Hop, send: Send, complain: Complaints) -> None:
        self._board = board
        self._pbx = pbx
        self._send = send
        self._complain = complain

    def receive(self, data: bytes, source: Hop) -> None:
        """One datagram; raises only for faults of our own."""
        if source.host != self._pbx.host:
            self._complain("pyvoip_stranger_ignored", source.host)
            return
        found = read(data, source)
        if isinstance(found, Response):
            self._board.asked.heard(found)
        elif isinstance(found, Flaw):
            self._complain("pyvoip_message_flawed", source.host, reason=found.reason[:100])
            if found.request is not None and found.reply_to is not None and found.request.method != "ACK":
                self._send(bytes(response_to(found.request, found.status, found.phrase)), found.reply_to)
        elif found is not None:
            self._take(found)

    def _take(self, request: Request) -> None:
        known = self._board.served.known(request)
        if request.method == "ACK":
            self._board.acknowledged(request, known)
        elif known is not None:
            known.repeated()
        elif self._board.served.is_full:
            self._send(bytes(refusal(request, 503)), request.reply_to)
        else:
            served = self._board.served.begin(request)
            try:
                self._board.serve(served)
            except Exception:
                log.exception("pyvoip_request_fault", method=request.method)
                served.refuse(500)
