"""Changes of a session under way: re-INVITE and UPDATE of the other side, our own re-INVITE, and the ACKs of them all.

Offer and answer by RFC 3261 §14, RFC 3311 and RFC 3264; the terms themselves are decided in `terms`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from aiosipua import SipRequest

from ivr.lines.sip.asked import Asked, NoAnswer
from ivr.lines.sip.reading import Request, Response
from ivr.lines.sip.served import Served
from ivr.lines.sip.session import TooShort, answer_session, session_headers
from ivr.lines.sip.terms import NotAcceptable

if TYPE_CHECKING:
    from ivr.lines.sip.leg import Leg

log = structlog.get_logger(__name__)


class Changes:
    """One call's offers and answers, its first answer included."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._unacknowledged: Served | None = None
        self._offered = False
        self._asked: Asked | None = None

    @property
    def waits_for_ack(self) -> bool:
        """A 2xx of ours is out and not acknowledged."""
        return self._unacknowledged is not None

    # -- the other side asks

    def accept(self, served: Served, headers: dict[str, str], sdp: str, *, offered: bool) -> None:
        """Send the 2xx of an INVITE and see that it is acknowledged. `offered`: it holds our offer, the ACK answers."""
        if self._unacknowledged is not None:
            self._unacknowledged.acknowledge()  # A newer INVITE is as good as the ACK of the older one.
        self._unacknowledged, self._offered = served, offered
        served.on_unacknowledged = lambda: self._never_acknowledged(served)
        self._leg.reply(served, 200, headers, sdp)

    def invited(self, served: Served) -> None:
        """A re-INVITE: another address, another law, hold, or a sign of life."""
        leg = self._leg
        if self._asked is not None and not self._asked.is_over:
            leg.reply(served, 491)
            return
        if not leg.answered or (self._unacknowledged is not None and self._offered):
            # An offer is under way already; the other side tries again (RFC 3261 §14.2).
            leg.reply(served, 500, {"Retry-After": "2"})
            return
        headers = self._session(served)
        if headers is None:
            return
        if served.request.sdp is None:
            leg.learn(served.request)
            self.accept(served, headers, leg.terms.offer(), offered=True)
            return
        answer = self._answer(served)
        if answer is not None:
            leg.learn(served.request)
            self.accept(served, headers, answer, offered=False)

    def updated(self, served: Served) -> None:
        """An UPDATE: as a re-INVITE without ACK, or only a sign of life (RFC 3311)."""
        leg = self._leg
        if served.request.sdp is not None and not leg.answered:
            leg.reply(served, 500, {"Retry-After": "2"})
            return
        headers = self._session(served)
        if headers is None:
            return
        if served.request.sdp is None:
            leg.learn(served.request)
            leg.reply(served, 200, headers)
            return
        answer = self._answer(served)
        if answer is not None:
            leg.learn(served.request)
            leg.reply(served, 200, headers, answer)

    def acknowledged(self, request: Request) -> None:
        """The ACK of our 2xx is here, with the answer when the 2xx held our offer."""
        served = self._unacknowledged
        if served is None or request.cseq != served.request.cseq:
            return
        self._unacknowledged = None
        served.acknowledge()
        leg = self._leg
        if leg.is_over:
            leg.send_bye()
        elif self._offered:
            self._take_answer(request.sdp)

    def _answer(self, served: Served) -> str | None:
        leg = self._leg
        try:
            answer, agreement = leg.terms.answer(served.request.sdp or "")
        except NotAcceptable as error:
            # The session goes on as it was (§14.2).
            log.info("change_not_acceptable", call=leg.call, reason=str(error))
            leg.reply(served, 488)
            return None
        leg.agree(agreement)
        return answer

    def _session(self, served: Served) -> dict[str, str] | None:
        """The session timer's headers; None when it was refused."""
        leg, settings = self._leg, self._leg.station.settings
        session = answer_session(served.request, settings.session_expires_s, settings.min_session_s)
        if isinstance(session, TooShort):
            leg.reply(served, 422, {"Min-SE": str(session.min_s)})
            return None
        if leg.answered:
            leg.liveness.begin(session, served.request)
        return session_headers(session, served.request)

    def _never_acknowledged(self, served: Served) -> None:
        """RFC 3261 §13.3.1.4: the dialog stands all the same, so it is ended by BYE."""
        if self._unacknowledged is served:
            self._unacknowledged = None
            self._leg.send_bye()
            self._leg.end("dead_line")
            self._leg.settle()

    # -- we ask

    def offer_again(
        self, headers: dict[str, str], heard: Callable[[Response], None], unheard: Callable[[NoAnswer], None]
    ) -> None:
        """A re-INVITE of ours with the session as it is."""
        leg = self._leg
        invite = leg.request("INVITE", contact=True)
        for name, value in headers.items():
            invite.headers.set_single(name, value)
        invite.headers.set_single("Content-Type", "application/sdp")
        invite.text = leg.terms.offer()

        def answered(response: Response) -> None:
            if 200 <= response.status < 300:
                self._accepted(invite, response)
            if response.status >= 200:
                heard(response)

        self._asked = leg.ask(invite, answered, unheard)

    def _accepted(self, invite: SipRequest, response: Response) -> None:
        leg = self._leg
        leg.learn(response)
        self.acknowledge(invite, response)
        if not leg.is_over:
            self._take_answer(response.sdp)

    def ended(self) -> None:
        """The other side said BYE: an ACK that is still due will not come."""
        if self._unacknowledged is not None:
            self._unacknowledged.acknowledge()
            self._unacknowledged = None

    def _take_answer(self, sdp: str | None) -> None:
        leg = self._leg
        try:
            leg.agree(leg.terms.agreed(sdp))
        except NotAcceptable as error:
            log.info("answer_not_acceptable", call=leg.call, reason=str(error))
            leg.hang_up("protocol_error")

    def acknowledge(self, invite: SipRequest, response: Response) -> None:
        """The ACK of a 2xx to an INVITE of ours: in the dialog, with the INVITE's number (§13.2.2.4)."""
        leg = self._leg
        number = leg.dialog.local_cseq
        leg.dialog.local_cseq = response.cseq - 1
        ack = leg.request("ACK", contact=True)
        leg.dialog.local_cseq = max(number, response.cseq)
        for name in ("authorization", "proxy-authorization"):
            if value := invite.headers.get_first(name):
                ack.headers.set_single(name, value)
        leg.station.wiring.send(bytes(ack), leg.next_hop())
