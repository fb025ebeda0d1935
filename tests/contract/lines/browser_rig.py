"""The browser line's rig: a page's script in Python, which asks, plays in real time and reports, without HTTP.

The page itself is tested in Chromium (tests/web); here the line behind it keeps the contract.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Literal

from ivr.lines.browser import BrowserLine
from ivr.lines.browser_call import AnswerCommand, Command, HangUpCommand, PlayCommand, StopCommand
from ivr.lines.browser_terms import BrowserSettings, UnknownCall
from ivr.lines.port import Line
from speech.prompt import Clip
from tests.contract.lines.rig import Ability, Events, FarEnd, Way

NOWHERE = Path("nowhere")


class Page:
    """One open page: its questions and its loudspeaker run on a thread of its own."""

    def __init__(self, line: BrowserLine, caller: str) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._play: PlayCommand | None = None
        self._began = 0.0
        self._pressed = 0
        self._answered = self._over = self._vanished = False
        self.call = line.arrive(caller, "100")
        self._thread = threading.Thread(target=self._live, name="page")
        self._thread.start()

    def close(self) -> None:
        self._vanished = True
        self._thread.join()

    def is_picked_up(self) -> bool:
        return self._answered

    def press(self, key: str, _way: Way) -> None:
        with self._lock:
            self._pressed += 1
            tag = self._play.tag if self._play else None
            heard_ms = self._heard_ms() if self._play else 0
            self._play = None
            self._line.key(self.call, key, heard_ms, self._pressed, tag)

    def hears(self) -> str:
        with self._lock:
            heard_ms = self._heard_ms()
            for sound in self._play.sounds if self._play else ():
                if heard_ms < sound.duration_ms:
                    return sound.name
                heard_ms -= sound.duration_ms
            return ""

    def give_up(self) -> None:
        self._line.hung_up(self.call)

    hang_up = give_up

    def vanish(self) -> None:
        self.close()

    def is_over(self) -> bool:
        return self._over

    def asked_to_call(self) -> str:
        return ""

    def report_transfer(self, *, done: bool) -> None:
        raise NotImplementedError(f"a page can't be transferred ({done})")

    def _heard_ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)

    def _live(self) -> None:
        after = 0
        while not (self._over or self._vanished):
            try:
                commands = self._line.commands_after(self.call, after, 0.02)
            except UnknownCall:
                return
            with self._lock:
                for command in commands:
                    after = command.number
                    self._do(command)
                self._end_what_was_heard()

    def _do(self, command: Command) -> None:
        match command:
            case AnswerCommand():
                self._answered = True
            case PlayCommand():
                self._play, self._began = command, time.monotonic()
            case StopCommand():
                self._play = None
            case HangUpCommand():
                self._play, self._over = None, True

    def _end_what_was_heard(self) -> None:
        if self._play and self._heard_ms() >= sum(sound.duration_ms for sound in self._play.sounds):
            tag, self._play = self._play.tag, None
            self._line.play_ended(self.call, tag)


class BrowserRig:
    """A started browser line and its pages."""

    abilities: frozenset[Ability] = frozenset({"refuses", "rings", "notices_the_dead", "asserts_called"})
    ways: tuple[Way, ...] = ("event",)

    def __init__(self, events: Events) -> None:
        self._pages: list[Page] = []
        self._browser = BrowserLine(BrowserSettings(dead_after_s=1.0, sweep_every_s=0.05), events)
        self._browser.start()
        self.line: Line = self._browser

    def call_in(self, caller: str = "13800000001") -> FarEnd:
        page = Page(self._browser, caller)
        self._pages.append(page)
        return page

    def somebody_at(self, behaviour: Literal["answers", "busy", "declines", "rings", "challenges"]) -> str:
        raise NotImplementedError(f"nobody can be called on a page ({behaviour})")

    def nobody(self) -> str:
        return "nobody"

    def clip(self, name: str, ms: int) -> Clip:
        return Clip(f"clip-{name}", name, NOWHERE, NOWHERE, NOWHERE, ms)

    def close_line(self) -> None:
        self._browser.stop()

    def close(self) -> None:
        self._browser.stop()
        for page in self._pages:
            page.close()
