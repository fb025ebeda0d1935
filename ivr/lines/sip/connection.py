"""One TCP connection of the SIP line: frames messages, answers pings, ends when idle, stuck or unreadable."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import structlog

from ivr.lines.sip.framing import Framer, StreamBroken
from ivr.lines.sip.hop import Hop

if TYPE_CHECKING:
    from ivr.lines.sip.wires import Wires

log = structlog.get_logger(__name__)

MOST_UNSENT = 1 << 20


class Connection(asyncio.Protocol):
    """One TCP connection; `hop` is None until it is known who is there (inbound)."""

    def __init__(self, owner: Wires, hop: Hop | None) -> None:
        self.hop = hop
        self.inbound = hop is None
        self._owner = owner
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.hop = self.hop or Hop("TCP", str(peer[0]), int(peer[1]))
        with contextlib.suppress(OSError):
            # A peer that vanished keeps its connection for ever otherwise.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._owner.opened(self, self.hop):
            # No lingering: a stranger gets a reset, and we no TIME_WAIT.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
            return
        self._rest()

    def data_received(self, data: bytes) -> None:
        self._rest()
        try:
            messages = self._framer.feed(data)
        except StreamBroken as error:
            log.info("sip_stream_broken", peer=self.hop.host if self.hop else "", reason=str(error))
            self.close()
            return
        while self._framer.pings:
            self._framer.pings -= 1
            self.write(b"\r\n")
        for message in messages:
            if self.hop:
                self._owner.came(message, self.hop)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._idle:
            self._idle.cancel()
        self._owner.closed(self)

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.abort()  # It reads nothing: its calls are over.
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def _rest(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._owner.idle_s, self.close)
