"""pyVoIP's own classes, with what they lack: imported only where pyVoIP is installed (`library.load_phone`).

Kept of pyVoIP: how it reads messages, its registration and digest, its calls and their states, its answers. Taken away:
its sockets and threads (its texts go out through `Carrier`, which repeats them until they are answered), its sound,
the second it waits before it tells of a call, and the tables that it never empties.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any, Protocol

import pyVoIP
import structlog
from pyVoIP import SIP
from pyVoIP.VoIP import VoIP as voip

log = structlog.get_logger(__name__)

pyVoIP.SIPCompatibleMethods = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"]
"""What it can read, and what it says in Allow; the last two are answered by the line."""
AGAIN_S = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Carrier(Protocol):
    """Brings pyVoIP's texts to the PBX and its answers back."""

    def carry(self, text: str, answered: Callable[[Any], None] | None = None) -> None:
        """Send. For requests, `answered` hears each final response as pyVoIP reads it, None when there is none."""

    def later(self, after_s: float, act: Callable[[], object]) -> Any: ...


class Outbox:
    """Stands where pyVoIP expects its socket."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def sendto(self, data: bytes, _address: tuple[str, int]) -> None:
        self._carrier.carry(data.decode("utf-8"))

    def setblocking(self, _blocking: bool) -> None: ...


class Client(SIP.SIPClient):
    """pyVoIP's user agent without sockets and threads. `answer_of` gives a call's session description by Call-ID."""

    def __init__(self, phone: Phone, carrier: Carrier, answer_of: Callable[[str], str], expires_s: int) -> None:
        super().__init__(
            phone.server,
            phone.port,
            phone.username,
            phone.password,
            phone=phone,
            myIP=phone.myIP,
            myPort=phone.own_port,
            callCallback=phone.callback,
        )
        self.default_expires = expires_s
        self.registered = False
        outbox: Any = Outbox(carrier)
        self.s = self.out = outbox
        self.refusal = (486, "Busy Here")
        self._carrier = carrier
        self._answer_of = answer_of
        self._failures = 0
        self._challenged = False

    # -- registration, driven by answers instead of waiting for them

    def start(self) -> None:
        self.NSD = True
        self.register()

    def stop(self) -> None:
        self.NSD = False
        if self.registered:
            self.registered = False
            self._carrier.carry(self.gen_first_response(deregister=True), self._left)

    def register(self) -> bool:
        """Ask once; refreshed, or asked again, by itself."""
        if self.NSD:
            self._challenged = False
            self._carrier.carry(self.gen_first_response(), self._registered)
        return self.registered

    def _registered(self, response: SIP.SIPMessage | None) -> None:
        if not self.NSD:
            return
        status = int(response.status) if response else 0
        if status == 401 and not self._challenged and response:
            self._challenged = True
            self._carrier.carry(self.gen_register(response), self._registered)
            return
        if status == 200:
            if not self.registered:
                log.info("pyvoip_registered", registrar=self.server)
            self.registered, self._failures = True, 0
            self._carrier.later(max(self.default_expires * 0.9 - 5, 5.0), self.register)
            return
        pause = AGAIN_S[min(self._failures, len(AGAIN_S) - 1)]
        self.registered, self._failures = False, self._failures + 1
        log.error("pyvoip_register_failed", status=status, again_in_s=pause)
        self._carrier.later(pause, self.register)

    def _left(self, response: SIP.SIPMessage | None) -> None:
        if response and int(response.status) == 401 and not self._challenged:
            self._challenged = True
            self._carrier.carry(self.gen_register(response, deregister=True), self._left)

    # -- what it writes, corrected

    def gen_tag(self) -> str:
        """Without the list of all tags there ever were."""
        return secrets.token_hex(8)

    def gen_call_id(self) -> str:
        """pyVoIP counts from one at every start: the PBX would take the registration for an old one."""
        return f"{secrets.token_hex(16)}@{self.myIP}"

    def gen_ok(self, request: SIP.SIPMessage) -> str:
        """With our own tag in To: pyVoIP puts a new one into each response."""
        text = str(super().gen_ok(request))
        tag = request.headers["To"]["tag"]
        return re.sub(r"(?m)^(To: .*;tag=).*?\r$", rf"\g<1>{tag}\r", text) if tag else text

    def gen_busy(self, request: SIP.SIPMessage) -> str:
        """With the status that was asked for, and the tag of the ringing before."""
        status, phrase = self.refusal
        text = str(super().gen_busy(request)).replace("486 Busy Here", f"{status} {phrase}", 1)
        text = re.sub(r"(?m)^(Contact|Warning): .*\r\n", "", text)
        if status == 503:
            text = text.replace("Content-Length", "Retry-After: 5\r\nContent-Length", 1)
        tag = self.tagLibrary.get(request.headers["Call-ID"])
        return re.sub(r"(?m)^(To: .*;tag=).*?\r$", rf"\g<1>{tag}\r", text) if tag else text

    def gen_ringing(self, request: SIP.SIPMessage) -> str:
        """With our Contact instead of the caller's own."""
        own = f"Contact: <sip:{self.username}@{self.myIP}:{self.myPort}>\r\n"
        return re.sub(r"(?m)^Contact: .*\r\n", own, str(super().gen_ringing(request)))

    def gen_answer(self, request: SIP.SIPMessage, sess_id: str, ms: Any, sendtype: Any) -> str:
        """pyVoIP's head with a session description that answers the offer (hold, other media lines, one law)."""
        head = str(super().gen_answer(request, sess_id, ms, sendtype)).partition("\r\n\r\n")[0]
        body = self._answer_of(request.headers["Call-ID"])
        return re.sub(r"(?m)^Content-Length: \d+", f"Content-Length: {len(body)}", head) + f"\r\n\r\n{body}"

    def gen_bye(self, request: SIP.SIPMessage) -> str:
        """With our own Via and a target: pyVoIP repeats the caller's Via, so that the answer never reaches us."""
        target = re.search(r"<?(sip:[^>;\s]+)", str(request.headers.get("Contact", "")))
        text = str(super().gen_bye(request))
        text = re.sub(r"(?m)^Via: .*\r\n", "", text)
        own = f"Via: SIP/2.0/UDP {self.myIP}:{self.myPort};branch={self.gen_branch()};rport\r\n"
        first = f"BYE {target[1] if target else f'sip:{self.server}:{self.port}'} SIP/2.0\r\n"
        return first + own + text.partition("\r\n")[2]


class Call(voip.VoIPCall):
    """A pyVoIP call without sound of its own; `on_change` answers a re-INVITE's offer for it."""

    on_change: Callable[[SIP.SIPMessage], None]

    def __init__(self, phone: Phone, request: SIP.SIPMessage, session_id: int) -> None:
        # Begun as if we dialled: only so does pyVoIP leave the offer alone, whose reading can fail and takes ports.
        super().__init__(phone, voip.CallState.DIALING, request, session_id, phone.myIP, ms={}, sendmode="sendrecv")
        self.state = voip.CallState.RINGING

    def renegotiate(self, request: SIP.SIPMessage) -> None:
        self.on_change(request)

    def __del__(self) -> None: ...


class Phone(voip.VoIPPhone):
    """pyVoIP's phone; `on_call(call)` hears of a call as soon as it rings."""

    def __init__(
        self,
        server: tuple[str, int],
        username: str,
        password: str,
        own: tuple[str, int],
        on_call: Callable[[Any], None],
    ) -> None:
        self.own_port = own[1]
        super().__init__(server[0], server[1], username, password, myIP=own[0], callCallback=on_call, sipPort=own[1])
        self._on_call = on_call

    def begin(self, carrier: Carrier, answer_of: Callable[[str], str], expires_s: int) -> None:
        """Register."""
        self.sip = Client(self, carrier, answer_of, expires_s)
        self.start()

    def forget(self, sip_id: str) -> None:
        """A call is over: pyVoIP keeps something of it in three tables."""
        self.calls.pop(sip_id, None)
        self.sip.tagLibrary.pop(sip_id, None)
        self.session_ids.clear()

    def _callback_MSG_Invite(self, request: SIP.SIPMessage) -> None:
        known = self.calls.get(request.headers["Call-ID"])
        if known is not None:
            known.renegotiate(request)
            return
        self.sip.out.sendto(self.sip.gen_ringing(request).encode("utf8"), (self.server, self.port))
        self._create_Call(request, secrets.randbelow(100_000) + 1)
        self._on_call(self.calls[request.headers["Call-ID"]])

    def _create_Call(self, request: SIP.SIPMessage, sess_id: int) -> None:
        self.calls[request.headers["Call-ID"]] = Call(self, request, sess_id)

    def request_port(self, blocking: bool = True) -> int:
        raise NotImplementedError("ports belong to the media process")

    def release_ports(self, call: Any = None) -> None: ...
