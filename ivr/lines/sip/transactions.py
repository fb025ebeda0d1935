"""Transactions around aiosipua's transports (RFC 3261 §17): everything is taken once and sent until it is answered.

aiosipua 0.7.1 starts a second call for a repeated INVITE, answers a repeated request anew, sends requests once and
does not acknowledge a refusal. All of that is mended here, between its transport and its user agent, which then see
each message once. TCP needs no repetition; there only the address of the connection is remembered.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiosipua import SipRequest, SipResponse, Via, parse_via, stringify_via
from aiosipua.transport import SipTransport

log = structlog.get_logger(__name__)

T1, T2 = 0.5, 4.0
KEPT_S = 32.0
MOST_KEPT = 20_000
LARGEST_MESSAGE = 16_000
Final = Callable[[SipResponse | None], None]
"""Told the final response of a request, or None when none came in time."""


@dataclass(slots=True)
class _Served:
    """One request that was taken, and what was answered so far."""

    at: float
    source: tuple[str, int]
    response: SipResponse | None = None


@dataclass(slots=True)
class _Sent:
    """One request of ours that waits for its final response."""

    request: SipRequest
    address: tuple[str, int]
    final: Final | None
    task: asyncio.Task[None] | None = None
    provisional: bool = False


class TransactingTransport(SipTransport):
    """Stands where aiosipua expects its transport; `allowed` decides by address who may send requests."""

    def __init__(
        self, inner: SipTransport, *, allowed: Callable[[str], bool], silent_refusal: bool, unanswered_s: float
    ) -> None:
        super().__init__(local_addr=inner.local_addr)
        self._inner = inner
        self._allowed = allowed
        self._silent = silent_refusal
        self._unanswered_s = unanswered_s
        self._served: OrderedDict[tuple[str, str, str], _Served] = OrderedDict()
        self._sent: dict[tuple[str, str], _Sent] = {}
        self._refused_at: dict[str, float] = {}
        self.before_response: Callable[[SipResponse, tuple[str, int]], None] = lambda _response, _address: None

    @property
    def reliable(self) -> bool:  # type: ignore[override]
        return self._inner.reliable

    async def start(self) -> None:
        self._inner.on_message = self._take
        await self._inner.start()

    async def stop(self) -> None:
        for sent in self._sent.values():
            if sent.task:
                sent.task.cancel()
        self._sent.clear()
        await self._inner.stop()

    # -- in

    def _take(self, message: SipRequest | SipResponse, address: tuple[str, int]) -> None:
        if isinstance(message, SipResponse):
            self._take_response(message, address)
        elif self._may(message, address) and not self._repeated(message, address) and self.on_message:
            self.on_message(message, address)

    def _may(self, request: SipRequest, address: tuple[str, int]) -> bool:
        if self._allowed(address[0]):
            return True
        now = time.monotonic()
        if now - self._refused_at.get(address[0], -60.0) > 60.0:
            if len(self._refused_at) > 1000:
                self._refused_at.clear()
            self._refused_at[address[0]] = now
            log.warning("stranger_refused", peer=address[0], method=request.method[:20])
        if not self._silent and request.method != "ACK" and request.headers.get("via"):
            self._send_inner(plain_response(request, 403, "Forbidden"), address)
        return False

    def _repeated(self, request: SipRequest, address: tuple[str, int]) -> bool:
        """Whether this very request was taken before; then it gets its answer again, and nobody else hears of it."""
        key = _request_key(request)
        if key is None or request.method == "ACK":
            return False
        now = time.monotonic()
        while self._served and (len(self._served) > MOST_KEPT or now - next(iter(self._served.values())).at > KEPT_S):
            self._served.popitem(last=False)
        known = self._served.get(key)
        if known is None:
            self._served[key] = _Served(now, address)
            return False
        if known.response is not None:
            self._send_inner(known.response, known.source)
        return True

    def _take_response(self, response: SipResponse, address: tuple[str, int]) -> None:
        sent = self._sent.get(_response_key(response))
        if sent is not None and response.status_code < 200:
            sent.provisional = True
        elif sent is not None:
            self._finish(sent, response)
        cseq = response.cseq
        if cseq and cseq.method == "INVITE" and response.status_code >= 300 and sent is not None:
            self._send_inner(_refusal_ack(sent.request, response), sent.address)
        self.before_response(response, address)
        if self.on_message:
            self.on_message(response, address)

    def _finish(self, sent: _Sent, response: SipResponse | None) -> None:
        self._sent.pop(_sent_key(sent.request), None)
        if sent.task:
            sent.task.cancel()
        if sent.final:
            sent.final(response)

    # -- out

    def send(self, message: SipRequest | SipResponse, addr: tuple[str, int]) -> None:
        if isinstance(message, SipRequest):
            if self.reliable:
                _say_tcp(message)
            if message.method != "ACK":
                self._begin(_Sent(message, addr, None))
        self._send_inner(message, addr)

    def watch(self, request: SipRequest, final: Final) -> None:
        """Tell the final response of a request that was just sent."""
        if sent := self._sent.get(_sent_key(request)):
            sent.final = final

    def send_reply(self, response: SipResponse) -> None:
        key = _reply_key(response)
        served = self._served.get(key) if key else None
        if served is None:
            self._inner.send_reply(response)
            return
        served.response = response
        if self.reliable:
            self._send_inner(response, served.source)
        else:
            self._inner.send_reply(response)

    def _send_inner(self, message: SipRequest | SipResponse, address: tuple[str, int]) -> None:
        try:
            self._inner.send(message, address)
        except (RuntimeError, OSError, ValueError) as error:
            # The connection is gone or the address is none; the other side's timers, or ours, draw the conclusion.
            log.info("sip_not_sent", reason=str(error))

    def _begin(self, sent: _Sent) -> None:
        key = _sent_key(sent.request)
        self._sent[key] = sent
        sent.task = asyncio.get_running_loop().create_task(self._repeat(sent), name="sip-repeat")

    async def _repeat(self, sent: _Sent) -> None:
        """Timers A, B, E and F: again after T1, 2·T1 …, until a response or the end of patience."""
        interval, passed = T1, 0.0
        invite = sent.request.method == "INVITE"
        while passed < self._unanswered_s:
            await asyncio.sleep(interval)
            passed += interval
            if sent.provisional and invite:
                return
            if not self.reliable:
                self._send_inner(sent.request, sent.address)
            interval = min(interval * 2, T2 if not invite else self._unanswered_s)
        sent.task = None
        self._finish(sent, None)


def _via(message: SipRequest | SipResponse) -> Via | None:
    raw = message.headers.get("via")
    return parse_via(raw[0]) if raw else None


def _request_key(request: SipRequest) -> tuple[str, str, str] | None:
    """Branch, sent-by and method (§17.2.3); None without a branch, when nothing can be matched."""
    via = _via(request)
    return (via.branch, f"{via.host}:{via.port}", request.method) if via and via.branch else None


def _reply_key(response: SipResponse) -> tuple[str, str, str] | None:
    via, cseq = _via(response), response.cseq
    return (via.branch, f"{via.host}:{via.port}", cseq.method) if via and via.branch and cseq else None


def _sent_key(request: SipRequest) -> tuple[str, str]:
    via = _via(request)
    return (via.branch or "" if via else "", request.method)


def _response_key(response: SipResponse) -> tuple[str, str]:
    via, cseq = _via(response), response.cseq
    return (via.branch or "" if via else "", cseq.method if cseq else "")


def _say_tcp(request: SipRequest) -> None:
    """aiosipua writes UDP into every Via."""
    raw = request.headers.get("via")
    if raw and "/UDP" in raw[0]:
        rest = raw[1:]
        request.headers.remove("Via")
        for value in (raw[0].replace("/UDP", "/TCP", 1), *rest):
            request.headers.append("Via", value)


def _refusal_ack(invite: SipRequest, response: SipResponse) -> SipRequest:
    """The ACK of a final response that is no 2xx: same branch, same target as the INVITE (§17.1.1.3)."""
    ack = SipRequest(method="ACK", uri=invite.uri)
    if via := _via(invite):
        ack.headers.append("Via", stringify_via(via))
    for name in ("From", "Call-ID"):
        ack.headers.set_single(name, invite.headers.get_first(name) or "")
    ack.headers.set_single("To", response.headers.get_first("to") or "")
    cseq = invite.cseq
    ack.headers.set_single("CSeq", f"{cseq.seq if cseq else 1} ACK")
    ack.headers.set_single("Max-Forwards", "70")
    for route in invite.headers.get("route"):
        ack.headers.append("Route", route)
    return ack


def plain_response(request: SipRequest, status: int, reason: str) -> SipResponse:
    """An answer outside any dialog, with nothing of ours in it."""
    response = SipResponse(status_code=status, reason_phrase=reason)
    for value in request.headers.get("via"):
        response.headers.append("Via", value)
    for name in ("From", "To", "Call-ID", "CSeq"):
        copied = request.headers.get_first(name.lower())
        if copied:
            response.headers.set_single(name, copied)
    return response


def network_check(networks: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an address lies in one of these networks. Raises ValueError for a network that is none."""
    parsed = [ipaddress.ip_network(network, strict=False) for network in networks]

    def inside(address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in parsed)

    return inside
