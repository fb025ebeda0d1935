"""Who is let in: strangers and broken messages are answered, or not, without being remembered."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from ivr.lines.sip.hop import Hop
from ivr.lines.sip.reading import Flaw, Request
from ivr.lines.sip.replies import refusal, response_to
from ivr.lines.sip.station import Station

log = structlog.get_logger(__name__)


class Doorkeeper:
    """Every request passes here first."""

    def __init__(self, station: Station, complain: Complaints) -> None:
        self._station = station
        self._complain = complain

    def admit(self, found: Request | Flaw, source: Hop) -> Request | None:
        """The request, if it is sound and from a peer."""
        if not self._station.is_peer(source.host):
            self._refuse_stranger(found, source)
        elif isinstance(found, Flaw):
            self._answer_flaw(found, source)
        else:
            return found
        return None

    def _refuse_stranger(self, found: Request | Flaw, source: Hop) -> None:
        method = found.method if isinstance(found, Request) else "unreadable"
        self._complain("sip_stranger_refused", source.host, method=method[:20])
        if isinstance(found, Request) and not self._station.settings.silent_refusal and method != "ACK":
            self._station.wiring.send(bytes(refusal(found, 403)), found.reply_to)

    def _answer_flaw(self, flaw: Flaw, source: Hop) -> None:
        self._complain("sip_message_flawed", source.host, reason=flaw.reason[:100])
        if flaw.request is not None and flaw.reply_to is not None and flaw.request.method != "ACK":
            self._station.wiring.send(bytes(response_to(flaw.request, flaw.status, flaw.phrase)), flaw.reply_to)


class Complaints:
    """A log that an attacker can't flood: each kind of complaint about one peer at most once in `every_s`."""

    def __init__(self, every_s: float = 60.0, most: int = 1000, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._most = most
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def __call__(self, event: str, peer: str, **details: str | int) -> None:
        now = self._clock()
        at, held_back = self._told.get((event, peer), (now - self._every_s, 0))
        if now - at < self._every_s:
            self._told[event, peer] = (at, held_back + 1)
            return
        if len(self._told) >= self._most:
            self._told.clear()
        self._told[event, peer] = (now, 0)
        log.warning(event, peer=peer, held_back=held_back, **details)
