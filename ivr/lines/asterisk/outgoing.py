"""A call that we make through Asterisk: to strictly checked numbers only, and what became of it."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from collections.abc import Callable

from ivr.lines.asterisk.call import Asking, AsteriskCall
from ivr.lines.asterisk.causes import NORMAL_CLEARING, GoneCause, dial_failure
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import ChannelDestroyed, Reply
from ivr.lines.port import Answered, DialFailed, DialFailure, Dialled, Gone, LineEvent, Ringing

OUT = "out"
FORMATS = "alaw,ulaw"
CALL_VARIABLE = "ORDERLINE_CALL"
PREFIX = "out-"
_CALLER_ID = re.compile(r"\+?[0-9]{0,20}")


class Undiallable(ValueError):
    """The wish names no number that may be dialled; the message says why."""


class OutgoingCall(AsteriskCall):
    """From `dial` until somebody answers, or until it is known why nobody does. Then a call like any other."""

    def __init__(
        self, wish: Dialled, ask: Asking, report: Callable[[str, LineEvent], None], settings: AsteriskSettings
    ) -> None:
        super().__init__(wish.call, PREFIX + secrets.token_hex(8), ask, report)
        self._wish = wish
        self._settings = settings
        self._failure: tuple[DialFailure, int] | None = None
        self._ringing: asyncio.TimerHandle | None = None
        self._rang = False

    def dial(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises Undiallable."""
        number, caller_id = self._wish.to, self._wish.caller_id or self._settings.caller_id
        # Checked here, whatever the dialplan checks again: "500&PJSIP/trunk/…" would ring two places and pay for one.
        if not re.fullmatch(self._settings.outbound_pattern, number, re.ASCII):
            raise Undiallable("that is no number that may be dialled")
        if not _CALLER_ID.fullmatch(caller_id):
            raise Undiallable("the caller ID is no number")
        self._ringing = loop.call_later(self._wish.ring_s, self._rang_out)
        body: dict[str, object] = {
            "endpoint": self._settings.dial.format(number=number),
            "app": self._settings.app,
            "appArgs": OUT,
            "channelId": self.channel,
            # Left to itself, a Local channel speaks signed linear: each call out would be transcoded.
            "formats": FORMATS,
            # Asterisk's own clock is only for the case that we die while it rings.
            "timeout": str(math.ceil(self._wish.ring_s) + 2),
            "variables": {CALL_VARIABLE: self._wish.call},
        }
        if caller_id:
            body["callerId"] = caller_id
        self._ask("POST", "channels", self._taken_up, body=body)

    def refuse(self) -> None:
        """It is not to be dialled at all."""
        self._fail("rejected", 484)

    def rings(self, when: float) -> None:
        """The other telephone rings."""
        if not self._rang and not self.answered and not self.over:
            self._rang = True
            self.tell(Ringing(when))

    def picked_up(self, when: float) -> None:
        """Somebody has answered."""
        self._stop_ringing()
        if not self.answered and self.ending is None:
            self.answered = True
            self.tell(Answered(when))

    def hang_up(self, cause: GoneCause = "we_hung_up", reason_code: int = NORMAL_CLEARING) -> None:
        if not self.answered and self._failure is None:
            self._failure = ("cancelled", 487)
        super().hang_up(cause, reason_code)

    def destroyed(self, event: ChannelDestroyed) -> None:
        """The channel is no more, perhaps before anybody answered."""
        if self.answered:
            self.ended("caller_hung_up")
        else:
            self._fail(*(self._failure or dial_failure(event.cause, event.tech_cause)))

    def ended(self, otherwise: GoneCause) -> None:
        self._stop_ringing()
        if self.answered:
            super().ended(otherwise)
        else:
            self._fail(*(self._failure or ("unreachable", 503)))

    def _rang_out(self) -> None:
        if not self.answered and self._failure is None:
            self._failure = ("no_answer", 408)
            self.hang_up()

    def _taken_up(self, reply: Reply) -> None:
        """Asterisk refuses at once what it has no way to: no such trunk, or one that does not answer."""
        if not reply.done and not self.over:
            self._fail("unreachable", 503)

    def _fail(self, failure: DialFailure, status: int) -> None:
        self._stop_ringing()
        self.tell(DialFailed(failure, status))
        self.tell(Gone("we_hung_up"))
        self.over = True

    def _stop_ringing(self) -> None:
        if self._ringing:
            self._ringing.cancel()
            self._ringing = None
