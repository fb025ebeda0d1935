"""Prompts' sounds under addresses that expire: the same files that telephones hear, as 8 kHz WAV.

An address stays the same for an hour or more, so that Twilio's cache can keep what it has fetched. A sound with values
in it (names, totals) also names its call: the node that is asked for it may not be the one that rendered it.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ivr.call_record import CallRecords
from ivr.lines.twilio.replies import Played, Sound, Spoken
from ivr.lines.twilio.settings import TwilioSettings
from ivr.lines.twilio.signing import sound_signature
from orders.values import Language
from speech.prompt import Clip, Prompt
from speech.voices.port import Pace


class ClipStore(Protocol):
    """`speech.prompt_store.PromptStore`, as it is used here."""

    def clip(self, prompt: Prompt, language: Language, pace: Pace) -> Clip: ...

    def file(self, key: str) -> Path | None: ...


class Sounds:
    """Gives sounds their addresses, and finds what is asked for under them. `written` is a prompt in words."""

    def __init__(
        self,
        clips: ClipStore,
        records: CallRecords,
        settings: TwilioSettings,
        written: Callable[[Prompt, Language], str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clips = clips
        self._records = records
        self._settings = settings
        self._written = written
        self._now = now

    def of(self, call: str, prompt: Prompt, language: Language, pace: Pace) -> Sound:
        """What Twilio is to play for a prompt; its own voice says it when ours can't."""
        spoken_in: Language = prompt.language or language
        try:
            clip = self._clips.clip(prompt, spoken_in, pace)
        except (OSError, RuntimeError, ValueError, LookupError):
            return Spoken(self._written(prompt, spoken_in), spoken_in)
        # Without values and at this pace every node has it from its start on: that address can be everyone's.
        return self.of_clip(clip, "" if not prompt.arguments and pace == "normal" else call)

    def of_clip(self, clip: Clip, call: str = "") -> Played:
        """The same for a clip; `call` where its sound is this call's own."""
        until = self._until()
        signature = sound_signature(self._settings.token, clip.key, call, until)
        of_call = f"&call={call}" if call else ""
        path = f"/twilio/sounds/{clip.key}.wav?until={until}{of_call}&by={signature}"
        return Played(self._settings.address(path), clip.name, clip.duration_ms)

    def file(self, key: str, call: str, until: str, signature: str) -> Path | None:
        """The sound's file, None when the address was not made by us, has expired, or is of a sound nobody has."""
        if not (until.isascii() and until.isdigit() and len(until) <= 12) or int(until) < self._now():
            return None
        wanted = sound_signature(self._settings.token, key, call, int(until))
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            return None
        return self._clips.file(key) or (self._rendered_again(key, call) if call else None)

    def _until(self) -> int:
        lasts = self._settings.sounds_last_s
        return (int(self._now()) // lasts + 2) * lasts

    def _rendered_again(self, key: str, call: str) -> Path | None:
        record = self._records.of(call)
        if record is None:
            return None
        state = record.state
        for prompt in state.said:
            if self._clips.clip(prompt, prompt.language or state.language, state.pace).key == key:
                return self._clips.file(key)
        return None
