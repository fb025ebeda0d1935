"""The SIP endpoint: every message comes in here and is given to what it belongs to, or answered on the spot.

Owns the tables of calls and dialogs. No sockets and no threads: bytes and a clock come in, bytes go out, so that tests
play both sides. What strangers and broken messages get is decided by the `doorkeeper`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog

from ivr.lines.port import DialFailed, Dialled, Gone
from ivr.lines.sip.arrived import RETRY_AFTER_S, ArrivedLeg
from ivr.lines.sip.dialled import DialledLeg, target_of
from ivr.lines.sip.doorkeeper import Complaints, Doorkeeper
from ivr.lines.sip.hop import Hop, is_ipv4
from ivr.lines.sip.leg import Leg
from ivr.lines.sip.numbers import clean_number
from ivr.lines.sip.reading import Request, Response, read
from ivr.lines.sip.replies import ALLOW, KNOWN_EXTENSIONS, SUPPORTED, refusal, response_to
from ivr.lines.sip.served import Served
from ivr.lines.sip.session import TooShort, answer_session
from ivr.lines.sip.station import Station
from ivr.lines.sip.terms import NotAcceptable
from ivr.media.port import StreamEvent

log = structlog.get_logger(__name__)


class Endpoint:
    """All calls of one line. Not thread-safe: the line holds its lock."""

    def __init__(self, station: Station, new_call_id: Callable[[], str] = lambda: secrets.token_hex(16)) -> None:
        self.station = station
        self.is_closing = False
        self._new_call_id = new_call_id
        self._legs: dict[str, Leg] = {}
        self._dialogs: dict[tuple[str, str], Leg] = {}
        self._reserved: set[str] = set()
        self._complain = Complaints(clock=station.clock.now)
        self._door = Doorkeeper(station, self._complain)

    # -- what the line asks

    @property
    def calls(self) -> list[str]:
        """The calls in progress."""
        return [call for call, leg in self._legs.items() if not leg.is_over]

    @property
    def remembered(self) -> int:
        """How much is kept of calls, over or not: nothing, some time after the last one."""
        return len(self._legs) + len(self._dialogs) + len(self.station.served) + len(self.station.asked)

    def leg(self, call: str) -> Leg | None:
        return self._legs.get(call)

    def heard_stream(self, call: str, event: StreamEvent) -> None:
        """The media process reports."""
        if leg := self._legs.get(call):
            leg.heard(event)

    def dial(self, wish: Dialled) -> None:
        """Call out; `Answered`, or `DialFailed` and `Gone`, will follow."""
        settings = self.station.settings
        if wish.call in self._legs or wish.call in self._reserved:
            log.error("dialled_twice", call=wish.call)
            return
        try:
            uri, (host, port), transport = target_of(wish.to, settings)
        except ValueError as error:
            log.error("not_dialled", call=wish.call, reason=str(error))
            self._not_dialled(wish.call, DialFailed("rejected", 404))
            return
        if self.is_closing or self._is_full():
            self._not_dialled(wish.call, DialFailed("unreachable", 503))
            return
        self._reserved.add(wish.call)

        def resolved(address: str | None) -> None:
            self._reserved.discard(wish.call)
            if address is None or self.is_closing:
                self._not_dialled(wish.call, DialFailed("unreachable", 0))
                return
            self._dial(wish, uri, Hop("TCP" if transport == "TCP" else "UDP", address, port))

        if is_ipv4(host):
            resolved(host)
        else:
            self.station.resolve(host, resolved)

    def close_calls(self) -> None:
        """End every call; what has to be said on the wire is said."""
        self.is_closing = True
        for leg in list(self._legs.values()):
            leg.hang_up("line_closed")

    @property
    def is_quiet(self) -> bool:
        """Every call is over on the wire too, and nothing of ours waits for an answer."""
        return not self._dialogs and not self.station.asked.unanswered

    def leave(self) -> None:
        """The line closes now: who never acknowledged its answer gets the BYE all the same."""
        for leg in list(self._dialogs.values()):
            if leg.changes.waits_for_ack:
                leg.changes.ended()
                leg.send_bye()

    # -- what comes off the wire

    def receive(self, data: bytes, source: Hop) -> None:
        """One datagram, or one message of a stream. Never raises for what is in it."""
        found = read(data, source)
        if found is None:
            return
        if isinstance(found, Response):
            self.station.asked.heard(found)
            return
        request = self._door.admit(found, source)
        if request is not None:
            self._take(request)

    def unreachable(self, data: bytes, hop: Hop) -> None:
        """The network could not deliver this (b"": nothing more gets there)."""
        if not data:
            self.station.asked.unreachable("", hop)
            return
        head = data[:600].decode("ascii", "replace")
        _, _, after = head.partition("branch=")
        branch = after.split(";")[0].split("\r")[0].split(",")[0].strip()
        if branch and not head.startswith("SIP/2.0"):
            self.station.asked.unreachable(branch, hop)

    def _take(self, request: Request) -> None:
        known = self.station.served.known(request)
        if request.method == "ACK":
            self._take_ack(request, known)
        elif known is not None:
            known.repeated()
        elif self.station.served.is_full:
            self.station.wiring.send(bytes(refusal(request, 503, Retry_After=RETRY_AFTER_S)), request.reply_to)
        else:
            served = self.station.served.begin(request)
            try:
                self._serve(served)
            except Exception:
                # A fault of ours with this request: it gets an error, and no half-made call stays behind.
                log.exception("sip_request_fault", method=request.method)
                served.refuse(500)

    def _take_ack(self, request: Request, known: Served | None) -> None:
        leg = self._dialogs.get((request.call_id, request.to_tag))
        if known is not None and known.status >= 300:
            known.acknowledge()
        elif leg is not None and leg.dialog.remote_tag == request.from_tag:
            leg.take_ack(request)

    def _serve(self, served: Served) -> None:
        request = served.request
        if request.method == "CANCEL":
            self._cancel(served)
            return
        unknown = {name for name in request.tokens("require") if name and name not in KNOWN_EXTENSIONS}
        if unknown:
            served.refuse(420, headers={"Unsupported": ", ".join(sorted(unknown))[:200]})
        elif request.to_tag:
            self._serve_within(served)
        elif request.method == "INVITE":
            self._invited(served)
        elif request.method == "OPTIONS":
            self._options(served)
        elif request.method in ("BYE", "INFO", "UPDATE", "NOTIFY", "PRACK"):
            served.refuse(481)
        else:
            served.refuse(405, headers={"Allow": ALLOW})

    def _serve_within(self, served: Served) -> None:
        request = served.request
        leg = self._dialogs.get((request.call_id, request.to_tag))
        if leg is None or (leg.dialog.remote_tag and leg.dialog.remote_tag != request.from_tag):
            served.refuse(481)
        else:
            leg.take(served)

    def _cancel(self, served: Served) -> None:
        invite = self.station.served.cancelled(served.request)
        if invite is None:
            served.refuse(481)
            return
        leg = self._leg_of(invite)
        tag = leg.dialog.local_tag if leg else ""
        served.answer(response_to(served.request.message, 200, tag=tag))
        if isinstance(leg, ArrivedLeg):
            leg.cancelled()

    def _leg_of(self, invite: Served) -> Leg | None:
        return next((leg for leg in self._legs.values() if isinstance(leg, ArrivedLeg) and leg.is_of(invite)), None)

    def _options(self, served: Served) -> None:
        if self.is_closing:
            served.refuse(503, headers={"Retry-After": RETRY_AFTER_S})
            return
        headers = {"Allow": ALLOW, "Supported": SUPPORTED, "Accept": "application/sdp", "Accept-Encoding": "identity"}
        served.answer(response_to(served.request.message, 200, headers=headers))

    # -- a new call

    def _invited(self, served: Served) -> None:
        request, settings = served.request, self.station.settings
        if self.station.served.merged(served):
            served.refuse(482)
            return
        if self.is_closing:
            served.refuse(503, headers={"Retry-After": RETRY_AFTER_S})
            return
        if self._is_full():
            self._complain("sip_line_full", request.source.host, calls=len(self.calls))
            served.refuse(settings.full_status, headers={"Retry-After": RETRY_AFTER_S})
            return
        session = answer_session(request, settings.session_expires_s, settings.min_session_s)
        if isinstance(session, TooShort):
            served.refuse(422, headers={"Min-SE": str(session.min_s)})
            return
        if request.message.body and request.sdp is None:
            served.refuse(415, headers={"Accept": "application/sdp"})
            return
        self._arrive(served)

    def _arrive(self, served: Served) -> None:
        call = self._new_call_id()
        try:
            address = self.station.media.open(call)
        except OSError as error:
            log.error("no_media_port", reason=str(error))
            served.refuse(503, headers={"Retry-After": RETRY_AFTER_S})
            return
        try:
            leg = ArrivedLeg(call, self.station, served, self._advertised(address, served.request.source))
            leg.negotiate()
        except NotAcceptable as error:
            self._complain("offer_not_acceptable", served.request.source.host, reason=str(error))
            self.station.media.close(call)
            served.refuse(488)
            return
        except Exception:
            self.station.media.close(call)
            raise
        self._enter(leg)
        leg.arrive()

    def _dial(self, wish: Dialled, uri: str, hop: Hop) -> None:
        try:
            address = self.station.media.open(wish.call)
        except OSError as error:
            log.error("no_media_port", reason=str(error))
            self._not_dialled(wish.call, DialFailed("unreachable", 503))
            return
        here = self._advertised(address, hop)
        leg = DialledLeg(wish.call, self.station, uri, clean_number(wish.caller_id), hop, here, wish.ring_s)
        self._enter(leg)
        leg.begin()

    def _advertised(self, address: tuple[str, int], hop: Hop) -> tuple[str, int]:
        """Where sound is to be sent: the media process may listen on every address, and we may sit behind NAT."""
        host = self.station.settings.advertised_host or address[0]
        return (self.station.wiring.local(hop)[0] if host == "0.0.0.0" else host), address[1]  # noqa: S104

    def _enter(self, leg: Leg) -> None:
        key = leg.dialog.call_id, leg.dialog.local_tag
        self._legs[leg.call] = self._dialogs[key] = leg

        def settled() -> None:
            if self._legs.get(leg.call) is leg:
                del self._legs[leg.call]
            if self._dialogs.get(key) is leg:
                del self._dialogs[key]

        leg.on_settled = settled

    def _is_full(self) -> bool:
        return (
            sum(not leg.is_over for leg in self._legs.values()) + len(self._reserved)
            >= self.station.settings.most_calls
        )

    def _not_dialled(self, call: str, failed: DialFailed) -> None:
        self.station.tell(call, failed)
        self.station.tell(call, Gone("we_hung_up"))
