"""Where a SIP message goes next, or came from: one transport, one address. IPv4 only, names are resolved elsewhere."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from aiosipua import SipUri, parse_address, parse_uri

Transport = Literal["UDP", "TCP"]
SIP_PORT = 5060
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Hop:
    """One side of the wire. Over TCP `port` is that of the connection, which is used again while it is open."""

    transport: Transport
    host: str
    port: int


def is_ipv4(host: str) -> bool:
    """Whether this is an IPv4 address as digits (what can be sent to without asking a name server)."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def hop_of_uri(uri: SipUri) -> Hop | None:
    """Where a URI leads when its host is an address; None for names, other transports and ports that are none."""
    port = SIP_PORT if uri.port is None else uri.port
    transport = _transport(uri.params.get("transport") or "udp")
    if transport is None or not is_ipv4(uri.host) or not 0 < port < 65536:
        return None
    return Hop(transport, uri.host, port)


def unquoted(value: str) -> str:
    """A header value without quoted names: what stands in them is not syntax, though aiosipua reads it as such."""
    return _QUOTED.sub("", value)


def uri_of_header(value: str) -> SipUri | None:
    """The URI in a Contact, Route or Record-Route value; None when there is none that can be used."""
    try:
        uri = parse_address(unquoted(value)).uri
    except ValueError:
        return None
    return uri if uri.host and uri.scheme == "sip" else None


def sip_uri(text: str) -> SipUri | None:
    """A SIP URI taken apart; None when it is none, or holds what could end a header."""
    if not text.lower().startswith("sip:") or any(mark in text for mark in '\r\n\t <>"') or len(text) > 256:
        return None
    try:
        uri = parse_uri(text)
    except ValueError:
        return None
    return uri if uri.host else None


def _transport(name: str) -> Transport | None:
    match name.lower():
        case "udp":
            return "UDP"
        case "tcp":
            return "TCP"
    return None
