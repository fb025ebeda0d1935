"""The pyVoIP line behind the `Line` port: an extension of a trusted PBX that takes calls.

It does not call out and does not transfer: pyVoIP's `call()` keeps its receiver to itself until the first answer, for
ever if that is a refusal, and it has no REFER. Those are refused with 501, so that routes go by the direct SIP line.
Everything of the calls runs under one lock; the loop's thread, the media reader and the application share it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Literal

import structlog

from ivr.lines.loop_thread import LoopThread
from ivr.lines.port import DialFailed, Dialled, Gone, LineEvents, TransferEnded
from ivr.lines.pyvoip.intake import Intake
from ivr.lines.pyvoip.library import load_phone
from ivr.lines.pyvoip.settings import PyVoipSettings
from ivr.lines.pyvoip.switchboard import Switchboard
from ivr.lines.sip.clock import LoopClock
from ivr.lines.sip.doorkeeper import Complaints
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.wires import Wires
from ivr.media.port import MediaPort, StreamEvent
from speech.prompt import Clip

log = structlog.get_logger(__name__)

FAREWELL_S = 2.0


class PyVoipLine:
    """Implements `ivr.lines.port.Line`. Give `media_event` to the media process as where it reports."""

    def __init__(self, settings: PyVoipSettings, media: MediaPort, report: LineEvents, *, name: str = "pyvoip") -> None:
        self.name = name
        self._settings = settings
        self._media = media
        self._report = report
        self._lock = threading.RLock()
        self._runner = LoopThread(f"line-{name}")
        self._clock = LoopClock(self._runner, self._lock)
        self._wires = Wires(
            settings.host,
            settings.port,
            tcp=False,
            advertised="",
            heard=self._heard,
            refused=lambda _data, _hop: None,
            welcome=lambda _host: False,
        )
        self._board = Switchboard(settings, self._clock, media, self._wires.send, report)
        pbx = Hop("UDP", *settings.server)
        self._intake = Intake(self._board, pbx, self._wires.send, Complaints())
        self._state: Literal["new", "up", "down"] = "new"

    # -- life

    def start(self) -> None:
        """Bind and register. Raises OSError, or LibraryMissing with what to install."""
        phones = load_phone()
        self._runner.start()
        try:
            self._runner.run(self._wires.start())
        except OSError as error:
            self._runner.stop()
            where = f"{self._settings.host}:{self._settings.port}"
            raise OSError(f"the pyvoip line can't listen on {where} ({error}): change pyvoip.port") from error
        self._state = "up"
        settings, board = self._settings, self._board
        own = (settings.host, self._wires.port)
        with self._lock:
            board.phone = phones.Phone(settings.server, settings.username, settings.password, own, board.rings)
            board.phone.begin(board.carrier, board.description_of, settings.expires_s)

    def stop(self) -> None:
        """End every call, leave the PBX and close."""
        if self._state != "up":
            return
        self._state = "down"
        with self._lock:
            self._board.is_closing = True
            for call in list(self._board.calls.values()):
                self._board.end(call, "line_closed")
            self._board.phone.sip.stop()
        self._runner.run(self._farewell())
        self._runner.stop()

    def is_registered(self) -> bool:
        """Whether the PBX knows us."""
        phone = self._board.phone
        return bool(phone is not None and phone.sip.registered)

    def live_calls(self) -> int:
        """How many calls are in progress on this line."""
        with self._lock:
            return len(self._board.calls)

    def remembered(self) -> int:
        """How many calls and transactions are kept; none are, some time after the last call."""
        with self._lock:
            return self._board.remembered

    async def _farewell(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + FAREWELL_S
        while loop.time() < deadline:
            with self._lock:
                if self._board.is_quiet:
                    break
            await asyncio.sleep(0.02)
        with self._lock:
            self._board.leave()
            self._clock.stop()
            self._board.served.close()
            self._board.asked.close()
        await self._wires.stop()

    def _heard(self, data: bytes, source: Hop) -> None:
        with self._lock:
            try:
                self._intake.receive(data, source)
            except Exception:
                # One message must not close the line for all others.
                log.exception("pyvoip_receive_fault")

    # -- the port, from any thread

    def answer(self, call: str) -> None:
        with self._lock:
            if found := self._board.calls.get(call):
                self._board.answer(found)

    def reject(self, call: str, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        with self._lock:
            if found := self._board.calls.get(call):
                self._board.reject(found, cause)

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        with self._lock:
            found = self._board.calls.get(call)
            if found is not None and found.answered:
                self._media.play(call, clips, tag)

    def stop_playing(self, call: str) -> None:
        with self._lock:
            if call in self._board.calls:
                self._media.stop_playing(call)

    def transfer(self, call: str, target: str) -> None:
        """pyVoIP has no REFER (501): the caller stays, and the dialogue is told at once."""
        with self._lock:
            if call in self._board.calls:
                log.info("pyvoip_transfer_refused", call=call, has_target=bool(target))
                self._report(call, TransferEnded(done=False, status=501))

    def hang_up(self, call: str) -> None:
        with self._lock:
            if found := self._board.calls.get(call):
                self._board.end(found, "we_hung_up")

    def dial(self, wish: Dialled) -> None:
        """Not by this line (501): routes that can are to be asked instead."""
        self._report(wish.call, DialFailed("unreachable", 501))
        self._report(wish.call, Gone("we_hung_up"))

    def media_event(self, stream: str, event: StreamEvent) -> None:
        """Where the media process reports, on whatever thread it does."""
        with self._lock:
            self._board.heard_stream(stream, event)
