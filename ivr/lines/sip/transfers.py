"""Handing a caller over: REFER, its acceptance, and the NOTIFYs that tell what became of it (RFC 3515).

Every transfer ends in exactly one `TransferEnded`, by its final report, a refusal, the other side's BYE, or time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog

from ivr.lines.port import TransferEnded
from ivr.lines.sip.asked import NoAnswer
from ivr.lines.sip.clock import Timer
from ivr.lines.sip.hop import sip_uri
from ivr.lines.sip.reading import Response
from ivr.lines.sip.served import Served

if TYPE_CHECKING:
    from ivr.lines.sip.leg import Leg

log = structlog.get_logger(__name__)

_EXTENSION = re.compile(r"[0-9A-Za-z+*#_.-]{1,64}")
_SIPFRAG = re.compile(r"\s*SIP/2\.0 ([1-6][0-9]{2})(?:[ \r\n]|$)")


class Transfer:
    """One call's transfer, at most one at a time."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._timer: Timer | None = None
        self.is_accepted = False

    @property
    def is_under_way(self) -> bool:
        return self._timer is not None

    def begin(self, target: str) -> None:
        """Ask the other side to call `target` instead; nothing new while that is being tried."""
        leg = self._leg
        if self.is_under_way:
            return
        uri = target_uri(target, self._domain())
        if not leg.answered or uri is None:
            leg.tell(TransferEnded(done=False, status=404))
            return
        wait = leg.station.settings.transfer_wait_s
        self._timer = leg.station.clock.call_later(wait, lambda: self._failed(408))
        request = leg.request("REFER", contact=True)
        request.headers.set_single("Refer-To", f"<{uri}>")
        request.headers.set_single("Referred-By", f"<{leg.dialog.local_uri}>")
        leg.ask(request, self._answered, self._unanswered)

    def notified(self, served: Served) -> None:
        """A report of progress; the body is the first line of what the target answered."""
        request, leg = served.request, self._leg
        if request.header("event").split(";")[0].strip().lower() != "refer":
            leg.reply(served, 489, {"Allow-Events": "refer"})
            return
        leg.reply(served, 200)
        found = _SIPFRAG.match(request.message.text[:200])
        status = int(found[1]) if found else 0
        over = request.header("subscription-state").lower().startswith("terminated")
        if not self.is_under_way:
            return
        if 200 <= status < 300:
            self._done(status)
        elif status >= 300 or (over and status < 200):
            self._failed(status if status >= 300 else 408)

    def ended_by_bye(self) -> None:
        """The other side took the transfer on and ended our part of the call: that is how most PBXs say "done"."""
        self._done(202, bye=False)

    def stop(self) -> None:
        """The call is over."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self.is_accepted = False

    def _answered(self, response: Response) -> None:
        if not self.is_under_way or response.status < 200:
            return
        if response.status < 300:
            self.is_accepted = True
        else:
            self._failed(response.status)

    def _unanswered(self, _why: NoAnswer) -> None:
        self._failed(408)

    def _done(self, status: int, *, bye: bool = True) -> None:
        leg = self._leg
        self.stop()
        leg.tell(TransferEnded(done=True, status=status))
        if bye:
            leg.hang_up("transferred")
        else:
            leg.end("transferred")

    def _failed(self, status: int) -> None:
        if self.is_under_way:
            self.stop()
            log.info("transfer_failed", call=self._leg.call, status=status)
            self._leg.tell(TransferEnded(done=False, status=status))

    def _domain(self) -> str:
        """Whose extensions are meant: our registrar's, our trunk's, or the other side's own."""
        settings = self._leg.station.settings
        if settings.registrar:
            return settings.registrar.aor.partition("@")[2]
        host, port = settings.outbound or (self._leg.flow.host, self._leg.flow.port)
        return f"{host}:{port}"


def target_uri(target: str, domain: str) -> str | None:
    """The SIP URI of a target that may be an extension; None when it is neither."""
    if target.lower().startswith("sip:"):
        return target if sip_uri(target) else None
    return f"sip:{target.replace('#', '%23')}@{domain}" if _EXTENSION.fullmatch(target) else None
