"""Requests of ours, each sent until it is answered (RFC 3261 §17.1): timers A to F and K, and the ACK of a refusal.

Knows neither dialogs nor calls: who asks hears every response, or that none came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from aiosipua import SipRequest, SipResponse

from ivr.lines.sip.clock import Clock, Timer
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.reading import Response
from ivr.lines.sip.served import LONG_S, T1, T2, Send

NoAnswer = Literal["timeout", "unreachable"]
OnResponse = Callable[[Response], None]
OnNoAnswer = Callable[[NoAnswer], None]
LONGEST_PROCEEDING_S = 400.0
"""An INVITE that rings longer than this is nobody's any more, whatever its owner forgot."""


class Asked:
    """One request of ours on its way."""

    def __init__(
        self,
        request: SipRequest,
        branch: str,
        hop: Hop,
        table: AskedTable,
        on_response: OnResponse,
        on_no_answer: OnNoAnswer,
        patience_s: float,
    ) -> None:
        self.request = request
        self.branch = branch
        self.hop = hop
        self.status = 0
        self._table = table
        self._on_response = on_response
        self._on_no_answer = on_no_answer
        self._data = bytes(request)
        self._resend: Timer | None = None
        self._end = table.clock.call_later(patience_s, lambda: self.fail("timeout"))
        if hop.transport == "UDP":
            self._resend = table.clock.call_later(T1, lambda: self._repeat(T1))

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def is_invite(self) -> bool:
        return self.request.method == "INVITE"

    @property
    def is_over(self) -> bool:
        """A final response came, or none will."""
        return self.status >= 200

    def transmit(self) -> None:
        self._table.send(self._data, self.hop)

    def heard(self, response: Response) -> None:
        """A response came. Repeated final ones reach the owner only for a 2xx, which it has to acknowledge again."""
        if self.is_over:
            self._heard_again(response)
            return
        self.status = response.status
        if response.status < 200:
            if self.is_invite:
                self._stop_resending()
                self._end_in(LONGEST_PROCEEDING_S)
            self._on_response(response)
            return
        self._stop_resending()
        if self.is_invite and response.status >= 300:
            self._table.send(bytes(ack_of_refusal(self.request, response.message)), self.hop)
        linger = LONG_S if self.is_invite else T2
        self._end_in(linger if self.hop.transport == "UDP" or self.is_invite else 0.0, over=True)
        self._on_response(response)

    def fail(self, why: NoAnswer) -> None:
        """None came in time, or none can come."""
        if not self.is_over:
            self.status = 999
            self.drop()
            self._table.forget(self)
            self._on_no_answer(why)

    def drop(self) -> None:
        """Stop at once; nobody is told."""
        self._stop_resending()
        self._end.cancel()

    def _heard_again(self, response: Response) -> None:
        if self.is_invite and response.status >= 300:
            self._table.send(bytes(ack_of_refusal(self.request, response.message)), self.hop)
        elif self.is_invite and response.status >= 200:
            self._on_response(response)

    def _repeat(self, interval: float) -> None:
        self.transmit()
        # An INVITE backs off without limit (timer A), other requests up to T2 (timer E).
        after = 2 * interval if self.is_invite else min(2 * interval, T2)
        self._resend = self._table.clock.call_later(after, lambda: self._repeat(after))

    def _stop_resending(self) -> None:
        if self._resend:
            self._resend.cancel()
            self._resend = None

    def _end_in(self, after_s: float, *, over: bool = False) -> None:
        self._end.cancel()
        act = (lambda: self._table.forget(self)) if over else (lambda: self.fail("timeout"))
        self._end = self._table.clock.call_later(after_s, act)


class AskedTable:
    """All requests of ours that wait for an answer, or for repetitions of it."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self.send = send
        self.clock = clock
        self._table: dict[tuple[str, str], Asked] = {}

    def __len__(self) -> int:
        return len(self._table)

    @property
    def unanswered(self) -> int:
        return sum(not asked.is_over for asked in self._table.values())

    def ask(
        self,
        request: SipRequest,
        hop: Hop,
        on_response: OnResponse,
        on_no_answer: OnNoAnswer,
        patience_s: float = LONG_S,
    ) -> Asked:
        """Send a request. `patience_s`: how long any response may take (for an INVITE: the first one)."""
        branch = request.via[0].branch or ""
        asked = Asked(request, branch, hop, self, on_response, on_no_answer, patience_s)
        self._table[branch, request.method] = asked
        asked.transmit()
        return asked

    def heard(self, response: Response) -> bool:
        """Whether this response belongs to something of ours."""
        asked = self._table.get((response.branch, response.method))
        if asked is None:
            return False
        asked.heard(response)
        return True

    def unreachable(self, branch: str, hop: Hop) -> None:
        """The network said that what was sent with this branch did not arrive ("" for all that went there)."""
        for asked in list(self._table.values()):
            if (asked.branch == branch) if branch else (asked.hop == hop):
                asked.fail("unreachable")

    def forget(self, asked: Asked) -> None:
        key = asked.branch, asked.method
        if self._table.get(key) is asked:
            del self._table[key]

    def close(self) -> None:
        for asked in self._table.values():
            asked.drop()
        self._table.clear()


def ack_of_refusal(invite: SipRequest, response: SipResponse) -> SipRequest:
    """The ACK of a final response that is no 2xx: the INVITE's own branch and route (§17.1.1.3)."""
    ack = SipRequest(method="ACK", uri=invite.uri)
    ack.headers.append("Via", invite.headers.get("via")[0])
    for value in invite.headers.get("route"):
        ack.headers.append("Route", value)
    ack.headers.set_single("From", invite.headers.get_first("from") or "")
    ack.headers.set_single("To", response.headers.get_first("to") or "")
    ack.headers.set_single("Call-ID", invite.headers.get_first("call-id") or "")
    number = invite.cseq.seq if invite.cseq else 1
    ack.headers.set_single("CSeq", f"{number} ACK")
    ack.headers.set_single("Max-Forwards", "70")
    return ack
