"""The calls of the pyVoIP line: what the PBX sends is given to pyVoIP, what pyVoIP writes is carried to the PBX.

Stands where pyVoIP's sockets and threads were. Owns the tables of calls; the line holds its lock. Tables are emptied
with the last answer of a call, which pyVoIP alone never does.
"""

from __future__ import annotations

import secrets
from typing import Any, Literal

import structlog

from ivr.lines.port import Arrived, Gone, Interrupted, Key, LineEvent, LineEvents, PlayEnded
from ivr.lines.pyvoip.carrier import WireCarrier, as_pyvoip
from ivr.lines.pyvoip.conversation import Conversation
from ivr.lines.pyvoip.settings import PyVoipSettings
from ivr.lines.sip.clock import Clock
from ivr.lines.sip.doorkeeper import Complaints
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.leg import Cause
from ivr.lines.sip.numbers import called_of, caller_of, key_of_info
from ivr.lines.sip.reading import Request
from ivr.lines.sip.replies import response_to
from ivr.lines.sip.served import Send, Served
from ivr.lines.sip.terms import NotAcceptable, Terms
from ivr.media.port import ClipsEnded, Law, MediaPort, StreamEvent, StreamKey, StreamRestarted, StreamSilent

log = structlog.get_logger(__name__)

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"
LAWS: tuple[Law, ...] = ("alaw", "ulaw")
REFUSALS = {
    "busy": (486, "Busy Here"),
    "unavailable": (503, "Service Unavailable"),
    "forbidden": (403, "Forbidden"),
    "terminated": (487, "Request Terminated"),
    "neglected": (480, "Temporarily Unavailable"),
}


class Switchboard:
    """`phone` is set before the first call."""

    def __init__(
        self, settings: PyVoipSettings, clock: Clock, media: MediaPort, send: Send, report: LineEvents
    ) -> None:
        self.calls: dict[str, Conversation] = {}
        self._pbx = Hop("UDP", *settings.server)
        self.carrier = WireCarrier(send, clock, self._pbx, self._source_of)
        self.served, self.asked = self.carrier.served, self.carrier.asked
        self.phone: Any = None
        self.is_closing = False
        self._settings = settings
        self._clock = clock
        self._media = media
        self._tell_application = report
        self._complain = Complaints(clock=clock.now)
        self._by_sip: dict[str, Conversation] = {}
        laws: tuple[Law, ...] = tuple(law for law in LAWS if law in settings.laws)
        self._laws = tuple(sorted(laws, key=settings.laws.index))

    def _report(self, call: str, event: LineEvent) -> None:
        """A fault of the application must not break a call's own order here."""
        try:
            self._tell_application(call, event)
        except Exception:
            log.exception("report_fault", call=call)

    def _source_of(self, sip_id: str) -> Hop | None:
        call = self._by_sip.get(sip_id)
        return call.invite.request.source if call else None

    def description_of(self, sip_id: str) -> str:
        """Our session description for this call."""
        return self._by_sip[sip_id].description

    @property
    def remembered(self) -> int:
        kept = len(self.phone.calls) + len(self.phone.sip.tagLibrary) - 1 if self.phone else 0
        return len(self.calls) + len(self._by_sip) + len(self.served) + len(self.asked) + kept

    @property
    def is_quiet(self) -> bool:
        """Every call is over on the wire too, and nothing of ours waits for an answer."""
        return not self._by_sip and not self.asked.unanswered

    def leave(self) -> None:
        """The line closes now: who never acknowledged its answer gets the BYE all the same."""
        for call in list(self._by_sip.values()):
            if call.bye_due:
                self._say_bye(call)

    # -- what the line wants

    def answer(self, call: Conversation) -> None:
        """Pick up, once."""
        if call.answered:
            return
        self._stop_waiting(call)
        call.answered = True
        if call.agreement:
            self._media.connect(call.id, call.agreement.plan)
        self._expect_ack(call, call.invite)
        call.voip.answer()

    def reject(self, call: Conversation, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        if not call.answered:
            self._refuse(call, cause)
            self._over(call, "we_hung_up")

    def heard_stream(self, stream: str, event: StreamEvent) -> None:
        """The media process reports."""
        call = self.calls.get(stream)
        if call is None or not call.answered:
            return
        match event:
            case StreamKey(key, at, heard_ms, playing):
                if call.keys.returned(key, self._clock.now()):
                    self._report(stream, Key(key, at, heard_ms, playing))
            case ClipsEnded(tag):
                self._report(stream, PlayEnded(tag))
            case StreamRestarted():
                self._report(stream, Interrupted("media_restarted"))
            # Who spoke before may only be saving silence: what became of him the PBX knows, and tells in time.
            case StreamSilent(for_s, spoke) if 0 < self._settings.dead_after_s * (4 if spoke else 1) <= for_s:
                log.warning("call_silent", call=stream, for_s=round(for_s, 1))
                self.end(call, "dead_line")

    # -- what the PBX wants

    def serve(self, served: Served) -> None:
        """Answer one request, or leave that to pyVoIP."""
        request = served.request
        call = self._by_sip.get(request.call_id)
        if request.method == "CANCEL":
            self._cancelled(served)
        elif request.method == "OPTIONS":
            served.answer(response_to(request.message, 200, headers={"Allow": ALLOW, "Accept": "application/sdp"}))
        elif request.method == "INVITE" and not request.to_tag:
            self._invited(served)
        elif request.method not in ("INVITE", "BYE", "INFO"):
            served.refuse(405, headers={"Allow": ALLOW})
        elif call is None or request.to_tag != self.phone.sip.tagLibrary.get(request.call_id):
            served.refuse(481)
        elif request.cseq <= call.cseq:
            served.refuse(500)
        else:
            call.cseq = request.cseq
            self._serve_within(served, call)

    def _serve_within(self, served: Served, call: Conversation) -> None:
        request = served.request
        if request.method == "INFO":
            key = key_of_info(request.header("content-type"), request.message.text) if request.message.body else ""
            status = 415 if key is None else 200 if key or not request.message.body else 400
            served.answer(response_to(request.message, status))
            if key and call.answered and call.keys.by_info(key, self._clock.now()):
                self._media.inject_key(call.id, key)
            return
        if request.method == "INVITE":
            if not call.answered:
                served.refuse(500, headers={"Retry-After": "2"})
                return
            call.invite = served
        self.phone.sip.parse_message(as_pyvoip(request.message))
        if request.method == "BYE":
            if not call.answered:
                self._refuse(call, "terminated")
            self._over(call, "caller_hung_up")
            self._forget(call)

    def _invited(self, served: Served) -> None:
        request = served.request
        if self.served.merged(served) or request.call_id in self._by_sip:
            served.refuse(482)
            return
        if self.is_closing or len(self.calls) >= self._settings.most_calls:
            served.refuse(486, headers={"Retry-After": "5"})
            return
        call_id = secrets.token_hex(16)
        try:
            address = self._media.open(call_id)
        except OSError as error:
            log.error("no_media_port", reason=str(error))
            served.refuse(503, headers={"Retry-After": "5"})
            return
        call = Conversation(call_id, request.call_id, served, Terms(address, self._laws), cseq=request.cseq)
        try:
            if request.sdp is None:
                call.description = call.terms.offer()
            else:
                call.description, call.agreement = call.terms.answer(request.sdp)
            self.calls[call_id] = self._by_sip[request.call_id] = call
            self.phone.sip.parse_message(as_pyvoip(request.message))
        except NotAcceptable as error:
            self._complain("offer_not_acceptable", request.source.host, reason=str(error))
            self._media.close(call_id)
            served.refuse(488)
        except Exception:
            self._media.close(call_id)
            self._forget(call)
            raise

    def rings(self, voip: Any) -> None:
        """pyVoIP tells of the call it was just given."""
        call = self._by_sip[voip.call_id]
        call.voip = voip
        voip.on_change = lambda request: self._changed(call, request)
        call.waiting = self._clock.call_later(self._settings.answer_within_s, lambda: self._neglected(call))
        message = call.invite.request.message
        # The PBX is trusted by definition: what it asserts about the caller counts.
        self._report(call.id, Arrived(caller_of(message, asserted=True), called_of(message), self._clock.wall()))

    def _changed(self, call: Conversation, request: Any) -> None:
        """A re-INVITE: answered by pyVoIP's head with our terms."""
        served = call.invite
        if call.unacknowledged is not None and call.agreement is None:
            served.refuse(500, headers={"Retry-After": "2"})
            return
        offer = served.request.sdp
        try:
            if offer is None:
                call.description, agreement = call.terms.offer(), None
            else:
                call.description, agreement = call.terms.answer(offer)
        except NotAcceptable as error:
            log.info("change_not_acceptable", call=call.id, reason=str(error))
            served.refuse(488)
            return
        if agreement:
            self._media.connect(call.id, agreement.plan)
        call.agreement = agreement
        self._expect_ack(call, served)
        sip = self.phone.sip
        sip.out.sendto(sip.gen_answer(request, call.voip.session_id, {}, "sendrecv").encode("utf8"), sip.server)

    def _expect_ack(self, call: Conversation, served: Served) -> None:
        if call.unacknowledged is not None:
            call.unacknowledged.acknowledge()
        call.unacknowledged = served
        served.on_unacknowledged = lambda: self._never_acknowledged(call, served)

    def acknowledged(self, request: Request, known: Served | None) -> None:
        """An ACK came; `known` is the INVITE it belongs to when that was refused."""
        if known is not None and known.status >= 300:
            known.acknowledge()
            return
        call = self._by_sip.get(request.call_id)
        served = call.unacknowledged if call else None
        if call is None or served is None or request.cseq != served.request.cseq:
            return
        call.unacknowledged = None
        served.acknowledge()
        if call.bye_due:
            self._say_bye(call)
        elif call.agreement is None:
            try:
                call.agreement = call.terms.agreed(request.sdp)
                self._media.connect(call.id, call.agreement.plan)
            except NotAcceptable as error:
                log.info("answer_not_acceptable", call=call.id, reason=str(error))
                self.end(call, "protocol_error")

    def _never_acknowledged(self, call: Conversation, served: Served) -> None:
        if call.unacknowledged is served:
            call.unacknowledged = None
            if call.bye_due:
                self._say_bye(call)
            else:
                self.end(call, "dead_line")

    def _cancelled(self, served: Served) -> None:
        invite = self.served.cancelled(served.request)
        if invite is None:
            served.refuse(481)
            return
        served.answer(response_to(served.request.message, 200))
        call = next((call for call in self.calls.values() if call.invite is invite), None)
        if call is not None and not call.answered:
            self._refuse(call, "terminated")
            self._over(call, "caller_hung_up")

    # -- the end of a call

    def _refuse(self, call: Conversation, cause: str) -> None:
        self.phone.sip.refusal = REFUSALS[cause]
        call.voip.deny()

    def _neglected(self, call: Conversation) -> None:
        if call.id in self.calls and not call.answered:
            log.error("call_neglected", call=call.id)
            self._refuse(call, "neglected")
            self._over(call, "line_closed")

    def end(self, call: Conversation, cause: Cause) -> None:
        if not call.answered:
            self._refuse(call, "unavailable" if cause == "line_closed" else "neglected")
            self._over(call, cause)
        elif call.unacknowledged is not None:
            # The BYE has to wait for the ACK (RFC 3261 §15); for the application the call is over.
            call.bye_due = True
            self._over(call, cause, keep_dialog=True)
        else:
            call.voip.hangup()
            self._over(call, cause)

    def _say_bye(self, call: Conversation) -> None:
        call.voip.hangup()
        self._forget(call)

    def _over(self, call: Conversation, cause: Cause, *, keep_dialog: bool = False) -> None:
        if self.calls.pop(call.id, None) is None:
            return
        self._stop_waiting(call)
        if not keep_dialog:
            self._forget(call)
        self._media.close(call.id)
        self._report(call.id, Gone(cause))

    def _forget(self, call: Conversation) -> None:
        if call.unacknowledged is not None:
            call.unacknowledged.acknowledge()
            call.unacknowledged = None
        self.calls.pop(call.id, None)
        self._by_sip.pop(call.sip_id, None)
        self.phone.forget(call.sip_id)

    def _stop_waiting(self, call: Conversation) -> None:
        if call.waiting:
            call.waiting.cancel()
            call.waiting = None
