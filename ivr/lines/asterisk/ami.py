"""What ARI does not tell, by AMI: alarms of voice boards, and trunks whose registration the carrier refuses.

Listed after each login and every half minute, alarms kept by events in between; read by any thread. The AMI user may
listen and list, nothing else. Frames are read strictly: what is no frame of ours is passed over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import structlog

from ivr.health.seen import Alarm
from ivr.lines.loop_thread import LoopThread

log = structlog.get_logger(__name__)

RELIST_S = 30.0
RETRY_S = 5.0
ANSWER_WITHIN_S = 5.0
BOARDS, REGISTRATIONS = "boards", "registrations"
LONGEST_LINE = 4096
MOST_LINES = 200

_ALARMS: tuple[tuple[str, Alarm], ...] = (
    # As chan_dahdi words them; a channel may be in several at once, and a span that recovers still carries no call.
    ("red", "red"),
    ("not open", "missing"),
    ("blue", "blue"),
    ("yellow", "yellow"),
    ("recover", "red"),
    ("no alarm", "ok"),
    ("none", "ok"),
    ("loopback", "ok"),
)


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where the manager interface is; its user is manager.conf's. `boards`, `registrations`: what is asked for."""

    host: str = "127.0.0.1"
    port: int = 5038
    user: str = "orderline"
    password: str = ""
    boards: bool = True
    registrations: bool = False


Frame = Mapping[str, str]


def alarm_of(words: str) -> Alarm:
    """What Asterisk calls an alarm; words that are not known are taken for the worst."""
    said = words.strip().lower()
    if not said:
        return "ok"
    return next((alarm for sign, alarm in _ALARMS if sign in said), "red")


class ChannelAlarms:
    """What is known of each channel. `known` is None until the first list is complete."""

    def __init__(self) -> None:
        self.known: Mapping[int, Alarm] | None = None
        self._listing: dict[int, Alarm] = {}

    def heard(self, frame: Frame) -> None:
        event = frame.get("Event", "")
        if event == "DAHDIShowChannels":
            for channel in _channel(frame.get("DAHDIChannel")):
                self._listing[channel] = alarm_of(frame.get("Alarm", ""))
        elif event == "DAHDIShowChannelsComplete":
            self.known, self._listing = self._listing, {}
        elif event in ("Alarm", "AlarmClear") and self.known is not None:
            for channel in _channel(frame.get("DAHDIChannel") or frame.get("Channel")):
                alarm: Alarm = "ok" if event == "AlarmClear" else alarm_of(frame.get("Alarm", ""))
                self.known = {**self.known, channel: alarm}
                self._listing.update({channel: alarm} if self._listing else {})

    def lost(self) -> None:
        self.known, self._listing = None, {}


class Registrations:
    """Trunks that the carrier refuses to register, by name, as of the last complete list."""

    def __init__(self) -> None:
        self.refused: frozenset[str] = frozenset()
        self._listing: set[str] = set()

    def heard(self, frame: Frame) -> None:
        event = frame.get("Event", "")
        if event == "OutboundRegistrationDetail" and frame.get("Status") == "Rejected":
            self._listing.add(frame.get("ObjectName", ""))
        elif event == "OutboundRegistrationDetailComplete":
            self.refused, self._listing = frozenset(self._listing), set()

    def lost(self) -> None:
        self.refused, self._listing = frozenset(), set()


def _channel(text: str | None) -> Iterator[int]:
    if text and text.isascii() and text.isdecimal() and 0 < int(text) < 10_000:
        yield int(text)


class NotServed(Exception):
    """The manager interface can't be used; the message says what to do."""


class AmiWatch:
    """Keeps a connection to the manager interface, on a thread of its own; `reason` says why there is none."""

    def __init__(self, settings: AmiSettings) -> None:
        self._settings = settings
        self._alarms = ChannelAlarms()
        self._registrations = Registrations()
        self._thread = LoopThread("ami")
        self._task: asyncio.Task[None] | None = None
        self.reason = "not started"

    @property
    def channels(self) -> Mapping[int, Alarm] | None:
        """Every channel of the boards' driver with its alarm; None while nobody can say."""
        return self._alarms.known

    @property
    def refused(self) -> frozenset[str]:
        """Trunks whose registration is refused."""
        return self._registrations.refused

    def start(self) -> None:
        self._thread.start()
        self._thread.run(self._begin())

    def stop(self) -> None:
        if self._task is not None:
            self._thread.run(self._end(self._task))
            self._task = None
            self._thread.stop()

    async def _begin(self) -> None:
        self._task = asyncio.create_task(self._keep_connected(), name="ami")

    async def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _keep_connected(self) -> None:
        while True:
            try:
                await self._connection()
            except (OSError, TimeoutError, NotServed, EOFError) as error:
                self._alarms.lost()
                self._registrations.lost()
                reason = str(error) or "it does not answer"
                if reason != self.reason:
                    log.error("ami_not_heard", reason=reason)
                self.reason = reason
            await asyncio.sleep(RETRY_S)

    async def _connection(self) -> None:
        settings = self._settings
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(settings.host, settings.port, limit=LONGEST_LINE)
        lister: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await _line(reader)  # the greeting
                _send(writer, Action="Login", Username=settings.user, Secret=settings.password, Events="system")
                if (await _frame(reader)).get("Response") != "Success":
                    raise NotServed("the login is refused: compare asterisk.password with manager.conf")
            self.reason = ""
            lister = asyncio.create_task(self._list_again_and_again(writer))
            while True:
                # Something comes at least whenever the list was asked for.
                async with asyncio.timeout(2 * RELIST_S):
                    self._take(await _frame(reader))
        finally:
            if lister is not None:
                lister.cancel()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _list_again_and_again(self, writer: asyncio.StreamWriter) -> None:
        while True:
            if self._settings.boards:
                _send(writer, Action="DAHDIShowChannels", ActionID=BOARDS)
            if self._settings.registrations:
                _send(writer, Action="PJSIPShowRegistrationsOutbound", ActionID=REGISTRATIONS)
            await asyncio.sleep(RELIST_S)

    def _take(self, frame: Frame) -> None:
        if frame.get("Response") == "Error":
            if frame.get("ActionID") == BOARDS:
                raise NotServed("Asterisk does not list its boards: load chan_dahdi, see its log")
            # With no registration at all, Asterisk says "Unable to retrieve": nothing is refused then.
            self._registrations.lost()
        self._alarms.heard(frame)
        self._registrations.heard(frame)


def _send(writer: asyncio.StreamWriter, **words: str) -> None:
    for word in words.values():
        if "\r" in word or "\n" in word:
            raise NotServed("the user or the password has a line end in it: write another")
    text = "".join(f"{name}: {value}\r\n" for name, value in words.items())
    writer.write(f"{text}\r\n".encode())


async def _frame(reader: asyncio.StreamReader) -> Frame:
    """Lines "Name: value" up to an empty one. Raises EOFError, NotServed."""
    found: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = await _line(reader)
        if not line:
            if found:
                return found
            continue
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip()] = value.strip()
    raise NotServed("what answers there is no manager interface: see manager.conf for its port")


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readline()
    except ValueError as error:
        raise NotServed("what answers there is no manager interface: see manager.conf for its port") from error
    if not line.endswith(b"\n"):
        raise EOFError("the manager interface has closed the connection")
    return line.decode("utf-8", "replace").rstrip("\r\n")
