"""One channel at Asterisk as a call: answer, play, keys, end. Everything here runs on the line's loop.

Commands to a channel wait behind the sound it is playing, even the move to another node: whatever must be done now
stops the sound first. So that another node can do so too, playbacks go by names that follow from the channel's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import structlog

from ivr.bounces import Bounces
from ivr.lines.asterisk.causes import NORMAL_CLEARING, GoneCause
from ivr.lines.asterisk.wire import (
    Body,
    ChannelDtmfReceived,
    PlaybackFinished,
    PlaybackStarted,
    Reply,
    at,
    seconds,
)
from ivr.lines.port import Gone, Key, LineEvent, PlayEnded
from speech.prompt import Clip

log = structlog.get_logger(__name__)

PLAYBACKS = 8
KEYS = frozenset("0123456789*#ABCD")


class Asking(Protocol):
    """`AriClient.ask`."""

    def __call__(
        self,
        method: str,
        path: str,
        then: Callable[[Reply], None] | None = None,
        *,
        query: dict[str, str] | None = None,
        body: Body | None = None,
    ) -> None: ...


def playbacks_of(channel: str) -> Iterator[str]:
    """Every name a sound on this channel may go by."""
    return (f"{channel}-{number}" for number in range(PLAYBACKS))


class AsteriskCall:
    """`call` is what the application knows it by, `channel` what Asterisk does. `report` is given what happens."""

    def __init__(self, call: str, channel: str, ask: Asking, report: Callable[[str, LineEvent], None]) -> None:
        self.call = call
        self.channel = channel
        self.answered = False
        self.over = False
        self.ending: GoneCause | None = None
        """Why it ends, as soon as somebody wants it to."""
        self.leaving = False
        """On its way to another node: that one says the question again, and takes the keys."""
        self._ask = ask
        self._report = report
        self._plays = 0
        self._playing = ""
        self._tag = 0
        self._began: float | None = None
        self._bounces = Bounces()

    def tell(self, event: LineEvent) -> None:
        """Report; nothing after the end."""
        if not self.over:
            self._report(self.call, event)

    # -- what the application wants

    def answer(self) -> None:
        if not self.answered and self.ending is None:
            self.answered = True
            self._ask("POST", at("channels", self.channel, "answer"))

    def play(self, clips: Sequence[Clip], tag: int) -> None:
        if not self.answered or self.ending is not None or self.over or self.leaving:
            return
        self.stop_playing()
        if not clips:
            self.tell(PlayEnded(tag))
            return
        self._plays += 1
        name = self._playing = f"{self.channel}-{self._plays % PLAYBACKS}"
        self._tag, self._began = tag, None
        # Asterisk chooses among .ul, .al and .wav the one that the channel speaks: nothing is transcoded.
        files = [f"sound:{clip.alaw.absolute().with_suffix('')}" for clip in clips]
        path = at("channels", self.channel, "play", name)
        self._ask("POST", path, lambda reply: self._play_refused(name, reply), body={"media": files})

    def stop_playing(self) -> None:
        if self._playing:
            # 404: it has just come to its end by itself.
            self._ask("DELETE", at("playbacks", self._playing))
            self._playing = ""

    def hand_on(self, app: str, args: str) -> None:
        """Give the channel to another node's application, which says the question again."""
        if not self.answered or self.ending is not None or self.over:
            return
        self.leaving = True
        self.stop_playing()
        query = {"app": app, "appArgs": args}
        self._ask("POST", at("channels", self.channel, "move"), self._handed_on, query=query)

    def hang_up(self, cause: GoneCause = "we_hung_up", reason_code: int = NORMAL_CLEARING) -> None:
        if self.over or self.ending is not None:
            return
        self.ending = cause
        self._playing = ""
        query = {"reason_code": str(reason_code)}
        self._ask("DELETE", at("channels", self.channel), self._hung_up, query=query)

    # -- what happens

    def key_pressed(self, event: ChannelDtmfReceived) -> None:
        if event.digit not in KEYS or self.leaving:
            return
        when = seconds(event.timestamp, time.time())
        if self._bounces.is_bounce(event.digit, when):
            return
        playing = self._tag if self._playing else None
        heard_ms = max(0, int((when - self._began) * 1000)) if self._playing and self._began else 0
        self.stop_playing()
        self.tell(Key(event.digit, when, heard_ms, playing))

    def playback_started(self, event: PlaybackStarted) -> None:
        if event.playback.id == self._playing and self._began is None:
            self._began = seconds(event.timestamp, time.time())

    def playback_finished(self, event: PlaybackFinished) -> None:
        if event.playback.id != self._playing or self.ending is not None:
            return
        self._playing = ""
        if event.playback.state != "done":
            # The conversation goes on as if it had been heard: better a missing sentence than silence for ever.
            log.error("prompt_not_played", call=self.call, do="see that Asterisk can read the folder of prompts")
        self.tell(PlayEnded(self._tag))

    def ended(self, otherwise: GoneCause) -> None:
        """The channel is no more."""
        if not self.over:
            cause = self.ending or otherwise
            self._report(self.call, Gone(cause))
            self.over = True

    def _play_refused(self, name: str, reply: Reply) -> None:
        if reply.done or self._playing != name or self.ending is not None:
            return
        self._playing = ""
        # 404 or 409: the channel is ending, which is reported by itself.
        if reply.status not in (0, 404, 409):
            log.error("play_refused", call=self.call, status=reply.status, reason=reply.body[:200])
            self.tell(PlayEnded(self._tag))

    def _handed_on(self, reply: Reply) -> None:
        """That it has left is told by Asterisk; refused, it stays ours."""
        if not reply.done:
            self.leaving = False
            log.error("call_not_handed_on", call=self.call, status=reply.status, reason=reply.body[:200])

    def _hung_up(self, reply: Reply) -> None:
        """Its end is reported by Asterisk, but not of a channel that is gone already."""
        if reply.status == 404:
            self.ended("dead_line")
