"""Carries pyVoIP's texts to the PBX and its answers back: stands where pyVoIP's socket was, repeats what gets lost.

Knows transactions, not calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiosipua import SipMessage, SipResponse

from ivr.lines.sip.asked import AskedTable
from ivr.lines.sip.clock import Clock, Timer
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.reading import Response
from ivr.lines.sip.served import Send, Served, ServedTable

PATIENCE_S = 16.0


class WireCarrier:
    """Implements `phone.Carrier`. `source_of` tells where a call's last request came from, None for no call."""

    def __init__(self, send: Send, clock: Clock, pbx: Hop, source_of: Callable[[str], Hop | None]) -> None:
        self.served = ServedTable(send, clock)
        self.asked = AskedTable(send, clock)
        self._clock = clock
        self._pbx = pbx
        self._source_of = source_of

    def carry(self, text: str, answered: Callable[[Any], None] | None = None) -> None:
        """A text that pyVoIP wrote: responses into their transaction, requests into one of their own."""
        message = SipMessage.parse(text.encode("utf-8"))
        if isinstance(message, SipResponse):
            served = self._served_for(message)
            if served is not None:
                served.answer(message)
            return
        # Within a call to where the PBX's own requests came from: it may have more than one address.
        hop = self._source_of(message.call_id or "") or self._pbx
        hear = answered or (lambda _response: None)

        def heard(response: Response) -> None:
            if response.status >= 200:
                hear(as_pyvoip(response.message))

        patience = 2 * PATIENCE_S if message.method == "BYE" else PATIENCE_S
        self.asked.ask(message, hop, heard, lambda _why: hear(None), patience)

    def later(self, after_s: float, act: Callable[[], object]) -> Timer:
        return self._clock.call_later(after_s, act)

    def _served_for(self, response: SipResponse) -> Served | None:
        vias, cseq = response.via, response.cseq
        if not vias or cseq is None:
            return None
        return self.served.find(vias[0].branch or "", cseq.method)


def as_pyvoip(message: SipMessage) -> Any:
    """The same message as pyVoIP reads it."""
    from pyVoIP.SIP import SIPMessage  # noqa: PLC0415 (optional; `load_phone` has found it)

    return SIPMessage(bytes(message))
