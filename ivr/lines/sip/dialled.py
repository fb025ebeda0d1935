"""A call that we make: INVITE, early sound, challenge, answer; or why it did not come to be.

Given up, it is cancelled as soon as the other side has shown that it heard the INVITE (RFC 3261 §9.1); should the
answer cross the CANCEL, the call is acknowledged and ended at once. Redirections are not followed: whoever answers
could send our calls anywhere, at our cost.
"""

from __future__ import annotations

from dataclasses import replace

import structlog
from aiosipua import Dialog, SipRequest, generate_call_id, generate_tag, stringify_uri

from ivr.lines.port import Answered, DialFailed, DialFailure, Gone, Ringing
from ivr.lines.sip.asked import Asked, NoAnswer
from ivr.lines.sip.clock import Timer
from ivr.lines.sip.digest import credentials, own_credentials
from ivr.lines.sip.hop import Hop, sip_uri, uri_of_header
from ivr.lines.sip.leg import Cause, Leg
from ivr.lines.sip.reading import Response
from ivr.lines.sip.replies import ALLOW, SUPPORTED
from ivr.lines.sip.session import agreed_session, seconds_of
from ivr.lines.sip.settings import SipSettings
from ivr.lines.sip.station import Station
from ivr.lines.sip.terms import NotAcceptable

log = structlog.get_logger(__name__)

_FAILURES: dict[int, DialFailure] = {
    401: "challenged",
    407: "challenged",
    408: "no_answer",
    480: "no_answer",
    486: "busy",
    487: "cancelled",
    500: "unreachable",
    502: "unreachable",
    503: "unreachable",
    504: "unreachable",
    600: "busy",
    603: "declined",
    607: "declined",
    608: "declined",
}
MOST_CHALLENGES = 2
_RINGS = (180, 183)
"""183: a gateway plays the ringing tone itself (RFC 3960)."""


def failure_of(status: int) -> DialFailure:
    """Busy, declined and no answer are the other party's word; unreachable is the way there."""
    return _FAILURES.get(status, "rejected")


def target_of(to: str, settings: SipSettings) -> tuple[str, tuple[str, int], str]:
    """(URI, host and port to send to, transport) of a number or SIP URI. Raises ValueError with the reason."""
    if to.lower().startswith("sip:"):
        uri = sip_uri(to)
        if uri is None:
            raise ValueError("that is no SIP URI")
        transport = str(uri.params.get("transport") or "udp").upper()
        if transport not in ("UDP", "TCP"):
            raise ValueError(f"the transport {transport} is not known here")
        return to, (uri.host, uri.port or 5060), transport
    if not (0 < len(to) <= 32 and set(to) <= set("+0123456789*#")):
        raise ValueError("that is neither a number nor a SIP URI")
    user = to.replace("#", "%23")
    if settings.outbound:
        host, port = settings.outbound
        return f"sip:{user}@{host}:{port}", settings.outbound, "UDP"
    if settings.registrar:
        domain = settings.registrar.aor.partition("@")[2]
        return f"sip:{user}@{domain}", settings.registrar.address, settings.registrar.transport
    raise ValueError("numbers can be dialled only where sip.outbound or a registrar is set")


class DialledLeg(Leg):
    """`uri` is called at `hop`."""

    def __init__(
        self, call: str, station: Station, uri: str, caller_id: str, hop: Hop, address: tuple[str, int], ring_s: float
    ) -> None:
        host, port = station.wiring.local(hop)
        dialog = Dialog(
            call_id=generate_call_id(host),
            local_tag=generate_tag(),
            local_uri=_own_uri(station.settings, caller_id, f"{host}:{port}"),
            remote_uri=uri,
            remote_target=uri,
        )
        super().__init__(call, station, dialog, hop, address)
        self._ring_s = ring_s
        self._hop = hop
        self._asked: Asked | None = None
        self._ringing: Timer | None = None
        self._given_up = False
        self._provisional = False
        self._rings = False
        self._cancelled = False
        self._challenges = 0
        self._session_s = station.settings.session_expires_s

    def begin(self) -> None:
        """Call."""
        self._ringing = self.station.clock.call_later(self._ring_s, self._rung_out)
        self._invite({})

    def hang_up(self, cause: Cause = "we_hung_up") -> None:
        if not self.answered and not self.is_over:
            self._give_up("cancelled", 487, cause)
        else:
            super().hang_up(cause)

    @property
    def may_be_forgotten(self) -> bool:
        return super().may_be_forgotten and (self._asked is None or self._asked.is_over)

    def release(self) -> None:
        if self._ringing:
            self._ringing.cancel()
        super().release()

    # -- the INVITE

    def _invite(self, more: dict[str, str]) -> None:
        # Not by next_hop(): nothing was heard of the other side, so nothing overrides where it was to be found.
        host, port = self.station.wiring.local(self._hop)
        invite = self.dialog.create_request("INVITE", via_host=host, via_port=port, via_transport=self._hop.transport)
        self.station.own_headers(invite, self._hop, contact=True)
        headers = {
            "Allow": ALLOW,
            "Supported": SUPPORTED,
            "Session-Expires": str(self._session_s),
            "Min-SE": str(self.station.settings.min_session_s),
            "Content-Type": "application/sdp",
        }
        for name, value in (headers | more).items():
            invite.headers.set_single(name, value)
        invite.text = self.terms.offer()
        self._asked = self.station.asked.ask(
            invite, self._hop, self._heard, self._unheard, self.station.settings.unanswered_s
        )

    def _heard(self, response: Response) -> None:
        if response.status < 200:
            self._progress(response)
        elif response.status < 300:
            self._accepted(response)
        elif not self.is_over:
            self._refused(response)
        else:
            self.settle()

    def _unheard(self, why: NoAnswer) -> None:
        if not self.is_over:
            self._fail("unreachable", 408 if why == "timeout" else 503)
        self.settle()

    def _progress(self, response: Response) -> None:
        self._provisional = True
        if response.status in _RINGS and not self._rings and not self.is_over:
            self._rings = True
            self.tell(Ringing(self.station.clock.wall()))
        if self._given_up:
            self._cancel()
        elif response.sdp is not None and not self.is_over:
            try:
                self.agree(self.terms.agreed(response.sdp))
            except NotAcceptable as error:
                log.info("early_media_not_acceptable", call=self.call, reason=str(error))

    def _accepted(self, response: Response) -> None:
        if self.dialog.remote_tag and self.dialog.remote_tag != response.to_tag:
            self._end_stray(response)
            return
        first = not self.dialog.remote_tag
        if first:
            self.dialog.remote_tag = response.to_tag
            self.dialog.route_set = list(reversed(response.message.headers.get("record-route")))
            self.dialog.confirm()
            self.learn(response)
        assert self._asked is not None
        self.changes.acknowledge(self._asked.request, response)
        if not first:
            return
        if self.is_over:
            self.send_bye()
            return
        self._pick_up(response)

    def _pick_up(self, response: Response) -> None:
        self.answered = True
        if self._ringing:
            self._ringing.cancel()
        if response.sdp is not None or self.agreement is None:
            try:
                self.agree(self.terms.agreed(response.sdp))
            except NotAcceptable as error:
                log.info("answer_not_acceptable", call=self.call, reason=str(error))
                self.tell(DialFailed("rejected", 488))
                self.hang_up("protocol_error")
                return
        self.tell(Answered(self.station.clock.wall()))
        self.liveness.begin(agreed_session(response, self._session_s), response)

    def _refused(self, response: Response) -> None:
        status = response.status
        least = seconds_of(response.header("min-se"))
        if status == 422 and least and self._session_s < least <= 86_400:
            self._session_s = least
            self._invite({"Min-SE": str(least)})
            return
        if self._challenges < MOST_CHALLENGES and (answer := self._credentials(response)):
            self._challenges += 1
            self._invite(dict([answer]))
            return
        self._fail(failure_of(status), status)

    def _credentials(self, response: Response) -> tuple[str, str] | None:
        if self._asked is None:
            return None
        return credentials(response, self._asked.request, *own_credentials(self.station.settings))

    # -- giving up

    def _rung_out(self) -> None:
        if not self.answered and not self.is_over:
            self._give_up(*(("no_answer", 408) if self._provisional else ("unreachable", 408)), "we_hung_up")

    def _give_up(self, failure: DialFailure, status: int, cause: Cause) -> None:
        self._given_up = True
        if self._provisional:
            self._cancel()
        self._fail(failure, status, cause)

    def _fail(self, failure: DialFailure, status: int, cause: Cause = "we_hung_up") -> None:
        self.tell(DialFailed(failure, status))
        self.tell(Gone(cause))
        self.release()
        self.settle()

    def _cancel(self) -> None:
        if self._cancelled or self._asked is None or self._asked.is_over:
            return
        self._cancelled = True
        invite = self._asked.request
        cancel = SipRequest(method="CANCEL", uri=invite.uri)
        cancel.headers.append("Via", invite.headers.get("via")[0])
        for name in ("From", "To", "Call-ID"):
            cancel.headers.set_single(name, invite.headers.get_first(name) or "")
        cancel.headers.set_single("CSeq", f"{invite.cseq.seq if invite.cseq else 1} CANCEL")
        cancel.headers.set_single("Max-Forwards", "70")
        self.station.asked.ask(cancel, self._hop, lambda _response: None, lambda _why: None)

    def _end_stray(self, response: Response) -> None:
        """A second phone picked up too (forking): one call is one call."""
        values = response.message.headers.get("contact")
        uri = uri_of_header(values[0]) if values else None
        target = stringify_uri(uri) if uri else self.dialog.remote_target
        routes = list(reversed(response.message.headers.get("record-route")))
        stray = replace(
            self.dialog,
            remote_tag=response.to_tag,
            remote_target=target,
            route_set=routes,
            local_cseq=response.cseq - 1,
        )
        host, port = self.station.wiring.local(self._hop)
        for method in ("ACK", "BYE"):
            request = stray.create_request(method, via_host=host, via_port=port, via_transport=self._hop.transport)
            if method == "ACK":
                self.station.wiring.send(bytes(request), self._hop)
            else:
                self.station.asked.ask(request, self._hop, lambda _response: None, lambda _why: None)


def _own_uri(settings: SipSettings, caller_id: str, here: str) -> str:
    """Who calls, as the other side sees it."""
    domain = settings.registrar.aor.partition("@")[2] if settings.registrar else here
    own = settings.registrar.aor[4:].partition("@")[0] if settings.registrar else "orderline"
    return f"sip:{caller_id or settings.caller_id or own}@{domain}"
