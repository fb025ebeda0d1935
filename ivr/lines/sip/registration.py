"""Registration as an extension (RFC 3261 §10): REGISTER with digest, refreshed in time, begun again after any failure.

One binding at one registrar, for as long as the line is up. Waits between failures grow from 2 s to 60 s, so that a
PBX that comes back is not stormed, and is found within a minute.
"""

from __future__ import annotations

import random
import re
from typing import Literal

import structlog
from aiosipua import Dialog, SipRequest, generate_call_id, generate_tag

from ivr.lines.sip.asked import NoAnswer
from ivr.lines.sip.clock import Timer
from ivr.lines.sip.digest import credentials
from ivr.lines.sip.hop import Hop, is_ipv4
from ivr.lines.sip.reading import Response
from ivr.lines.sip.settings import RegistrarSettings
from ivr.lines.sip.station import Station

log = structlog.get_logger(__name__)

State = Literal["registering", "registered", "failing", "ended"]
PAUSES_S = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
PATIENCE_S = 16.0
MOST_CHALLENGES = 2
SHORTEST_S, LONGEST_S = 10, 86_400


class Registration:
    """`state` and `status` (the last answer's code, 0 for none) tell how it stands."""

    def __init__(self, station: Station, settings: RegistrarSettings) -> None:
        self.state: State = "registering"
        self.status = 0
        self._station = station
        self._settings = settings
        self._domain = settings.aor.partition("@")[2]
        self._dialog = Dialog(
            call_id=generate_call_id(self._domain),
            local_tag=generate_tag(),
            local_uri=settings.aor,
            remote_uri=settings.aor,
            remote_target=f"sip:{self._domain}",
        )
        self._expires = settings.expires_s
        self._failures = 0
        self._challenges = 0
        self._timer: Timer | None = None
        self._hop: Hop | None = None

    def begin(self) -> None:
        """Register now, and for ever."""
        self._challenges = 0
        host, port = self._settings.address

        def resolved(address: str | None) -> None:
            if self.state == "ended":
                return
            if address is None:
                self._failed(0, f"no address for {host}")
                return
            self._hop = Hop(self._settings.transport, address, port)
            self._station.make_known(address)
            self._ask(self._expires, {})

        if is_ipv4(host):
            resolved(host)
        else:
            self._station.resolve(host, resolved)

    def end(self) -> None:
        """Take the binding back; nothing is waited for."""
        was = self.state
        self.state = "ended"
        if self._timer:
            self._timer.cancel()
        if was == "registered":
            self._challenges = 0
            self._ask(0, {})

    def _ask(self, expires: int, more: dict[str, str]) -> None:
        assert self._hop is not None
        host, port = self._station.wiring.local(self._hop)
        request = self._dialog.create_request(
            "REGISTER", via_host=host, via_port=port, via_transport=self._hop.transport
        )
        user = self._settings.aor[4:].partition("@")[0]
        transport = ";transport=tcp" if self._hop.transport == "TCP" else ""
        self._station.own_headers(request, self._hop, contact=False)
        request.headers.set_single("Contact", f"<sip:{user}@{host}:{port}{transport}>")
        request.headers.set_single("Expires", str(expires))
        for name, value in more.items():
            request.headers.set_single(name, value)
        self._station.asked.ask(request, self._hop, self._answered, self._unanswered, PATIENCE_S)

    def _answered(self, response: Response) -> None:
        if response.status < 200:
            return
        status, leaving = response.status, self.state == "ended"
        self.status = status
        if status in (401, 407) and self._answer_challenge(response, leaving=leaving):
            return
        if leaving:
            return
        if status < 300:
            self._registered(response)
        elif status == 423 and (least := _seconds(response.header("min-expires"))) and self._expires < least:
            self._expires = min(least, LONGEST_S)
            self._ask(self._expires, {})
        else:
            self._failed(status, response.message.reason_phrase[:60])

    def _unanswered(self, why: NoAnswer) -> None:
        if self.state != "ended":
            self._failed(0, why)

    def _answer_challenge(self, response: Response, *, leaving: bool) -> bool:
        if self._challenges >= MOST_CHALLENGES:
            return False
        request = SipRequest(method="REGISTER", uri=self._dialog.remote_target)
        answer = credentials(response, request, self._settings.username, self._settings.password)
        if answer is None:
            return False
        self._challenges += 1
        self._ask(0 if leaving else self._expires, dict([answer]))
        return True

    def _registered(self, response: Response) -> None:
        granted = self._granted(response)
        if self.state != "registered":
            log.info("sip_registered", registrar=self._settings.address[0], for_s=granted)
        self.state, self._failures = "registered", 0
        # Early enough for a retry or two before the registrar forgets us.
        self._later(max(granted * 0.9 - 5, granted * 0.5))

    def _granted(self, response: Response) -> int:
        for contact in response.message.headers.get("contact"):
            found = re.search(r"(?i);\s*expires\s*=\s*\"?([0-9]{1,9})", contact)
            if found:
                return min(max(int(found[1]), SHORTEST_S), LONGEST_S)
        given = _seconds(response.header("expires"))
        return min(max(given if given is not None else self._expires, SHORTEST_S), LONGEST_S)

    def _failed(self, status: int, reason: str) -> None:
        self.state, self.status = "failing", status
        pause = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)] * random.uniform(0.9, 1.1)  # noqa: S311 (jitter)
        self._failures += 1
        log.error("sip_register_failed", status=status, reason=reason, again_in_s=round(pause, 1))
        self._later(pause)

    def _later(self, after_s: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._station.clock.call_later(after_s, self.begin)


def _seconds(header: str) -> int | None:
    return int(header) if re.fullmatch(r"\s*[0-9]{1,9}\s*", header) else None
