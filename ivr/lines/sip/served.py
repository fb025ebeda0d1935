"""Requests of the other side, each taken once (RFC 3261 §17.2, RFC 6026): repetitions get the same answer again.

Keeps what was answered as long as a repetition may come, sends final answers to an INVITE until they are acknowledged,
and finds the INVITE that an ACK or a CANCEL belongs to. No dialogs, no calls.
"""

from __future__ import annotations

from collections.abc import Callable

from aiosipua import SipResponse

from ivr.lines.sip.clock import Clock, Timer
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.reading import Request
from ivr.lines.sip.replies import response_to

T1, T2 = 0.5, 4.0
LONG_S = 64 * T1
"""Timers H, J and L: after so long nothing of a transaction is on its way any more."""
CONFIRMED_S = 5.0
"""Timer I: how long repeated ACKs of a refusal are expected."""

Send = Callable[[bytes, Hop], None]
Nothing = Callable[[], None]


class Served:
    """One request of the other side. `answer` may be called for each provisional response and once for a final one."""

    def __init__(self, request: Request, send: Send, clock: Clock, over: Callable[[Served], None]) -> None:
        self.request = request
        self.status = 0
        self.on_unacknowledged: Nothing = lambda: None
        self._send = send
        self._clock = clock
        self._over = over
        self._last: bytes | None = None
        self._resend: Timer | None = None
        self._end: Timer | None = None
        self._acknowledged = False

    @property
    def is_final(self) -> bool:
        return self.status >= 200

    @property
    def is_invite(self) -> bool:
        return self.request.method == "INVITE"

    @property
    def waits_for_ack(self) -> bool:
        """A final answer to an INVITE is out, and no ACK has come."""
        return self.is_invite and self.is_final and not self._acknowledged

    def answer(self, response: SipResponse) -> None:
        """Send this response. What comes after a final one is dropped: the other side has heard its answer."""
        if self.is_final:
            return
        self.status = response.status_code
        self._last = bytes(response)
        self._send(self._last, self.request.reply_to)
        if response.status_code < 200:
            return
        if self.is_invite:
            # A 2xx is repeated over TCP too: a proxy behind it may speak UDP (§13.3.1.4).
            if self.status < 300 or self.request.source.transport == "UDP":
                self._resend = self._clock.call_later(T1, lambda: self._repeat(T1))
            self._end = self._clock.call_later(LONG_S, self._given_up)
        else:
            kept = LONG_S if self.request.source.transport == "UDP" else 0.0
            self._end = self._clock.call_later(kept, self._finish)

    def refuse(self, status: int, phrase: str = "", headers: dict[str, str] | None = None, tag: str = "") -> None:
        """Answer with an error."""
        self.answer(response_to(self.request.message, status, phrase, tag=tag, headers=headers))

    def repeated(self) -> None:
        """The same request came again."""
        if self._last is not None and not (self.is_invite and 200 <= self.status < 300):
            self._send(self._last, self.request.reply_to)

    def acknowledge(self) -> None:
        """The ACK is here (for a 2xx it comes in a transaction of its own, so the dialog tells)."""
        if self._acknowledged or not self.is_final:
            return
        self._acknowledged = True
        self._stop_resending()
        if self._end and self.status >= 300:
            self._end.cancel()
            kept = CONFIRMED_S if self.request.source.transport == "UDP" else 0.0
            self._end = self._clock.call_later(kept, self._finish)

    def drop(self) -> None:
        """Forget it at once (the line closes)."""
        self._stop_resending()
        if self._end:
            self._end.cancel()

    def _repeat(self, interval: float) -> None:
        if self._last is not None:
            self._send(self._last, self.request.reply_to)
        after = min(2 * interval, T2)
        self._resend = self._clock.call_later(after, lambda: self._repeat(after))

    def _stop_resending(self) -> None:
        if self._resend:
            self._resend.cancel()
            self._resend = None

    def _given_up(self) -> None:
        unheard = not self._acknowledged
        self._finish()
        if unheard:
            self.on_unacknowledged()

    def _finish(self) -> None:
        self._stop_resending()
        self._over(self)


class ServedTable:
    """All requests that may still be repeated."""

    def __init__(self, send: Send, clock: Clock, most: int = 20_000) -> None:
        self._send = send
        self._clock = clock
        self._most = most
        self._table: dict[tuple[str, str, str], Served] = {}
        self._invites: dict[tuple[str, str, int], Served] = {}

    def __len__(self) -> int:
        return len(self._table)

    @property
    def is_full(self) -> bool:
        """So many requests are remembered that new ones can only be refused without memory."""
        return len(self._table) >= self._most

    def known(self, request: Request) -> Served | None:
        """The transaction of a repeated request, or of the INVITE that an ACK belongs to."""
        return self._table.get(request.key)

    def begin(self, request: Request) -> Served:
        """Take a request that is not known."""
        served = Served(request, self._send, self._clock, self._forget)
        self._table[request.key] = served
        if request.method == "INVITE":
            self._invites.setdefault(_invite_key(request), served)
        return served

    def cancelled(self, cancel: Request) -> Served | None:
        """The INVITE that this CANCEL means (§9.2)."""
        return self._table.get((cancel.branch, cancel.sent_by, "INVITE"))

    def find(self, branch: str, method: str) -> Served | None:
        """The transaction that a response, known by its topmost branch and its method, is to go into."""
        found = (served for key, served in self._table.items() if key[0] == branch and key[2] == method)
        return next(found, None)

    def merged(self, served: Served) -> bool:
        """Whether the same INVITE came by another way before (§8.2.2.2): one call must not ring twice."""
        return self._invites.get(_invite_key(served.request)) is not served

    def close(self) -> None:
        for served in self._table.values():
            served.drop()
        self._table.clear()
        self._invites.clear()

    def _forget(self, served: Served) -> None:
        if self._table.get(served.request.key) is served:
            del self._table[served.request.key]
        if served.is_invite and self._invites.get(_invite_key(served.request)) is served:
            del self._invites[_invite_key(served.request)]


def _invite_key(request: Request) -> tuple[str, str, int]:
    return request.call_id, request.from_tag, request.cseq
