"""One SIP call from the caller's side: dial, be answered or refused, be changed, transferred and hung up.

aiosipua keeps dialog, tags, digest and session timers; here is what a caller makes of it. No sound, no script.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua import (
    IncomingCall,
    OutgoingCall,
    SdpMessage,
    SipDigestAuth,
    SipRequest,
    SipResponse,
    SipUAC,
    SipUAS,
    notify_refer,
    parse_uri,
    stringify_uri,
)

from ivr.caller.plan import PlanError, Transport
from ivr.caller.transports import CallerTransport, Message, TcpCaller, UdpCaller

USER_AGENT = "orderline-caller"
ANONYMOUS = "sip:anonymous@anonymous.invalid"
BYE_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """A SIP URI taken apart: what stands in the request, where it goes, by which transport."""

    uri: str
    address: tuple[str, int]
    transport: Transport


@dataclass(frozen=True, slots=True)
class Refused:
    """The call did not come to be; `status` 0: nothing came back."""

    status: int
    reason: str


async def find_target(to: str, transport: Transport) -> Target:
    """Resolve a SIP URI. Raises PlanError when it is none or its host is unknown."""
    try:
        uri = parse_uri(to)
    except ValueError:
        uri = None
    if uri is None or not to.lower().startswith("sip:") or not uri.host:
        raise PlanError(f"{to!r} is no SIP URI: write e.g. sip:100@127.0.0.1:5062")
    asked = str(uri.params.get("transport") or transport).lower()
    if asked not in ("udp", "tcp"):
        raise PlanError(f"{to!r}: transport {asked} is not known here: use udp or tcp")
    port = int(uri.port or 5060)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(uri.host.strip("[]"), port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise PlanError(f"{to!r}: the host {uri.host} is not known: check the name") from error
    address = found[0][4]
    return Target(to, (str(address[0]), int(address[1])), "tcp" if asked == "tcp" else "udp")


class _OneDialog(SipUAS):
    """Answers within the caller's own dialog: aiosipua makes a second one, whose request numbers begin anew."""

    def _wrap_uac_dialog(self, request: SipRequest, addr: tuple[str, int]) -> IncomingCall:
        wrapper = super()._wrap_uac_dialog(request, addr)
        call = self.uac.get_call(request.call_id or "") if self.uac is not None else None
        if call is not None:
            wrapper.dialog = call.dialog
        return wrapper


class SipLeg:
    """The caller's side of one call. `over` is done when the call has ended, with the reason in words."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._transport: CallerTransport
        if target.transport == "tcp":
            self._transport = TcpCaller(peer=target.address)
        else:
            self._transport = UdpCaller(peer=target.address, on_refused=self._port_closed)
        self._transport.on_silence = self._unheard
        self._uac = SipUAC(self._transport)
        self._uas = _OneDialog(self._transport, uac=self._uac, user_agent=USER_AGENT)
        self._call: OutgoingCall | None = None
        self._given_up = False
        self._verdict: asyncio.Future[SdpMessage | Refused] = asyncio.get_running_loop().create_future()
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.transferred_to = ""
        self.on_ringing: Callable[[int], None] = lambda _status: None
        self.on_new_offer: Callable[[SdpMessage | None], SdpMessage | None] = lambda _offer: None

    async def start(self) -> tuple[str, int]:
        """Bind, or connect; the local address by which the other side reaches us. Raises OSError."""
        await self._transport.start()
        self._transport.on_message = self._came
        self._uas.on_bye = self._hung_up
        self._uas.on_reinvite = self._changed
        self._uas.on_refer = self._transferred
        return self._transport.local_addr

    async def dial(self, caller: str, password: str, offer: SdpMessage, ring_s: float) -> SdpMessage | Refused:
        """Call; the answer's session description, or why there is none. Cancels when it rings too long."""
        host = self._transport.local_addr[0]
        self._call = self._uac.send_invite(
            f"sip:{caller}@{host}" if caller else ANONYMOUS,
            self._target.uri,
            self._target.address,
            offer,
            extra_headers={} if caller else {"Privacy": "id"},
            user_agent=USER_AGENT,
            auth=SipDigestAuth(username=caller, password=password) if password else None,
        )
        self._call.on_answer = self._answered
        self._call.on_rejected = self._rejected
        try:
            return await asyncio.wait_for(asyncio.shield(self._verdict), ring_s)
        except TimeoutError:
            await self.hang_up()
            return Refused(0, f"no answer within {ring_s:g} s")

    def send_key(self, key: str, ms: int) -> None:
        """One key by SIP INFO."""
        assert self._call is not None
        if not self.over.done():
            body = f"Signal={key}\r\nDuration={ms}\r\n"
            self._uac.send_info(self._call.dialog, body, "application/dtmf-relay", self._call.remote_addr)

    async def hang_up(self) -> None:
        """End the call, whatever its state, and wait for the other side to take note."""
        if self._call is not None and not self.over.done():
            if self._call.hangup(self._uac) is None and not self._given_up:
                self._given_up = self._call.cancel(self._uac) is not None
            self._end("caller hung up")
        await self._transport.settle(BYE_WAIT_S)

    async def close(self) -> None:
        await self.hang_up()
        await self._uas.stop()
        if not self._verdict.done():
            self._verdict.cancel()

    # -- what comes

    def _came(self, message: Message, addr: tuple[str, int]) -> None:
        self._transport.received(message)
        if isinstance(message, SipRequest):
            self._uas._on_message(message, addr)
            return
        cseq = message.cseq
        if self._call is not None and cseq is not None and cseq.method.upper() == "INVITE":
            if message.status_code in (180, 183):
                self.on_ringing(message.status_code)
            if 200 <= message.status_code < 300:
                self._take_contact(self._call, message)
                if self._given_up:
                    self._answered_too_late(self._call, message)
                    return
        self._uac.handle_response(message, addr)

    def _take_contact(self, call: OutgoingCall, answer: SipResponse) -> None:
        """RFC 3261, 12.1.2: requests within the call go to the answer's Contact along its Record-Route."""
        with contextlib.suppress(ValueError):
            if answer.contact:
                call.dialog.remote_target = stringify_uri(answer.contact[0].uri)
        if not call.dialog.route_set:
            call.dialog.route_set = list(reversed(answer.headers.get("record-route")))

    def _answered_too_late(self, call: OutgoingCall, answer: SipResponse) -> None:
        """The answer crossed our CANCEL: take the call and end it at once, or it would stand there unheard."""
        call.on_answer = None
        call.dialog.state = type(call.dialog.state).EARLY
        self._uac._calls[call.call_id] = call
        self._uac.handle_response(answer, self._target.address)
        call.hangup(self._uac)

    def _answered(self, call: OutgoingCall) -> None:
        if not self._verdict.done():
            self._verdict.set_result(call.sdp_answer if call.sdp_answer is not None else SdpMessage())

    def _rejected(self, _call: OutgoingCall, status: int, reason: str) -> None:
        self._refuse(Refused(status, reason))

    def _refuse(self, refused: Refused) -> None:
        if not self._verdict.done():
            self._verdict.set_result(refused)
        self._end(refused.reason)

    def _port_closed(self) -> None:
        self._transport.give_up()
        self._refuse(Refused(0, "nothing listens at that address"))

    def _unheard(self, request: SipRequest) -> None:
        if request.method == "INVITE":
            self._refuse(Refused(0, "nothing came back"))

    def _hung_up(self, _call: IncomingCall, _request: SipRequest) -> None:
        self._end("line hung up")

    def _changed(self, call: IncomingCall) -> None:
        answer = self.on_new_offer(call.sdp_offer)
        if answer is None:
            call._send_response(488, "Not Acceptable Here")
        else:
            call.accept(answer)

    def _transferred(self, call: IncomingCall, target: str) -> None:
        """A phone would call there now; this one says that it did, and the line lets go of the call."""
        self.transferred_to = target
        notify_refer(call, 200, "OK")

    def _end(self, reason: str) -> None:
        if not self.over.done():
            self.over.set_result(reason)
