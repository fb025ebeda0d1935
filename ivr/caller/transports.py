"""The caller's signalling wire: UDP and TCP under aiosipua, with what the library leaves to its user.

Over UDP requests are sent again until they are answered (RFC 3261, 17.1: aiosipua sends each once), final refusals of
an INVITE are acknowledged (17.1.1.3: it does not), and over TCP the Via says so. Knows no calls.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

from aiosipua import SipRequest, SipResponse, SipTransport, TcpSipTransport

T1_S, T2_S, GIVE_UP_S = 0.5, 4.0, 32.0
Message = SipRequest | SipResponse
_Key = tuple[str, str]


@dataclass(slots=True)
class _Unanswered:
    """A request under way: what is sent again, and when."""

    request: SipRequest
    addr: tuple[str, int]
    timer: asyncio.TimerHandle | None = None
    waited_s: float = 0.0


@dataclass
class CallerTransport(SipTransport):
    """What both wires share: resending, acknowledging, telling when nothing comes back (`on_silence`)."""

    on_silence: Any = None
    _unanswered: dict[_Key, _Unanswered] = field(default_factory=dict, init=False, repr=False)
    _invites: dict[str, _Unanswered] = field(default_factory=dict, init=False, repr=False)

    def send(self, message: Message, addr: tuple[str, int]) -> None:
        if isinstance(message, SipRequest):
            self._correct_via(message)
            if message.method != "ACK" and (key := _key(message)) is not None:
                self._await_answer(key, message, addr)
        self._transmit(bytes(message), addr)

    async def settle(self, wait_s: float) -> None:
        """Wait until every request sent was answered, at most so long; then stop resending."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while self._unanswered and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        self.give_up()

    def give_up(self) -> None:
        """Send nothing again: the other side is not there."""
        for key in list(self._unanswered):
            self._answered(key)

    def received(self, message: Message) -> None:
        """Look at what came before the library does."""
        if not isinstance(message, SipResponse) or (key := _key(message)) is None:
            return
        is_invite = key[1] == "INVITE"
        if message.status_code >= 200 or is_invite:
            self._answered(key)
        if message.status_code >= 200 and is_invite:
            self._answered((key[0], "CANCEL"))  # nothing is left to cancel
        invite = self._invites.get(key[0])
        if is_invite and message.status_code >= 300 and invite is not None:
            self._transmit(bytes(_ack_of_refusal(invite.request, message)), invite.addr)

    def _answered(self, key: _Key) -> None:
        waiting = self._unanswered.pop(key, None)
        if waiting is not None and waiting.timer is not None:
            waiting.timer.cancel()

    def _await_answer(self, key: _Key, request: SipRequest, addr: tuple[str, int]) -> None:
        waiting = _Unanswered(request, addr)
        if request.method == "INVITE":
            self._invites[key[0]] = waiting
        self._unanswered[key] = waiting
        self._resend_in(key, waiting, T1_S)

    def _resend_in(self, key: _Key, waiting: _Unanswered, after_s: float) -> None:
        waiting.timer = asyncio.get_running_loop().call_later(after_s, self._resend, key, waiting, after_s)

    def _resend(self, key: _Key, waiting: _Unanswered, after_s: float) -> None:
        waiting.waited_s += after_s
        if waiting.waited_s >= GIVE_UP_S:
            self._unanswered.pop(key, None)
            if self.on_silence is not None:
                self.on_silence(waiting.request)
            return
        if not self.reliable:
            self._transmit(bytes(waiting.request), waiting.addr)
        longest = GIVE_UP_S if waiting.request.method == "INVITE" else T2_S
        self._resend_in(key, waiting, min(2 * after_s, longest))

    def _correct_via(self, request: SipRequest) -> None:
        vias = request.via
        if self.reliable and vias and vias[0].transport.upper() != "TCP":
            vias[0].transport = "TCP"
            request.via = vias

    def _transmit(self, data: bytes, addr: tuple[str, int]) -> None:
        raise NotImplementedError


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, owner: UdpCaller) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._owner._dispatch(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionRefusedError) and self._owner.on_refused is not None:
            self._owner.on_refused()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._owner.closed.set()


@dataclass
class UdpCaller(CallerTransport):
    """SIP over UDP from a free port, to one peer: connected, so that a closed port at the other end is noticed."""

    on_refused: Any = None
    peer: tuple[str, int] = ("127.0.0.1", 5062)
    closed: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    _endpoint: asyncio.DatagramTransport | None = field(default=None, init=False, repr=False)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._endpoint, _ = await loop.create_datagram_endpoint(lambda: _Protocol(self), remote_addr=self.peer)
        name = self._endpoint.get_extra_info("sockname")
        self.local_addr = (str(name[0]), int(name[1]))

    def _transmit(self, data: bytes, _addr: tuple[str, int]) -> None:
        if self._endpoint is not None and not self._endpoint.is_closing():
            self._endpoint.sendto(data)

    async def stop(self) -> None:
        if self._endpoint is not None:
            self._endpoint.close()
            await self.closed.wait()


@dataclass
class TcpCaller(CallerTransport):
    """SIP over one TCP connection that the caller opens; aiosipua frames the messages."""

    reliable = True
    peer: tuple[str, int] = ("127.0.0.1", 5062)
    _wire: TcpSipTransport | None = field(default=None, init=False, repr=False)

    async def start(self) -> None:
        self._wire = TcpSipTransport(on_message=self._passed_on)
        _, writer = await self._wire.connect(self.peer)
        name = writer.get_extra_info("sockname")
        self.local_addr = (str(name[0]), int(name[1]))

    def _passed_on(self, message: Message, addr: tuple[str, int]) -> None:
        if self.on_message is not None:
            self.on_message(message, addr)

    def send_reply(self, response: SipResponse) -> None:
        """Over the connection the request came on (RFC 3261, 18.2.2), wherever its Via points."""
        self.send(response, self.peer)

    def _transmit(self, data: bytes, _addr: tuple[str, int]) -> None:
        assert self._wire is not None
        connection = self._wire._connections.get(self.peer)
        if connection is not None:
            connection[1].write(data)

    async def stop(self) -> None:
        if self._wire is None:
            return
        writers = [writer for _, writer in self._wire._connections.values()]
        await self._wire.stop()
        for writer in writers:  # aiosipua forgets its connections before it would close them
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _key(message: Message) -> _Key | None:
    """(branch, method) of the transaction a message belongs to."""
    vias, cseq = message.via, message.cseq
    if not vias or cseq is None or not vias[0].branch:
        return None
    return str(vias[0].branch), cseq.method.upper()


def _ack_of_refusal(invite: SipRequest, refusal: SipResponse) -> SipRequest:
    """RFC 3261, 17.1.1.3: the INVITE's own Via, From, Call-ID, Route and number, the To of the answer."""
    ack = SipRequest(method="ACK", uri=invite.uri)
    ack.headers.append("Via", invite.headers.get("via")[0])
    for name in ("From", "Call-ID"):
        ack.headers.set_single(name, invite.headers.get_first(name) or "")
    ack.headers.set_single("To", refusal.headers.get_first("to") or "")
    number = invite.cseq.seq if invite.cseq else 1
    ack.headers.set_single("CSeq", f"{number} ACK")
    ack.headers.set_single("Max-Forwards", "70")
    for route in invite.headers.get("route"):
        ack.headers.append("Route", route)
    return ack
