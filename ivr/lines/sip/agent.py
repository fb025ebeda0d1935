"""aiosipua's user-agent server with what an order line needs besides: INFO, refusals with a reason, late answers.

Reaches into aiosipua's tables where it has no public way (0.7.1, pinned): to forget a call that is over, which it
otherwise keeps for ever, and to refuse a re-INVITE without ending its dialog.
"""

from __future__ import annotations

from collections.abc import Callable

from aiosipua import IncomingCall, SdpMessage, SipRequest, SipUAC, SipUAS, parse_sdp
from aiosipua.dialog import DialogState
from aiosipua.uas_requests import handle_ack

from ivr.lines.sip.numbers import key_of_info
from ivr.lines.sip.settings import SipSettings
from ivr.lines.sip.transactions import TransactingTransport


class Agent(SipUAS):
    """`on_key(sip_call_id, key)` hears INFO digits; `on_late_answer(sip_call_id, sdp)` an answer within an ACK."""

    def __init__(self, transport: TransactingTransport, settings: SipSettings) -> None:
        super().__init__(
            transport,
            user_agent=settings.user_agent,
            uac=SipUAC(transport),
            session_expires=settings.session_expires_s,
            min_se=settings.min_session_s,
        )
        self.wire = transport
        self.on_key: Callable[[str, str], None] = lambda _call, _key: None
        self.on_late_answer: Callable[[str, SdpMessage], None] = lambda _call, _sdp: None
        self._handlers["INFO"] = self._handle_info
        self._handlers["ACK"] = self._handle_ack

    @property
    def out(self) -> SipUAC:
        """The client side, which always exists here."""
        if self.uac is None:
            raise AssertionError("an Agent is made with its client side")
        return self.uac

    def _handle_invite(self, request: SipRequest, addr: tuple[str, int]) -> None:
        call_id = request.call_id or ""
        tagged = bool(request.to_addr and request.to_addr.tag)
        known = self._calls.get(call_id)
        if known is not None and (not tagged or known.dialog.state != DialogState.CONFIRMED):
            # Not a repetition (those never come here) but a second INVITE into a call that is being set up.
            self._send_error(request, 482, "Loop Detected")
        elif tagged and known is None and self.out.get_call(call_id) is None:
            self._send_error(request, 481, "Call/Transaction Does Not Exist")
        else:
            super()._handle_invite(request, addr)

    def _handle_info(self, request: SipRequest, _addr: tuple[str, int]) -> None:
        call_id = request.call_id or ""
        _, dialog = self._find_dialog(call_id)
        if dialog is None:
            self._send_error(request, 481, "Call/Transaction Does Not Exist")
            return
        if not self._validate_in_dialog(dialog, request):
            return
        key = key_of_info(request.content_type or "", request.text)
        status, reason = (200, "OK") if key else (415, "Unsupported Media Type")
        self.transport.send_reply(dialog.create_response(request, status, reason))
        if key:
            self.on_key(call_id, key)

    def _handle_ack(self, request: SipRequest, addr: tuple[str, int]) -> None:
        handle_ack(self, request, addr)
        if request.body and request.content_type == "application/sdp" and request.call_id in self._calls:
            self.on_late_answer(request.call_id, parse_sdp(request.text))

    def refuse(self, call: IncomingCall, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        """Refuse an INVITE and forget its call."""
        call._send_response(status, reason, extra_headers=headers)
        call.dialog.terminate()
        self.forget(call.call_id)

    def refuse_change(self, call: IncomingCall, status: int, reason: str) -> None:
        """Refuse a re-INVITE; the call goes on as it was."""
        call._send_response(status, reason)

    def forget(self, call_id: str) -> None:
        """Drop a call that is over from every table."""
        if call := self._calls.pop(call_id, None):
            call._stop_retransmissions()
            self._remove_invite_transaction(call.invite)
        self.out.remove_call(call_id)
