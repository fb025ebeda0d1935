"""What the pyVoIP line is told at start. It is never reachable from outside: that is checked here, not hoped for."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PyVoipSettings:
    """`server` is the trusted PBX (address and port): nobody else is listened to. Times are seconds.

    `host` must be a loopback or private address, and a PBX must be named: pyVoIP has no defence of its own against
    the public network. `most_calls` is low for the same reason that the PBX is trusted with queueing.
    """

    server: tuple[str, int]
    username: str
    password: str
    host: str = "127.0.0.1"
    port: int = 5064
    expires_s: int = 120
    most_calls: int = 25
    dead_after_s: float = 30.0
    answer_within_s: float = 30.0
    laws: tuple[str, ...] = ("alaw", "ulaw")

    def __post_init__(self) -> None:
        for field, address in (("host", self.host), ("server", self.server[0])):
            try:
                found = ipaddress.IPv4Address(address)
            except ValueError as error:
                raise ValueError(f"pyvoip.{field}: {address!r} is no IPv4 address; write e.g. 192.168.1.10") from error
            if not found.is_private or found.is_unspecified:
                raise ValueError(
                    f"pyvoip.{field}: {address} is not on a private network; pyVoIP is only for a trusted PBX within "
                    "it. Use the direct SIP line for anything else"
                )
        if not re.fullmatch(r"[A-Za-z0-9_.+*-]{1,64}", self.username):
            raise ValueError("pyvoip.username: the extension's name at the PBX is missing or holds other characters")
        if not 0 <= self.port < 65536 or not 0 < self.server[1] < 65536:
            raise ValueError("pyvoip.port: that is no port")
        if not self.laws or not set(self.laws) <= {"alaw", "ulaw"}:
            raise ValueError('pyvoip.laws: must name "alaw", "ulaw" or both, the best liked first')
