"""The watch over the other side of one call: session timer (RFC 4028), and questions when it falls silent.

A caller that vanished sends no BYE. Either its session is not refreshed, or our refresh gets no answer, or its sound
stops and it does not answer OPTIONS: each ends the call as `dead_line`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiosipua import SipRequest

from ivr.lines.sip.asked import Asked, NoAnswer
from ivr.lines.sip.clock import Timer
from ivr.lines.sip.reading import Request, Response
from ivr.lines.sip.session import Session, agreed_session, seconds_of, watchdog_s

if TYPE_CHECKING:
    from ivr.lines.sip.leg import Leg

log = structlog.get_logger(__name__)

AGAIN_S = 4.0
"""After 491 (both asked at once) or while something of ours is on its way."""


class Liveness:
    """Begins with the answer of the call, stops with its end."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._session = Session(leg.station.settings.session_expires_s, we_refresh=True)
        self._speaks_update = True
        self._timer: Timer | None = None
        self._probe: Asked | None = None
        self._told_one_way = False
        self._answers = False

    def begin(self, session: Session, message: Request | Response) -> None:
        """A session was agreed on, or refreshed by the other side."""
        self._session = session
        allow = {value.strip().upper() for value in message.message.headers.get("allow")}
        if allow:
            self._speaks_update = "UPDATE" in allow
        self._arm()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def silent(self, for_s: float, *, spoke: bool) -> None:
        """No sound has come for so long: ask whether anybody is there.

        Where sound did come before, an answer is enough: many phones and gateways send nothing while nobody speaks.
        """
        settings = self._leg.station.settings
        if settings.dead_after_s and for_s >= settings.dead_after_s and not (spoke and self._answers):
            log.warning("call_silent", call=self._leg.call, for_s=round(for_s, 1))
            self._leg.hang_up("dead_line")
            return
        if for_s < settings.probe_after_s or (self._probe is not None and not self._probe.is_over):
            return
        request = self._leg.request("OPTIONS")
        request.headers.set_single("Accept", "application/sdp")
        self._probe = self._leg.ask(request, self._probed, self._lost, settings.probe_patience_s)

    # -- probes

    def _probed(self, response: Response) -> None:
        if response.status < 200:
            return
        if response.status in (408, 481):
            self._lost("timeout")
            return
        self._answers = True
        if not self._told_one_way:
            self._told_one_way = True
            log.warning("one_way_audio", call=self._leg.call)

    def _lost(self, why: NoAnswer) -> None:
        if not self._leg.is_over:
            log.warning("caller_lost", call=self._leg.call, why=why)
            self._leg.hang_up("dead_line")

    # -- the session timer

    def _arm(self, after_s: float | None = None) -> None:
        self.stop()
        if self._leg.is_over:
            return
        if self._session.we_refresh:
            wait = self._session.interval_s / 2 if after_s is None else after_s
            self._timer = self._leg.station.clock.call_later(wait, self._refresh)
        else:
            self._timer = self._leg.station.clock.call_later(watchdog_s(self._session.interval_s), self._expired)

    def _expired(self) -> None:
        if not self._leg.is_over:
            log.warning("session_expired", call=self._leg.call, interval_s=self._session.interval_s)
            self._leg.hang_up("dead_line")

    def _refresh(self) -> None:
        if self._leg.is_over:
            return
        if self._leg.changes.waits_for_ack:
            self._arm(AGAIN_S)
            return
        headers = {
            "Session-Expires": f"{self._session.interval_s};refresher=uac",
            "Min-SE": str(self._leg.station.settings.min_session_s),
            "Supported": "timer",
        }
        if self._speaks_update:
            self._ask_update(headers)
        else:
            self._leg.changes.offer_again(headers, self._refreshed, self._lost)

    def _ask_update(self, headers: dict[str, str]) -> None:
        request: SipRequest = self._leg.request("UPDATE", contact=True)
        for name, value in headers.items():
            request.headers.set_single(name, value)
        self._leg.ask(request, self._refreshed, self._lost)

    def _refreshed(self, response: Response) -> None:
        status = response.status
        if status < 200 or self._leg.is_over:
            return
        if status < 300:
            self._leg.learn(response)
            self.begin(agreed_session(response, self._session.interval_s), response)
        elif status in (408, 481):
            self._lost("timeout")
        elif status == 491:
            self._arm(AGAIN_S)
        elif status == 422 and (least := seconds_of(response.header("min-se"))):
            self._session = Session(max(least, self._session.interval_s), we_refresh=True)
            self._arm(0.0 if least <= 86_400 else None)
        elif self._speaks_update:
            # It answers, so it lives; but it does not know UPDATE: from now on by re-INVITE.
            self._speaks_update = False
            self._arm(0.0)
        else:
            self._arm()
