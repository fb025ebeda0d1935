"""Where requests may go: a name is resolved once, the address is checked, and that very address is connected to.

A name that later points into our own network, or a redirect there, leads nowhere.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenTarget(ValueError):
    """This address may not be connected to; the message says what to allow."""


def checked_address(host: str, port: int, *, allow_private: bool) -> str:
    """The first address of the host that may be connected to. Raises ForbiddenTarget, OSError (unknown name)."""
    found = [ipaddress.ip_address(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if allow_private or _is_public(address):
            return str(address)
    shown = ", ".join(str(address) for address in found[:3])
    raise ForbiddenTarget(
        f"{host} is {shown}: an address of this machine or a private network; allow it with sales.http.allow_private"
    )


def _is_public(address: Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_global and not (mapped or address).is_multicast
