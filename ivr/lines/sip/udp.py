"""SIP over UDP: aiosipua's transport with a protocol that works on every Python we run on.

aiosipua 0.7.1 asserts that asyncio's datagram transports are DatagramTransports, which they are not before Python
3.12, and so fails noisily at every start.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiosipua.transport import UdpSipTransport

LARGEST_DATAGRAM = 65_000


class UdpWire(UdpSipTransport):
    """Binds one address; every datagram is one message."""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=self.local_addr)
        self._udp_transport = transport


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: UdpWire) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        # Keep-alives of address translators are two line ends (RFC 5626 §3.5.1), and no message.
        if data.strip(b"\r\n\0 "):
            self._owner._dispatch(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        """ICMP says a peer is gone; timers draw the conclusion."""
