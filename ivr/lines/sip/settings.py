"""What the direct SIP line is told at start. Addresses are IPv4; networks are CIDR ("10.0.0.0/8")."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """Where to register as an extension: `aor` is "sip:600@pbx", `address` host and port of the registrar."""

    aor: str
    address: tuple[str, int]
    username: str
    password: str
    expires_s: int = 300


@dataclass(frozen=True, slots=True)
class SipSettings:
    """`peers`: who may send requests at all. `trusted_peers`: whose P-Asserted-Identity is believed.

    `outbound`: where numbers (not URIs) are dialled; `silent_refusal`: strangers get no answer instead of 403.
    """

    host: str = "127.0.0.1"
    port: int = 5062
    tcp: bool = True
    peers: tuple[str, ...] = ("127.0.0.0/8",)
    trusted_peers: tuple[str, ...] = ()
    silent_refusal: bool = False
    most_calls: int = 300
    session_expires_s: int = 1800
    min_session_s: int = 90
    dead_after_s: float = 30.0
    transfer_wait_s: float = 30.0
    unanswered_s: float = 6.4
    laws: tuple[str, ...] = ("alaw", "ulaw")
    outbound: tuple[str, int] | None = None
    username: str = ""
    password: str = ""
    registrar: RegistrarSettings | None = None
    user_agent: str = "orderline"
