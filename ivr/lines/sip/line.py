"""The direct SIP line behind the `Line` port: sockets on an asyncio thread of its own, sound by the media process.

Public methods may be called from any thread. One lock guards all calls: what the application wants is done at once on
its own thread, what comes off the wire or off the clock on the loop's, and what a caller keys on the media reader's, so
that a key loses no time between threads. What the other side does comes back as events of `ivr.lines.port`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from ivr.lines.loop_thread import LoopThread
from ivr.lines.port import Dialled, LineEvents
from ivr.lines.sip.arrived import ArrivedLeg
from ivr.lines.sip.clock import LoopClock
from ivr.lines.sip.endpoint import Endpoint
from ivr.lines.sip.hop import Hop, is_ipv4
from ivr.lines.sip.registration import Registration
from ivr.lines.sip.settings import SipSettings
from ivr.lines.sip.station import Station
from ivr.lines.sip.wires import Wires
from ivr.media.port import MediaPort, StreamEvent
from speech.prompt import Clip

log = structlog.get_logger(__name__)

FAREWELL_S = 2.0
"""How long the line waits at its end for the other sides to take note."""


@dataclass(frozen=True, slots=True)
class SipHealth:
    """How the line stands, for status pages: `registration` is "" without a registrar."""

    listening: bool
    address: str
    calls: int
    registration: str
    registration_status: int


class SipLine:
    """Implements `ivr.lines.port.Line`. Give `media_event` to the media process as where it reports."""

    def __init__(self, settings: SipSettings, media: MediaPort, report: LineEvents, *, name: str = "sip") -> None:
        self.name = name
        self._settings = settings
        self._media = media
        self._lock = threading.RLock()
        self._runner = LoopThread(f"line-{name}")
        self._clock = LoopClock(self._runner, self._lock)
        self._wires = Wires(
            settings.host,
            settings.port,
            tcp=settings.tcp,
            advertised=settings.advertised_host,
            heard=self._heard,
            refused=self._refused,
            welcome=self._welcome,
            most_connections=settings.most_connections,
            idle_s=settings.connection_idle_s,
        )
        self._station = Station(settings, self._clock, media, self._wires, self._resolve, report)
        self._endpoint = Endpoint(self._station)
        self._endpoint.is_closing = True  # until it is open
        self._registration = Registration(self._station, settings.registrar) if settings.registrar else None
        self._tasks: set[asyncio.Task[None]] = set()
        self._state: Literal["new", "up", "down"] = "new"

    # -- life

    def start(self) -> None:
        """Bind and listen. Raises OSError with what to do when the address can't be used."""
        self._runner.start()
        try:
            self._runner.run(self._wires.start())
        except OSError as error:
            self._runner.stop()
            where = f"{self._settings.host}:{self._settings.port}"
            reason = error.strerror or str(error)
            raise OSError(
                f"the SIP line can't listen on {where} ({reason}): change sip.host or sip.port, "
                "or end the program that has this port"
            ) from error
        self._state = "up"
        with self._lock:
            self._endpoint.is_closing = False
            self._make_outbound_known()
            if self._registration:
                self._registration.begin()
        log.info("sip_line_up", address=f"{self._wires.host}:{self._wires.port}", tcp=self._settings.tcp)

    def stop(self) -> None:
        """Hang up every call, tell the registrar, and close the line; takes at most a few seconds."""
        if self._state != "up":
            return
        self._state = "down"
        with self._lock:
            self._endpoint.close_calls()
            if self._registration:
                self._registration.end()
        self._runner.run(self._farewell())
        self._runner.stop()

    @property
    def port(self) -> int:
        """The port that is bound (useful when the settings asked for any)."""
        return self._wires.port

    def health(self) -> SipHealth:
        """How the line stands."""
        with self._lock:
            registration = self._registration
            return SipHealth(
                listening=self._state == "up",
                address=f"{self._wires.host}:{self._wires.port}",
                calls=len(self._endpoint.calls),
                registration=registration.state if registration else "",
                registration_status=registration.status if registration else 0,
            )

    def live_calls(self) -> int:
        """How many calls are in progress on this line."""
        with self._lock:
            return len(self._endpoint.calls)

    def remembered(self) -> int:
        """How many calls, dialogs and transactions are kept; none are, some time after the last call."""
        with self._lock:
            return self._endpoint.remembered

    async def _farewell(self) -> None:
        deadline = self._runner.loop.time() + FAREWELL_S
        while self._runner.loop.time() < deadline:
            with self._lock:
                if self._endpoint.is_quiet:
                    break
            await asyncio.sleep(0.02)
        with self._lock:
            self._endpoint.leave()
            self._clock.stop()
            self._station.served.close()
            self._station.asked.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._wires.stop()

    # -- the port, from any thread

    def answer(self, call: str) -> None:
        with self._lock:
            if isinstance(leg := self._endpoint.leg(call), ArrivedLeg):
                leg.answer()

    def reject(self, call: str, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        with self._lock:
            if isinstance(leg := self._endpoint.leg(call), ArrivedLeg):
                leg.reject(cause)

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        with self._lock:
            leg = self._endpoint.leg(call)
            if leg is not None and leg.answered and not leg.is_over:
                self._media.play(call, clips, tag)

    def stop_playing(self, call: str) -> None:
        with self._lock:
            leg = self._endpoint.leg(call)
            if leg is not None and not leg.is_over:
                self._media.stop_playing(call)

    def transfer(self, call: str, target: str) -> None:
        with self._lock:
            leg = self._endpoint.leg(call)
            if leg is not None and not leg.is_over:
                leg.transferring.begin(target)

    def hang_up(self, call: str) -> None:
        with self._lock:
            if (leg := self._endpoint.leg(call)) is not None:
                leg.hang_up()

    def dial(self, wish: Dialled) -> None:
        with self._lock:
            self._endpoint.dial(wish)

    def media_event(self, stream: str, event: StreamEvent) -> None:
        """Where the media process reports, on whatever thread it does."""
        with self._lock:
            self._endpoint.heard_stream(stream, event)

    # -- off the wire

    def _heard(self, data: bytes, source: Hop) -> None:
        with self._lock:
            try:
                self._endpoint.receive(data, source)
            except Exception:
                # One message must not close the line for all others.
                log.exception("sip_receive_fault")

    def _refused(self, data: bytes, hop: Hop) -> None:
        with self._lock:
            self._endpoint.unreachable(data, hop)

    def _welcome(self, host: str) -> bool:
        """Strangers may connect only where they are told so; a silent line does not even shake hands for long."""
        return not self._settings.silent_refusal or self._station.is_peer(host)

    # -- names

    def _make_outbound_known(self) -> None:
        if self._settings.outbound is None:
            return
        self._resolve(self._settings.outbound[0], lambda host: self._station.make_known(host) if host else None)

    def _resolve(self, host: str, then: Callable[[str | None], None]) -> None:
        if is_ipv4(host):
            then(host)
            return
        self._runner.loop.call_soon_threadsafe(self._begin_resolving, host, then)

    def _begin_resolving(self, host: str, then: Callable[[str | None], None]) -> None:
        task = self._runner.loop.create_task(self._look_up(host, then), name="sip-resolve")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up(self, host: str, then: Callable[[str | None], None]) -> None:
        try:
            found = await self._runner.loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
            address: str | None = str(found[0][4][0])
        except (OSError, UnicodeError, IndexError):
            address = None
        with self._lock:
            then(address)
