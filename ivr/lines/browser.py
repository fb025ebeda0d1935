"""The browser phone as a line: its wire is HTTP, its phone a page that asks again and again what it is to do.

Owns the calls of such pages: numbered commands for the page, keys exactly once and in order, and the end of pages that
fall silent. No HTTP in here (the views of `admin.web` call these methods), no wording and no stages. Methods may be
called from any thread. What is reported of one call is reported in order, under that call's own lock.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

import structlog

from ivr.lines.browser_call import AnswerCommand, Command, HangUpCommand, PageCall, PlayCommand, Sound, StopCommand
from ivr.lines.browser_terms import (
    KEYS,
    LONGEST_HEARD_MS,
    BadKey,
    BrowserSettings,
    KeysMissing,
    LineFull,
    UnknownCall,
    clean_number,
)
from ivr.lines.port import (
    Arrived,
    DialFailed,
    Dialled,
    Gone,
    Key,
    LineEvents,
    PlayEnded,
    TransferEnded,
)
from speech.prompt import Clip

log = structlog.get_logger(__name__)

GoneCause = Literal["caller_hung_up", "we_hung_up", "dead_line", "line_closed"]


class BrowserLine:
    """The line of the browser phone.

    `clip_url` turns a clip's key into the address where the page fetches it, `written` gives the text a person reads
    for a clip ("" when unknown), `clock` is monotonic seconds, `now` is `time.time()`.
    """

    def __init__(
        self,
        settings: BrowserSettings,
        report: LineEvents,
        *,
        name: str = "browser",
        written: Callable[[Clip], str] = lambda _: "",
        clip_url: Callable[[str], str] = "/clips/{}.wav".format,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._settings = settings
        self._report = report
        self._written = written
        self._clip_url = clip_url
        self._clock = clock
        self._now = now
        self._calls: dict[str, PageCall] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sweeper: threading.Thread | None = None

    # -- the line's life

    def start(self) -> None:
        """Begin to take calls and to look for pages that fell silent."""
        self._closed.clear()
        self._sweeper = threading.Thread(target=self._sweep_on, name=f"{self.name}-sweep", daemon=True)
        self._sweeper.start()

    def stop(self) -> None:
        """Take no more calls and end those in progress."""
        self._closed.set()
        if self._sweeper:
            self._sweeper.join()
            self._sweeper = None
        for call in self._all():
            with call.changed:
                self._end(call, "line_closed")

    def live_calls(self) -> int:
        """How many calls are in progress."""
        return sum(not call.gone for call in self._all())

    def sweep(self) -> None:
        """End calls whose page is gone, take overdue sounds as heard, forget calls that are long over."""
        now = self._clock()
        for call in self._all():
            with call.changed:
                if call.gone:
                    if now - call.ended_at >= self._settings.kept_after_end_s:
                        self._forget(call)
                elif now - call.seen_at >= self._settings.dead_after_s:
                    self._end(call, "dead_line")
                elif call.playing is not None and now >= call.playing_until:
                    self._heard_to_end(call, call.playing)

    # -- what the page does (called by the web views)

    def arrive(self, caller: str, called: str) -> str:
        """A page dials in; returns the call's id, which nobody can guess. Raises LineFull."""
        call = PageCall(f"web-{secrets.token_urlsafe(18)}", self._clock(), self._settings.most_commands)
        with call.changed:
            self._admit(call)
            self._report(call.id, Arrived(clean_number(caller), clean_number(called), self._now()))
        return call.id

    def key(self, call: str, key: str, heard_ms: int, seq: int, tag: int | None = None) -> None:
        """A key was pressed: the `seq`-th of the call, counted from 1; one that came before is ignored.

        `tag` names the sound the page was playing (None: silent); `heard_ms` counts only if that is what we play.
        Raises UnknownCall, BadKey, KeysMissing.
        """
        if key not in KEYS:
            raise BadKey("a key is one of 0-9, *, #, A-D")
        page = self._seen(call)
        with page.changed:
            if page.gone or seq <= page.keys:
                return
            if seq != page.keys + 1:
                raise KeysMissing(page.keys + 1)
            page.keys = seq
            stopped = tag if tag == page.playing else None
            heard = 0 if stopped is None else min(max(heard_ms, 0), LONGEST_HEARD_MS)
            if page.playing is not None and tag != page.playing:
                # The page has fallen silent by itself, but not for a sound that was still on its way to it.
                self._tell(page, StopCommand())
            page.playing = None
            self._report(call, Key(key, self._now(), heard, stopped))

    def play_ended(self, call: str, tag: int) -> None:
        """The page has played this sound to its end; ignored for one that was replaced or interrupted."""
        page = self._seen(call)
        with page.changed:
            if not page.gone and page.playing == tag:
                self._heard_to_end(page, tag)

    def hung_up(self, call: str) -> None:
        """The person at the page has hung up."""
        page = self._seen(call)
        with page.changed:
            self._end(page, "caller_hung_up")

    def commands_after(self, call: str, number: int, wait_s: float) -> list[Command]:
        """The commands after this number, oldest first; waits for one, at most `wait_s`. Those before are forgotten.

        One waits at a time: a newer question of the same page sends the older one home empty. Raises UnknownCall.
        """
        page = self._seen(call)
        with page.changed:
            page.forget_until(number)
            page.questions += 1
            mine = page.questions
            page.changed.notify_all()
            if not page.gone:
                page.changed.wait_for(
                    lambda: bool(page.commands) or page.gone or page.questions != mine,
                    timeout=min(max(wait_s, 0.0), self._settings.longest_wait_s),
                )
            found = list(page.commands) if page.questions == mine else []
            if any(isinstance(command, PlayCommand) and command.tag == page.playing for command in found):
                # What is overdue counts from the moment the page could begin to play.
                page.playing_until = self._clock() + page.playing_s + self._settings.play_grace_s
            return found

    # -- what the line is told (the port)

    def answer(self, call: str) -> None:
        page = self._live(call)
        if page:
            with page.changed:
                if not page.answered:
                    page.answered = True
                    self._tell(page, AnswerCommand())

    def reject(self, call: str, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        page = self._live(call)
        if page:
            with page.changed:
                self._end(page, "we_hung_up", said=cause)

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        page = self._live(call)
        if not page:
            return
        sounds = tuple(
            Sound(clip.name, self._clip_url(clip.key), self._written(clip), clip.duration_ms) for clip in clips
        )
        with page.changed:
            if page.gone:
                return
            # What is said beside the conversation (negative tags) leaves the caller at the stage it is at.
            if tag >= 0:
                page.secret = any(clip.name in self._settings.secret_prompts for clip in clips)
            page.playing = tag
            page.playing_s = sum(clip.duration_ms for clip in clips) / 1000
            page.playing_until = self._clock() + page.playing_s + self._settings.play_grace_s
            self._tell(page, PlayCommand(tag, sounds, page.secret))

    def stop_playing(self, call: str) -> None:
        page = self._live(call)
        if page:
            with page.changed:
                if page.playing is not None:
                    page.playing = None
                    self._tell(page, StopCommand())

    def transfer(self, call: str, target: str) -> None:
        """A page can't be handed to a telephone: it stays, and the dialogue is told at once (501, not implemented)."""
        log.info("browser_transfer_refused", call=call, has_target=bool(target))
        page = self._live(call)
        if page:
            with page.changed:
                if not page.gone:
                    self._report(call, TransferEnded(done=False, status=501))

    def hang_up(self, call: str) -> None:
        page = self._live(call)
        if page:
            with page.changed:
                self._end(page, "we_hung_up")

    def dial(self, wish: Dialled) -> None:
        """Nobody can be called on a page (404): routes that can are to be asked instead."""
        self._report(wish.call, DialFailed("unreachable", 404))
        self._report(wish.call, Gone("we_hung_up"))

    # -- within

    def _admit(self, call: PageCall) -> None:
        with self._lock:
            busy = sum(not other.gone for other in self._calls.values())
            if self._closed.is_set() or busy >= self._settings.most_calls:
                raise LineFull(f"the line {self.name} is closed or has its {self._settings.most_calls} calls")
            self._calls[call.id] = call

    def _all(self) -> list[PageCall]:
        with self._lock:
            return list(self._calls.values())

    def _live(self, call: str) -> PageCall | None:
        with self._lock:
            return self._calls.get(call)

    def _seen(self, call: str) -> PageCall:
        page = self._live(call)
        if page is None:
            raise UnknownCall("this call is over")
        page.seen_at = self._clock()
        return page

    def _forget(self, call: PageCall) -> None:
        with self._lock:
            self._calls.pop(call.id, None)

    def _tell(self, call: PageCall, command: Command) -> None:
        if not call.gone and not call.tell(command):
            self._end(call, "dead_line")

    def _heard_to_end(self, call: PageCall, tag: int) -> None:
        call.playing = None
        self._report(call.id, PlayEnded(tag))

    def _end(self, call: PageCall, cause: GoneCause, said: str = "") -> None:
        if call.gone:
            return
        call.end(HangUpCommand(said or cause), self._clock())
        self._report(call.id, Gone(cause))

    def _sweep_on(self) -> None:
        while not self._closed.wait(self._settings.sweep_every_s):
            try:
                self.sweep()
            except Exception:
                # A fault in one call must not keep all other silent pages on the line for ever.
                log.exception("browser_sweep_fault", line=self.name)
