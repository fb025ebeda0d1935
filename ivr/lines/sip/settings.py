"""What the direct SIP line is told at start. Addresses are IPv4; networks are CIDR ("10.0.0.0/8"); times are seconds.

Values check themselves: what can't work is a ValueError that says which field, before anything is bound.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from ivr.lines.sip.hop import is_ipv4


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """Where to register as an extension: `aor` is "sip:600@pbx", `address` host (or name) and port of the registrar."""

    aor: str
    address: tuple[str, int]
    username: str
    password: str
    expires_s: int = 300
    transport: Literal["UDP", "TCP"] = "UDP"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"sip:[A-Za-z0-9_.+*#-]{1,64}@[A-Za-z0-9_.:-]{1,255}", self.aor):
            raise ValueError(f"registrar.aor: {self.aor!r} is no address of record; write e.g. sip:600@pbx.example")
        if re.search(r'[\x00-\x1f"\\]', self.username):
            raise ValueError("registrar.username: quotes, backslashes and control characters can't be sent")


@dataclass(frozen=True, slots=True)
class SipSettings:
    """All that can be set.

    `peers`: who may send requests at all; `trusted_peers`: whose P-Asserted-Identity is believed; `silent_refusal`:
    strangers get no answer instead of 403; `advertised_host`: the address others reach us by, "" for the one each
    message leaves from; `full_status`: what a call too many hears.

    `outbound`: where numbers (not URIs) are dialled; `unanswered_s`: an INVITE without any answer for so long means
    that the other side is unreachable; `answer_within_s`: a call that the application never answers is let go.

    `probe_after_s`: silence on the wire until the other side is asked whether it lives; `dead_after_s`: silence that
    ends the call even if it says so, where nothing ever came (one-way audio: its keys could not arrive), 0 for never.
    """

    host: str = "127.0.0.1"
    port: int = 5062
    tcp: bool = True
    advertised_host: str = ""
    peers: tuple[str, ...] = ("127.0.0.0/8",)
    trusted_peers: tuple[str, ...] = ()
    silent_refusal: bool = False
    most_calls: int = 300
    full_status: Literal[486, 503] = 486
    session_expires_s: int = 1800
    min_session_s: int = 90
    answer_within_s: float = 30.0
    ringing_after_s: float = 1.0
    probe_after_s: float = 5.0
    probe_patience_s: float = 8.0
    dead_after_s: float = 30.0
    transfer_wait_s: float = 30.0
    unanswered_s: float = 6.4
    laws: tuple[str, ...] = ("alaw", "ulaw")
    outbound: tuple[str, int] | None = None
    username: str = ""
    password: str = ""
    caller_id: str = ""
    registrar: RegistrarSettings | None = None
    user_agent: str = "orderline"
    most_connections: int = 500
    connection_idle_s: float = 3600.0

    def __post_init__(self) -> None:
        if self.advertised_host and not is_ipv4(self.advertised_host):
            raise ValueError(f"sip.advertised_host: {self.advertised_host!r} is no IPv4 address; write e.g. 192.0.2.7")
        for field, networks in (("peers", self.peers), ("trusted_peers", self.trusted_peers)):
            for network in networks:
                try:
                    ipaddress.ip_network(network, strict=False)
                except ValueError as error:
                    raise ValueError(f"sip.{field}: {network!r} is no network; write e.g. 192.0.2.0/24") from error
        if not self.laws or not set(self.laws) <= {"alaw", "ulaw"}:
            raise ValueError(f'sip.laws: {self.laws} must name "alaw", "ulaw" or both, the best liked first')
        if not 0 <= self.port < 65536:
            raise ValueError(f"sip.port: {self.port} is no port")
        if self.min_session_s < 90:
            raise ValueError("sip.min_session_s: RFC 4028 allows no session timer below 90 s")
        if re.search(r'[\x00-\x1f"\\]', self.username):
            raise ValueError("sip.username: quotes, backslashes and control characters can't be sent")
