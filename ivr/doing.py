"""What a step wants done, done on its line: prompts become clips and are played, timers armed, the call ended.

And what is said beside the conversation, in words that need no database: hold on, and we can't go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import structlog

from ivr.dialogue.actions import AnswerCall, ArmTimer, HangUp, Pace, PlayPrompts, TransferCall
from ivr.live_call import LiveCall, Saying
from ivr.runner import Sequenced
from ivr.timers import Timers
from orders.values import Language
from speech.prompt import Clip, Prompt, prompt

log = structlog.get_logger(__name__)

BUSY_WORDS, LAST_WORDS = -1, -2
"""Tags of what is said beside the conversation."""

LAST_WORDS_S = 10.0


class ClipSource(Protocol):
    """Where prompts become audio (`speech.prompt_store`). May take a moment for what was never said before."""

    def clip(self, prompt: Prompt, language: Language, pace: Pace) -> Clip: ...


class Doing:
    """`unsayable` is told of a call whose prompt can't be rendered; the timers are the exchange's."""

    def __init__(self, clips: ClipSource, timers: Timers, unsayable: Callable[[LiveCall], None]) -> None:
        self._clips = clips
        self._timers = timers
        self._unsayable = unsayable

    def act(self, live: LiveCall, actions: tuple[Sequenced, ...]) -> None:
        """Do these, in their order."""
        for sequenced in actions:
            match sequenced.action:
                case AnswerCall():
                    live.line.answer(live.call)
                case PlayPrompts(prompts, language, pace, generation, notices):
                    live.language, live.pace = language, pace
                    self._say(live, prompts, generation, notices)
                case ArmTimer(generation, after_ms, after_sound):
                    sound_ms = live.saying.lasts_ms if after_sound and live.saying.tag == generation else 0
                    self._timers.arm(live.call, generation, (sound_ms + after_ms) / 1000)
                case TransferCall(target):
                    live.line.transfer(live.call, target)
                case HangUp():
                    self._timers.disarm(live.call)
                    live.line.hang_up(live.call)

    def say_busy(self, live: LiveCall) -> None:
        """Hold on; the question stays."""
        self._say(live, (prompt("system_busy"),), BUSY_WORDS)

    def say_last(self, live: LiveCall, why: str) -> None:
        """The truth about why we can't go on; then, or when its end is not reported in time, the call is ended."""
        self._timers.disarm(live.call)
        self._say(live, (prompt(why),), LAST_WORDS)
        self._timers.arm(f"{live.call}/leaving", 0, LAST_WORDS_S)

    def _say(self, live: LiveCall, prompts: tuple[Prompt, ...], tag: int, notices: int = 0) -> None:
        if live.leaving and tag != LAST_WORDS:
            return
        started = time.monotonic()
        try:
            clips = [self._clips.clip(said, said.language or live.language, live.pace) for said in prompts]
        except Exception:
            # Half a read-back is worse than none: what can't be said whole is not said at all.
            log.exception("prompt_not_rendered", call=live.call, prompts=[said.name for said in prompts])
            if tag == LAST_WORDS:
                live.line.hang_up(live.call)
            else:
                self._unsayable(live)
            return
        lasts = [clip.duration_ms for clip in clips]
        live.saying = Saying(tag, sum(lasts), sum(lasts[:notices]))
        live.line.play(live.call, clips, tag)
        if (took := time.monotonic() - started) > 0.25:
            log.info("prompt_rendered_in_call", call=live.call, ms=int(took * 1000))
