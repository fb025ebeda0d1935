"""The direct SIP line behind the `Line` port: signalling on an asyncio thread of its own, sound by the media process.

Every public method may be called from any thread; it is carried over to the loop. All state of calls is touched on
the loop only. What the other side does comes back as events of `ivr.lines.port`.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from aiosipua import (
    IncomingCall,
    OutgoingCall,
    SdpMessage,
    SipDigestAuth,
    SipRequest,
    SipResponse,
    parse_address,
    parse_sdp,
    stringify_uri,
)
from aiosipua.dialog import DialogState
from aiosipua.registration import Registration
from aiosipua.transport import TcpSipTransport, UdpSipTransport

from ivr.lines import port
from ivr.lines.port import Dialled, LineEvent, LineEvents
from ivr.lines.sip.agent import Agent
from ivr.lines.sip.dialling import failure_of, target_of
from ivr.lines.sip.numbers import called_of, caller_of
from ivr.lines.sip.offers import Agreement, NotAcceptable, answer_offer, make_offer, plan_of_answer
from ivr.lines.sip.settings import SipSettings
from ivr.lines.sip.transactions import TransactingTransport, network_check
from ivr.media.port import ClipsEnded, MediaPort, StreamEvent, StreamKey, StreamRestarted, StreamSilent
from speech.prompt import Clip

log = structlog.get_logger(__name__)

GoneCause = Literal["caller_hung_up", "we_hung_up", "dead_line", "protocol_error", "line_closed", "transferred"]
_REFUSALS = {"busy": (486, "Busy Here"), "unavailable": (503, "Service Unavailable"), "forbidden": (403, "Forbidden")}
REGISTER_AGAIN_S = 20.0
LATE_ANSWER_S = 32.0


@dataclass(slots=True)
class _Call:
    """One call of this line. `sip` is aiosipua's call; `local` our RTP address; `agreement` what was negotiated."""

    id: str
    agent: Agent
    sip: IncomingCall | OutgoingCall
    local: tuple[str, int]
    agreement: Agreement | None = None
    answered: bool = False
    transferring: asyncio.TimerHandle | None = None
    ringing: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int]:
        return self.sip.source_addr if isinstance(self.sip, IncomingCall) else self.sip.remote_addr


class SipLine:
    """Implements `ivr.lines.port.Line`. Give `media_event` to the media process as where it reports."""

    def __init__(self, settings: SipSettings, media: MediaPort, report: LineEvents, *, name: str = "sip") -> None:
        self.name = name
        self._settings = settings
        self._media = media
        self._report = report
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"line-{name}", daemon=True)
        self._agents: list[Agent] = []
        self._calls: dict[str, _Call] = {}
        self._by_sip: dict[str, _Call] = {}
        self._registration: Registration | None = None
        self._trusted = network_check(settings.trusted_peers)
        self._stopping = False

    # -- life

    def start(self) -> None:
        """Bind and listen. Raises OSError with what to do when the port is taken."""
        self._thread.start()
        try:
            self._wait(self._open())
        except OSError as error:
            self._end_loop()
            where = f"{self._settings.host}:{self._settings.port}"
            raise OSError(f"the SIP line can't listen on {where} ({error.strerror}): change sip.port") from error

    def stop(self) -> None:
        """Hang up every call and close the line."""
        if self._thread.is_alive():
            self._wait(self._close())
            self._end_loop()

    async def _open(self) -> None:
        settings = self._settings
        where = (settings.host, settings.port)
        kinds: list[Any] = [UdpSipTransport, TcpSipTransport] if settings.tcp else [UdpSipTransport]
        allowed = network_check(settings.peers)
        for kind in kinds:
            wire = TransactingTransport(
                kind(local_addr=where),
                allowed=allowed,
                silent_refusal=settings.silent_refusal,
                unanswered_s=settings.unanswered_s,
            )
            agent = Agent(wire, settings)
            self._wire_up(agent)
            await agent.start()
            self._agents.append(agent)
        self._register()

    def _wire_up(self, agent: Agent) -> None:
        agent.on_invite = lambda call: self._guarded(agent, call)
        agent.on_reinvite = lambda call: self._on_change(agent, call)
        agent.on_update = self._on_update
        agent.on_bye = lambda call, _request: self._over(self._by_sip.get(call.call_id), "caller_hung_up")
        agent.on_cancel = lambda request, _addr: self._over(self._by_sip.get(request.call_id or ""), "caller_hung_up")
        agent.on_ack_timeout = self._on_ack_timeout
        agent.on_session_expired = lambda call: self._over(self._by_sip.get(call.call_id), "dead_line")
        agent.on_transfer_progress = self._on_transfer_progress
        agent.on_key = self._on_info_key
        agent.on_late_answer = self._on_late_answer
        agent.wire.before_response = lambda response, _addr: self._learn_contact(agent, response)

    async def _close(self) -> None:
        self._stopping = True
        if self._registration:
            self._registration.unregister()
        for call in list(self._calls.values()):
            self._end(call, "line_closed")
        await asyncio.sleep(0.05)  # The BYEs leave the sockets before these close.
        for agent in self._agents:
            await agent.stop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _wait(self, work: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(timeout=10)

    def _on_loop(self, work: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work, *arguments)

    def _register(self) -> None:
        registrar = self._settings.registrar
        if registrar is None or self._stopping:
            return
        registration = Registration(
            self._agents[0].out,
            registrar.aor,
            registrar.address,
            expires=registrar.expires_s,
            auth=SipDigestAuth(registrar.username, registrar.password),
            user_agent=self._settings.user_agent,
        )
        registration.on_registered = lambda _: log.info("sip_registered", registrar=registrar.address[0])
        registration.on_failed = lambda _, status, reason: self._register_again(status, reason)
        registration.on_expired = lambda _: self._register_again(0, "expired")
        self._registration = registration
        request = registration.register()
        self._agents[0].wire.watch(request, lambda response: None if response else self._register_again(0, "silent"))

    def _register_again(self, status: int, reason: str) -> None:
        log.error("sip_register_failed", status=status, reason=reason, again_in_s=REGISTER_AGAIN_S)
        self._loop.call_later(REGISTER_AGAIN_S, self._register)

    # -- the port, from any thread

    def answer(self, call: str) -> None:
        self._on_loop(self._answer, call)

    def reject(self, call: str, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        self._on_loop(self._reject, call, cause)

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        self._media.play(call, clips, tag)

    def stop_playing(self, call: str) -> None:
        self._media.stop_playing(call)

    def transfer(self, call: str, target: str) -> None:
        self._on_loop(self._transfer, call, target)

    def hang_up(self, call: str) -> None:
        self._on_loop(lambda: self._end(self._calls.get(call), "we_hung_up"))

    def dial(self, wish: Dialled) -> None:
        self._on_loop(self._dial, wish)

    def live_calls(self) -> int:
        """How many calls are in progress on this line."""
        return len(self._calls)

    def media_event(self, stream: str, event: StreamEvent) -> None:
        """Where the media process reports; called on its thread, so keys lose no time on the loop."""
        match event:
            case StreamKey(key, at, heard_ms):
                self._tell(stream, port.Key(key, at, heard_ms))
            case ClipsEnded(tag):
                self._tell(stream, port.PlayEnded(tag))
            case StreamRestarted():
                self._tell(stream, port.Interrupted("media process restarted"))
            case StreamSilent(for_s) if for_s >= self._settings.dead_after_s:
                log.warning("call_silent", call=stream, for_s=round(for_s, 1))
                self._on_loop(lambda: self._end(self._calls.get(stream), "dead_line"))

    def _tell(self, call: str, event: LineEvent) -> None:
        self._report(call, event)

    # -- calls in

    def _guarded(self, agent: Agent, sip: IncomingCall) -> None:
        """An INVITE that breaks our code must not leave a call behind."""
        try:
            self._on_invite(agent, sip)
        except Exception:
            log.exception("invite_fault")
            agent.refuse(sip, 500, "Server Internal Error")

    def _on_invite(self, agent: Agent, sip: IncomingCall) -> None:
        if self._stopping or len(self._calls) >= self._settings.most_calls:
            agent.refuse(sip, 503, "Service Unavailable", {"Retry-After": "10"})
            return
        call_id = uuid.uuid4().hex
        try:
            local = self._media.open(call_id)
        except OSError as error:
            log.error("no_media_port", reason=str(error))
            agent.refuse(sip, 503, "Service Unavailable", {"Retry-After": "10"})
            return
        call = _Call(call_id, agent, sip, local)
        try:
            if sip.sdp_offer is not None:
                call.agreement = answer_offer(sip.sdp_offer, local, self._settings.laws)
        except NotAcceptable as error:
            log.info("offer_not_acceptable", reason=str(error))
            self._media.close(call_id)
            agent.refuse(sip, 488, "Not Acceptable Here")
            return
        self._calls[call_id] = self._by_sip[sip.call_id] = call
        asserted = self._trusted(sip.source_addr[0])
        caller, called = caller_of(sip.invite, asserted=asserted), called_of(sip.invite)
        self._tell(call_id, port.Arrived(caller, called, time.time()))

    def _answer(self, call_id: str) -> None:
        call = self._calls.get(call_id)
        if call is None or call.answered or not isinstance(call.sip, IncomingCall):
            return
        call.answered = True
        if call.agreement is None:
            call.sip.accept(make_offer(call.local, self._settings.laws))
            return
        call.sip.accept(call.agreement.sdp)
        self._media.connect(call_id, call.agreement.plan)

    def _on_late_answer(self, sip_id: str, sdp: SdpMessage) -> None:
        call = self._by_sip.get(sip_id)
        if call is None or call.agreement is not None:
            return
        try:
            plan = plan_of_answer(sdp)
        except NotAcceptable:
            self._end(call, "protocol_error")
            return
        call.agreement = Agreement(sdp, plan)
        self._media.connect(call.id, plan)

    def _reject(self, call_id: str, cause: str) -> None:
        call = self._calls.get(call_id)
        if call is not None and not call.answered and isinstance(call.sip, IncomingCall):
            status, reason = _REFUSALS[cause]
            call.agent.refuse(call.sip, status, reason, {"Retry-After": "10"} if status == 503 else None)
            self._over(call, "we_hung_up")

    # -- changes within a call

    def _on_change(self, agent: Agent, sip: IncomingCall) -> None:
        """A re-INVITE: other address, other law, hold; without SDP our own offer goes back (RFC 3261 §14.2)."""
        call = self._by_sip.get(sip.call_id)
        if call is None:
            agent.refuse_change(sip, 481, "Call/Transaction Does Not Exist")
            return
        has_sdp = bool(sip.invite.body) and sip.invite.content_type == "application/sdp"
        if not has_sdp or sip.sdp_offer is None:
            sip.accept(call.agreement.sdp if call.agreement else make_offer(call.local, self._settings.laws))
            return
        try:
            call.agreement = answer_offer(sip.sdp_offer, call.local, self._settings.laws)
        except NotAcceptable as error:
            log.info("offer_not_acceptable", reason=str(error))
            agent.refuse_change(sip, 488, "Not Acceptable Here")
            return
        sip.accept(call.agreement.sdp)
        self._media.connect(call.id, call.agreement.plan)

    def _on_update(self, sip: IncomingCall, request: SipRequest) -> SdpMessage | None:
        call = self._by_sip.get(sip.call_id)
        if call is None or not request.body or request.content_type != "application/sdp":
            return None
        try:
            call.agreement = answer_offer(parse_sdp(request.text), call.local, self._settings.laws)
        except (NotAcceptable, ValueError):
            return None
        self._media.connect(call.id, call.agreement.plan)
        return call.agreement.sdp

    def _on_info_key(self, sip_id: str, key: str) -> None:
        if call := self._by_sip.get(sip_id):
            self._media.inject_key(call.id, key)

    def _on_ack_timeout(self, sip: IncomingCall) -> None:
        """Never acknowledged: the other side may still believe in the call, so it gets a BYE (RFC 3261 §13.3.1.4)."""
        sip.dialog.state = DialogState.CONFIRMED
        sip.hangup()
        self._over(self._by_sip.get(sip.call_id), "protocol_error")

    # -- transfer

    def _transfer(self, call_id: str, target: str) -> None:
        call = self._calls.get(call_id)
        if call is None or not call.answered or call.transferring:
            return
        try:
            uri, _ = target_of(target, self._settings.outbound or call.address)
            request = call.agent.out.send_refer(call.sip.dialog, uri, call.address)
        except ValueError as error:
            log.error("transfer_target_unusable", reason=str(error))
            self._tell(call_id, port.TransferEnded(done=False, status=0))
            return
        call.transferring = self._loop.call_later(
            self._settings.transfer_wait_s, lambda: self._transfer_failed(call, 408)
        )
        call.agent.wire.watch(request, lambda response: self._on_refer_answer(call, response))

    def _on_refer_answer(self, call: _Call, response: SipResponse | None) -> None:
        if response is None or response.status_code >= 300:
            self._transfer_failed(call, response.status_code if response else 408)

    def _on_transfer_progress(self, sip_id: str, status: int, _reason: str) -> None:
        call = self._by_sip.get(sip_id)
        if call is None or not call.transferring or status < 200:
            return
        if status >= 300:
            self._transfer_failed(call, status)
            return
        call.transferring.cancel()
        self._tell(call.id, port.TransferEnded(done=True, status=status))
        self._end(call, "transferred")

    def _transfer_failed(self, call: _Call, status: int) -> None:
        if call.transferring and call.id in self._calls:
            call.transferring.cancel()
            call.transferring = None
            self._tell(call.id, port.TransferEnded(done=False, status=status))

    # -- calls out

    def _dial(self, wish: Dialled) -> None:
        agent = self._agents[0]
        try:
            uri, address = target_of(wish.to, self._settings.outbound)
            local = self._media.open(wish.call)
        except (ValueError, OSError) as error:
            log.error("not_dialled", call=wish.call, reason=str(error))
            self._tell(wish.call, port.DialFailed("rejected", 0))
            self._tell(wish.call, port.Gone("we_hung_up"))
            return
        host, listening = self._settings.host, self._settings.port
        auth = SipDigestAuth(self._settings.username, self._settings.password) if self._settings.username else None
        sip = agent.out.send_invite(
            f"sip:{wish.caller_id or 'orderline'}@{host}:{listening}",
            uri,
            address,
            make_offer(local, self._settings.laws),
            user_agent=self._settings.user_agent,
            auth=auth,
        )
        call = self._calls[wish.call] = self._by_sip[sip.call_id] = _Call(wish.call, agent, sip, local)
        call.ringing = self._loop.call_later(wish.ring_s, lambda: self._give_up(call))
        sip.on_answer = lambda _: self._on_answer(call)
        sip.on_rejected = lambda _, status, _reason: self._on_refused(call, status)
        agent.wire.watch(sip.invite, lambda response: None if response else self._on_unanswered(call))

    def _on_answer(self, call: _Call) -> None:
        if call.ringing:
            call.ringing.cancel()
        call.answered = True
        try:
            plan = plan_of_answer(call.sip.sdp_answer)
        except NotAcceptable:
            self._tell(call.id, port.DialFailed("rejected", 488))
            self._end(call, "protocol_error")
            return
        self._media.connect(call.id, plan)
        self._tell(call.id, port.Answered(time.time()))

    def _on_refused(self, call: _Call, status: int) -> None:
        self._dial_failed(call, port.DialFailed(failure_of(status), status))

    def _on_unanswered(self, call: _Call) -> None:
        self._dial_failed(call, port.DialFailed("unreachable", 408))

    def _give_up(self, call: _Call) -> None:
        """Nobody picked up: CANCEL; should the answer cross it, the call is acknowledged and ended at once."""
        if not isinstance(call.sip, OutgoingCall) or call.answered:
            return
        sip, agent = call.sip, call.agent
        sip.on_answer = lambda _: agent.out.send_bye(sip.dialog, sip.remote_addr)
        sip.on_rejected = None
        sip.cancel(agent.out)
        sip.dialog.state = DialogState.EARLY
        agent.out._calls[sip.call_id] = sip
        self._loop.call_later(LATE_ANSWER_S, agent.out.remove_call, sip.call_id)
        self._dial_failed(call, port.DialFailed("no_answer", 0), keep=True)

    def _dial_failed(self, call: _Call, failure: port.DialFailed, *, keep: bool = False) -> None:
        if self._calls.get(call.id) is call:
            self._tell(call.id, failure)
            self._over(call, "we_hung_up", keep=keep)

    def _learn_contact(self, agent: Agent, response: SipResponse) -> None:
        """Requests within a call go to the Contact of its 200 (RFC 3261 §12.1.2), which aiosipua leaves unread."""
        cseq, contact = response.cseq, response.get_header("contact")
        outgoing = agent.out.get_call(response.call_id or "")
        if outgoing and contact and cseq and cseq.method == "INVITE" and 200 <= response.status_code < 300:
            try:
                outgoing.dialog.remote_target = stringify_uri(parse_address(contact).uri)
            except (ValueError, AttributeError):
                log.info("contact_unreadable")

    # -- the end of a call

    def _end(self, call: _Call | None, cause: GoneCause) -> None:
        """End a call from our side, however far it has come."""
        if call is None or self._calls.get(call.id) is not call:
            return
        if isinstance(call.sip, IncomingCall) and not call.answered:
            call.agent.refuse(call.sip, 480, "Temporarily Unavailable")
        elif isinstance(call.sip, IncomingCall):
            call.sip.hangup()
        elif call.answered:
            call.sip.hangup(call.agent.out)
        else:
            call.sip.cancel(call.agent.out)
        self._over(call, cause)

    def _over(self, call: _Call | None, cause: GoneCause, *, keep: bool = False) -> None:
        """Forget a call everywhere and report its end, once."""
        if call is None or self._calls.pop(call.id, None) is not call:
            return
        self._by_sip.pop(call.sip.call_id, None)
        for timer in (call.ringing, call.transferring):
            if timer:
                timer.cancel()
        if not keep:
            call.agent.forget(call.sip.call_id)
        self._media.close(call.id)
        self._tell(call.id, port.Gone(cause))
