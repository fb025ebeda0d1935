"""The sockets of the SIP line: UDP and TCP on one address, on an asyncio loop. Bytes and hops, no SIP in here.

`send` may be called from any thread. What comes is handed to `heard`, what the network refuses to `refused`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

import structlog

from ivr.lines.sip.connection import Connection
from ivr.lines.sip.hop import Hop

log = structlog.get_logger(__name__)

Heard = Callable[[bytes, Hop], None]
Refused = Callable[[bytes, Hop], None]
"""(the bytes that did not arrive, or b"" for all, where they were to go)."""

CONNECT_S = 4.0
ANY_PORT_TRIES = 20
MOST_DATAGRAMS_A_TURN = 64
PENDING_ERRORS = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN)
IP_RECVERR = 11
"""Linux: ask for ICMP errors on an unconnected socket, to be read from its error queue."""


class Wires:
    """Both transports. `port` is the bound one (settings may ask for any)."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tcp: bool,
        advertised: str,
        heard: Heard,
        refused: Refused,
        welcome: Callable[[str], bool],
        most_connections: int = 500,
        idle_s: float = 3600.0,
    ) -> None:
        self.host, self.port = host, port
        self._tcp = tcp
        self._advertised = advertised
        self._addresses: dict[str, str] = {}
        self._heard = heard
        self._refused = refused
        self._welcome = welcome
        self._most = most_connections
        self._idle_s = idle_s
        self._udp: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: dict[Hop, Connection] = {}
        self._dialling: dict[Hop, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Bind. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        found = await self._loop.getaddrinfo(self.host, self.port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        self.host = str(found[0][4][0])
        # Any port means one that is free in both protocols; which one is, only trying tells.
        for left in range(ANY_PORT_TRIES if self.port == 0 and self._tcp else 1, 0, -1):
            try:
                await self._bind(self._loop)
            except OSError:
                if left == 1:
                    raise
            else:
                break
        if self._udp:
            self._loop.add_reader(self._udp.fileno(), self._read_udp)

    async def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            udp.bind((self.host, self.port))
            with contextlib.suppress(OSError):
                udp.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            port = int(udp.getsockname()[1])
            if self._tcp:
                self._server = await loop.create_server(lambda: Connection(self, None), self.host, port)
        except OSError:
            udp.close()
            raise
        self._udp, self.port = udp, port

    async def stop(self) -> None:
        """Close everything."""
        if self._udp and self._loop:
            self._loop.remove_reader(self._udp.fileno())
            self._udp.close()
        for task in self._dialling.values():
            task.cancel()
        await asyncio.gather(*self._dialling.values(), return_exceptions=True)
        for connection in list(self._connections.values()):
            connection.close()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
        await asyncio.sleep(0)

    def is_open(self, hop: Hop) -> bool:
        """Whether this hop can be sent to without connecting anew."""
        return hop.transport == "UDP" or hop in self._connections

    def local(self, hop: Hop) -> tuple[str, int]:
        """The address and port by which the other side reaches us."""
        if self._advertised:
            return self._advertised, self.port
        if self.host != "0.0.0.0":  # noqa: S104 (compared, not bound)
            return self.host, self.port
        return address_toward(hop.host, self._addresses), self.port

    def send(self, data: bytes, hop: Hop) -> None:
        """Send, or tell `refused` later. Never raises."""
        if hop.transport == "UDP":
            self._send_udp(data, hop)
        elif self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._send_tcp, data, hop)

    # -- UDP

    def _send_udp(self, data: bytes, hop: Hop) -> None:
        if self._udp is None or self._loop is None or self._loop.is_closed():
            return
        for again in (True, True, False):
            try:
                self._udp.sendto(data, (hop.host, hop.port))
            except BlockingIOError:
                return  # A full buffer is a lost datagram; the transaction sends it again.
            except OSError as error:
                # Linux reports with this call what became of an earlier datagram, and sends nothing: try again.
                if again and error.errno in PENDING_ERRORS:
                    continue
                log.info("sip_not_sent", peer=hop.host, reason=str(error))
                self._loop.call_soon_threadsafe(self._refused, data, hop)
            return

    def _read_udp(self) -> None:
        for _ in range(MOST_DATAGRAMS_A_TURN):
            if self._udp is None:
                return
            try:
                data, source = self._udp.recvfrom(65_535)
            except BlockingIOError:
                break
            except OSError:
                break  # The error of an earlier datagram; its story is in the error queue.
            self._heard(data, Hop("UDP", str(source[0]), int(source[1])))
        self._read_refusals()

    def _read_refusals(self) -> None:
        """ICMP told of datagrams that did not arrive: the queue holds each with its first bytes and its target."""
        while self._udp is not None:
            try:
                data, _, _, target = self._udp.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            if target:
                self._refused(data, Hop("UDP", str(target[0]), int(target[1])))

    # -- TCP

    def _send_tcp(self, data: bytes, hop: Hop) -> None:
        known = self._connections.get(hop)
        if known is not None:
            known.write(data)
            return
        if len(self._connections) + len(self._dialling) >= self._most:
            self._refused(data, hop)
            return
        if hop in self._dialling:
            self._dialling[hop].add_done_callback(lambda _: self._send_connected(data, hop))
        elif self._loop:
            self._dialling[hop] = self._loop.create_task(self._connect(data, hop), name="sip-connect")

    def _send_connected(self, data: bytes, hop: Hop) -> None:
        if known := self._connections.get(hop):
            known.write(data)
        else:
            self._refused(data, hop)

    async def _connect(self, data: bytes, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        try:
            connecting = loop.create_connection(lambda: Connection(self, hop), hop.host, hop.port)
            async with asyncio.timeout(CONNECT_S):
                await connecting
        except (OSError, TimeoutError):
            self._refused(data, hop)
        else:
            self._send_connected(data, hop)
        finally:
            self._dialling.pop(hop, None)

    def opened(self, connection: Connection, hop: Hop) -> bool:
        """Whether this connection may stay."""
        if connection.inbound and (not self._welcome(hop.host) or len(self._connections) >= self._most):
            return False
        self._connections[hop] = connection
        return True

    def closed(self, connection: Connection) -> None:
        if connection.hop and self._connections.get(connection.hop) is connection:
            del self._connections[connection.hop]
            self._refused(b"", connection.hop)

    def came(self, data: bytes, hop: Hop) -> None:
        self._heard(data, hop)

    @property
    def idle_s(self) -> float:
        return self._idle_s


def address_toward(host: str, cache: dict[str, str]) -> str:
    """The address of this machine that packets to `host` leave from. No packet is sent for it."""
    if host not in cache:
        probe: Any = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            probe.connect((host, 9))
            found = str(probe.getsockname()[0])
        except OSError:
            found = "127.0.0.1"
        finally:
            probe.close()
        if len(cache) > 1000:
            cache.clear()
        cache[host] = found
    return cache[host]
