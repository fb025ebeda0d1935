"""A call that came in: taken or refused, cancelled or answered. What follows the answer is in `leg`."""

from __future__ import annotations

from typing import Literal

import structlog
from aiosipua import Dialog, create_dialog_from_request

from ivr.lines.port import Arrived
from ivr.lines.sip.clock import Timer
from ivr.lines.sip.hop import unquoted
from ivr.lines.sip.leg import Cause, Leg
from ivr.lines.sip.numbers import called_of, caller_of
from ivr.lines.sip.reading import Request
from ivr.lines.sip.replies import response_to
from ivr.lines.sip.served import Served
from ivr.lines.sip.session import Session, answer_session, session_headers
from ivr.lines.sip.station import Station
from ivr.lines.sip.terms import Agreement

log = structlog.get_logger(__name__)

REFUSALS = {"busy": 486, "unavailable": 503, "forbidden": 403}
RETRY_AFTER_S = "5"


class ArrivedLeg(Leg):
    """`served` is its INVITE, already found acceptable."""

    def __init__(self, call: str, station: Station, served: Served, address: tuple[str, int]) -> None:
        super().__init__(call, station, dialog_of(served.request), served.request.source, address)
        self._invite = served
        self._answer_sdp = ""
        self._agreed: Agreement | None = None
        self._timers: list[Timer] = []

    def negotiate(self) -> None:
        """Settle the terms. Raises NotAcceptable. Without an offer, ours goes out with the answer."""
        offer = self._invite.request.sdp
        if offer is not None:
            self._answer_sdp, self._agreed = self.terms.answer(offer)

    def is_of(self, served: Served) -> bool:
        """Whether this INVITE began the call."""
        return self._invite is served

    def arrive(self) -> None:
        """Tell the application."""
        request, station = self._invite.request, self.station
        self._invite.answer(response_to(request.message, 100))
        settings = station.settings
        if "100rel" not in request.tokens("require"):
            self._timers.append(station.clock.call_later(settings.ringing_after_s, self._ring))
        self._timers.append(station.clock.call_later(settings.answer_within_s, self._neglected))
        caller = caller_of(request.message, asserted=station.is_trusted(request.source.host))
        self.tell(Arrived(caller, called_of(request.message), station.clock.wall()))

    def answer(self) -> None:
        """Pick up. Nothing happens for a call that was answered, cancelled or refused."""
        if self.answered or self.is_over or self._invite.is_final:
            return
        self._stop_waiting()
        settings, request = self.station.settings, self._invite.request
        session = answer_session(request, settings.session_expires_s, settings.min_session_s)
        assert isinstance(session, Session)  # An interval too short was refused before the call arrived.
        self.answered = True
        self.dialog.confirm()
        offer = "" if self._agreed else self.terms.offer()
        if self._agreed:
            # The stream is open before the answer says so: the first packet finds it.
            self.agree(self._agreed)
        headers = session_headers(session, request)
        self.changes.accept(self._invite, headers, self._answer_sdp or offer, offered=not self._agreed)
        self.liveness.begin(session, request)

    def reject(self, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        """Refuse a call that was not answered."""
        if not self.answered and not self.is_over:
            self._refuse(REFUSALS[cause])
            self.end("we_hung_up")

    def cancelled(self) -> None:
        """The caller gave up before we answered; after that its CANCEL means nothing (§9.2)."""
        if not self.answered and not self.is_over:
            self._refuse(487)
            self.end("caller_hung_up")

    def hang_up(self, cause: Cause = "we_hung_up") -> None:
        if not self.answered and not self.is_over:
            self._refuse(503 if cause == "line_closed" else 480)
        super().hang_up(cause)

    def end(self, cause: Cause) -> None:
        self._stop_waiting()
        if not self.answered and not self._invite.is_final:
            self._refuse(487)  # A BYE before the answer ends the INVITE too (§15.1.2).
        super().end(cause)

    def _refuse(self, status: int) -> None:
        headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else None
        self._invite.refuse(status, headers=headers, tag=self.dialog.local_tag)

    def _ring(self) -> None:
        if not self.answered and not self.is_over:
            self.reply(self._invite, 180)

    def _neglected(self) -> None:
        if not self.answered and not self.is_over:
            log.error("call_neglected", call=self.call)
            self._refuse(480)
            self.end("line_closed")

    def _stop_waiting(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def dialog_of(request: Request) -> Dialog:
    """The dialog of an INVITE, from our side. URIs are kept as they were written: others compare them as text."""
    dialog = create_dialog_from_request(request.message)
    dialog.remote_uri = written_uri(request.header("from"))
    dialog.local_uri = written_uri(request.header("to"))
    dialog.remote_tag = request.from_tag
    # In order for the side that answers (§12.1.1); aiosipua reverses it here too, which is the caller's way.
    dialog.route_set = list(request.message.headers.get("record-route"))
    dialog.remote_cseq = request.cseq
    return dialog


def written_uri(header: str) -> str:
    """The URI of a From or To header as it stands there, without parameters of the header."""
    before, bracket, rest = unquoted(header).partition("<")
    return rest.partition(">")[0] if bracket else before.partition(";")[0].strip()
