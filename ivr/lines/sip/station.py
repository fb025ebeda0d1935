"""What all calls of a line share: tables, clock, media, where reports go, whom to speak to. No call is decided here."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aiosipua import SipRequest

from ivr.lines.port import LineEvent, LineEvents
from ivr.lines.sip.asked import AskedTable
from ivr.lines.sip.clock import Clock
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.served import ServedTable
from ivr.lines.sip.settings import SipSettings
from ivr.media.port import MediaPort

log = structlog.get_logger(__name__)


class Wiring(Protocol):
    """The sockets, or what stands for them."""

    def send(self, data: bytes, hop: Hop) -> None: ...

    def is_open(self, hop: Hop) -> bool: ...

    def local(self, hop: Hop) -> tuple[str, int]:
        """The address and port by which the other side reaches us."""


class Resolver(Protocol):
    """Names to addresses; `then` is called under the line's lock, at once or later, with None when there is none."""

    def __call__(self, host: str, then: Callable[[str | None], None]) -> None: ...


@dataclass
class Station:
    """Handed to every call. `report` goes to the application."""

    settings: SipSettings
    clock: Clock
    media: MediaPort
    wiring: Wiring
    resolve: Resolver
    report: LineEvents
    served: ServedTable = field(init=False)
    asked: AskedTable = field(init=False)

    def __post_init__(self) -> None:
        self.served = ServedTable(self.wiring.send, self.clock)
        self.asked = AskedTable(self.wiring.send, self.clock)
        self._peers = networks_of(self.settings.peers)
        self._trusted = networks_of(self.settings.trusted_peers)
        self._known: set[str] = set()

    def tell(self, call: str, event: LineEvent) -> None:
        """Report to the application, whose faults must not break a call's own order here."""
        try:
            self.report(call, event)
        except Exception:
            log.exception("report_fault", call=call)

    def contact(self, hop: Hop) -> str:
        """Our Contact, as seen from this hop."""
        host, port = self.wiring.local(hop)
        return f"<sip:orderline@{host}:{port}{';transport=tcp' if hop.transport == 'TCP' else ''}>"

    def own_headers(self, request: SipRequest, hop: Hop, *, contact: bool) -> None:
        """What every request of ours says besides what its dialog says."""
        if contact:
            request.headers.set_single("Contact", self.contact(hop))
        request.headers.set_single("User-Agent", self.settings.user_agent)

    def is_peer(self, host: str) -> bool:
        """Whether this address may send us requests, and may be sent to because a message says so."""
        return host in self._known or in_networks(host, self._peers)

    def is_trusted(self, host: str) -> bool:
        """Whether what this address asserts about a caller is believed."""
        return in_networks(host, self._trusted)

    def make_known(self, host: str) -> None:
        """The address of our registrar or outbound peer: it may call us too."""
        self._known.add(host)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks_of(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def in_networks(host: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)
