"""One call, whoever began it: its dialog, its stream, and what either side may do within it.

Owns the life of a call from the moment it has a dialog until nothing of it is left, and reports its events, `Gone` last
and once. How calls come to be stands in `arrived` and `dialled`; changes of the session, transfers and the watch over
the other side in modules of their own. Everything here runs under the line's lock.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Literal

import structlog
from aiosipua import Dialog, SipRequest, parse_uri, stringify_uri

from ivr.lines.port import Gone, Interrupted, Key, LineEvent, PlayEnded
from ivr.lines.sip.asked import Asked, NoAnswer, OnNoAnswer, OnResponse
from ivr.lines.sip.changes import Changes
from ivr.lines.sip.digest import credentials, own_credentials
from ivr.lines.sip.hop import Hop, hop_of_uri, uri_of_header
from ivr.lines.sip.liveness import Liveness
from ivr.lines.sip.numbers import KeyWays, key_of_info
from ivr.lines.sip.reading import Request, Response
from ivr.lines.sip.replies import ALLOW, SUPPORTED, response_to
from ivr.lines.sip.served import LONG_S, Served
from ivr.lines.sip.station import Station
from ivr.lines.sip.terms import Agreement, Terms
from ivr.lines.sip.transfers import Transfer
from ivr.media.port import ClipsEnded, Law, StreamEvent, StreamKey, StreamRestarted, StreamSilent

log = structlog.get_logger(__name__)

Cause = Literal["caller_hung_up", "we_hung_up", "dead_line", "protocol_error", "line_closed", "transferred"]


class Leg:
    """`flow` is where the other side's last request came from; `is_over` once `Gone` was (or would be) reported."""

    def __init__(self, call: str, station: Station, dialog: Dialog, flow: Hop, address: tuple[str, int]) -> None:
        self.call = call
        self.station = station
        self.dialog = dialog
        self.flow = flow
        self.answered = False
        self.is_over = False
        self.agreement: Agreement | None = None
        laws: tuple[Law, ...] = tuple(law for law in LAWS if law in station.settings.laws)
        laws = tuple(sorted(laws, key=station.settings.laws.index))
        self.terms = Terms(address, laws)
        self.changes = Changes(self)
        self.transferring = Transfer(self)
        self.liveness = Liveness(self)
        self.on_settled: Callable[[], None] = lambda: None
        self._keys = KeyWays()
        self._bye: Asked | None = None

    # -- requests of ours within the dialog

    def request(self, method: str, *, contact: bool = False) -> SipRequest:
        """A request within the dialog, its number counted."""
        hop = self.next_hop()
        host, port = self.station.wiring.local(hop)
        request = self.dialog.create_request(method, via_host=host, via_port=port, via_transport=hop.transport)
        self.station.own_headers(request, hop, contact=contact)
        self._route_strictly(request)
        return request

    def ask(
        self, request: SipRequest, on_response: OnResponse, on_no_answer: OnNoAnswer, patience_s: float = LONG_S
    ) -> Asked:
        """Send it; a challenge is answered once (some trunks challenge within calls too)."""

        def heard(response: Response) -> None:
            answer = credentials(response, request, *own_credentials(self.station.settings))
            if answer is None:
                on_response(response)
                return
            again = self.request(request.method)
            for name, values in request.headers.items():
                if name.lower() not in ("via", "cseq", "route"):
                    again.headers.set_single(name, values[0])
            again.headers.set_single(*answer)
            again.body = request.body
            self.station.asked.ask(again, self.next_hop(), on_response, on_no_answer, patience_s)

        return self.station.asked.ask(request, self.next_hop(), heard, on_no_answer, patience_s)

    def _route_strictly(self, request: SipRequest) -> None:
        """A first proxy without ";lr" is of RFC 2543: it wants to stand in the request line (§12.2.1.1)."""
        routes = self.dialog.route_set
        uri = uri_of_header(routes[0]) if routes else None
        if uri is None or "lr" in uri.params:
            return
        request.headers.remove("Route")
        for value in (*routes[1:], f"<{request.uri}>"):
            request.headers.append("Route", value)
        request.uri = stringify_uri(uri)

    def next_hop(self) -> Hop:
        """Where requests within the dialog go: along the route, or to the Contact (RFC 3261 §12.2.1.1).

        Not when that is a name, a private address of someone who is not near, or an address we take no calls from:
        then to where its own requests came from.
        """
        if self.flow.transport == "TCP" and self.station.wiring.is_open(self.flow):
            return self.flow
        if self.dialog.route_set:
            uri = uri_of_header(self.dialog.route_set[0])
        else:
            uri = parse_uri(self.dialog.remote_target) if self.dialog.remote_target else None
        hop = hop_of_uri(uri) if uri else None
        if hop is None or hop.host == self.flow.host:
            return hop or self.flow
        hidden = ipaddress.IPv4Address(hop.host).is_private and not ipaddress.ip_address(self.flow.host).is_private
        return self.flow if hidden or not self.station.is_peer(hop.host) else hop

    def learn(self, message: Request | Response) -> None:
        """The Contact of a request or 2xx that may move the dialog's target (§12.2)."""
        values = message.message.headers.get("contact")
        uri = uri_of_header(values[0]) if values else None
        if uri is not None:
            self.dialog.remote_target = stringify_uri(uri)

    # -- requests of the other side within the dialog

    def take(self, served: Served) -> None:
        """Answer one request; its CSeq must grow (§12.2.2)."""
        request = served.request
        if self.dialog.remote_cseq and request.cseq <= self.dialog.remote_cseq:
            served.refuse(500, tag=self.dialog.local_tag)
            return
        self.dialog.remote_cseq = request.cseq
        self.flow = request.source
        if self.is_over and request.method != "BYE":
            served.refuse(481, tag=self.dialog.local_tag)
            return
        match request.method:
            case "INVITE":
                self.changes.invited(served)
            case "UPDATE":
                self.changes.updated(served)
            case "BYE":
                self._take_bye(served)
            case "INFO":
                self._take_info(served)
            case "NOTIFY":
                self.transferring.notified(served)
            case "OPTIONS":
                self.reply(served, 200, {"Allow": ALLOW, "Supported": SUPPORTED, "Accept": "application/sdp"})
            case _:
                served.refuse(405, headers={"Allow": ALLOW}, tag=self.dialog.local_tag)

    def take_ack(self, request: Request) -> None:
        """The ACK of a 2xx of ours."""
        self.changes.acknowledged(request)
        self.settle()

    def reply(self, served: Served, status: int, headers: dict[str, str] | None = None, sdp: str = "") -> None:
        """Answer within the dialog."""
        source = served.request.source
        response = response_to(served.request.message, status, tag=self.dialog.local_tag, headers=headers)
        if served.request.method in ("INVITE", "UPDATE"):
            response.headers.set_single("Contact", self.station.contact(source))
            response.headers.set_single("Allow", ALLOW)
            response.headers.set_single("Supported", SUPPORTED)
            # Who proxied the request and wants to stay on the path finds itself in the answer (§12.1.1).
            for value in served.request.message.headers.get("record-route"):
                response.headers.append("Record-Route", value)
        if sdp:
            response.headers.set_single("Content-Type", "application/sdp")
            response.text = sdp
        response.headers.set_single("Server", self.station.settings.user_agent)
        served.answer(response)

    def _take_bye(self, served: Served) -> None:
        self.reply(served, 200)
        self.changes.ended()
        if self.transferring.is_accepted:
            self.transferring.ended_by_bye()
        else:
            self.end("caller_hung_up")
        self.settle()

    def _take_info(self, served: Served) -> None:
        request = served.request
        if not request.message.body:
            self.reply(served, 200)  # An empty INFO asks whether we live.
            return
        key = key_of_info(request.header("content-type"), request.message.text)
        if key is None:
            self.reply(served, 415, {"Accept": "application/dtmf-relay, application/dtmf"})
            return
        self.reply(served, 200 if key else 400)
        if key and self.answered and self._keys.by_info(key, self.station.clock.now()):
            self.station.media.inject_key(self.call, key)

    # -- the stream

    def agree(self, agreement: Agreement) -> None:
        """From now on the stream follows this."""
        self.agreement = agreement
        self.station.media.connect(self.call, agreement.plan)

    def heard(self, event: StreamEvent) -> None:
        """What the media process tells of this call's stream."""
        if self.is_over or not self.answered:
            return
        match event:
            case StreamKey(key, at, heard_ms, playing):
                if self._keys.returned(key, self.station.clock.now()):
                    self.tell(Key(key, at, heard_ms, playing))
            case ClipsEnded(tag):
                self.tell(PlayEnded(tag))
            case StreamRestarted():
                self.tell(Interrupted("media_restarted"))
            case StreamSilent(for_s, spoke):
                self.liveness.silent(for_s, spoke=spoke)

    # -- the end

    def hang_up(self, cause: Cause = "we_hung_up") -> None:
        """End the call from our side. A 2xx that is not acknowledged yet must be before the BYE (§15)."""
        if self.is_over:
            return
        if self.answered and not self.changes.waits_for_ack:
            self.send_bye()
        self.end(cause)

    def send_bye(self) -> None:
        """Until it is answered, the dialog is kept."""
        if self._bye is None:
            self._bye = self.ask(self.request("BYE"), self._bye_answered, self._bye_lost)

    def end(self, cause: Cause) -> None:
        """The call is over for the application; what is left on the wire ends by itself."""
        if self.is_over:
            return
        self.tell(Gone(cause))
        self.release()
        self.settle()

    def release(self) -> None:
        """Stop every timer and free the stream."""
        self.is_over = True
        self.liveness.stop()
        self.transferring.stop()
        self.station.media.close(self.call)

    @property
    def may_be_forgotten(self) -> bool:
        """Nothing can come any more that only this call understands."""
        return self.is_over and not self.changes.waits_for_ack and (self._bye is None or self._bye.is_over)

    def settle(self) -> None:
        """Something ended; perhaps nothing is left."""
        if self.may_be_forgotten:
            self.on_settled()

    def tell(self, event: LineEvent) -> None:
        """Report to the application; nothing after `Gone`."""
        if not self.is_over:
            self.station.tell(self.call, event)

    def _bye_answered(self, response: Response) -> None:
        if response.status in (401, 407):
            log.info("bye_challenged", call=self.call)
        if response.status >= 200:
            self.settle()

    def _bye_lost(self, why: NoAnswer) -> None:
        log.info("bye_unanswered", call=self.call, why=why)
        self.settle()


LAWS: tuple[Law, ...] = ("alaw", "ulaw")
