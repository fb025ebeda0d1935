"""A listening as engines with a model have it: an ear that hears only while somebody speaks, and a verdict at its end.

The ear is given the quiet before the voice, from which it may learn how the line sounds, and `_PAUSE_MS` after the
words. More of a pause is given only when speech goes on: silence costs as much work as words do, and in noise it is
heard as words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from speech import g711
from speech.g711 import Samples
from speech.recognition.endpointing import Endpointer
from speech.recognition.port import Candidate, Codec, Heard, Progress
from speech.recognition.tuning import MenuTuning
from speech.recognition.voice_activity import WINDOW_MS, VoiceModel, VoiceStream

_LOOK_BACK_MS = 640
_PAUSE_MS = 224
_DECODERS: dict[Codec, Callable[[bytes], Samples]] = {
    "ulaw": g711.decode_ulaw,
    "alaw": g711.decode_alaw,
    "pcm16": lambda audio: np.frombuffer(audio, "<i2").astype(np.int16),
}
_LONGEST_FEED = 8000 * 60
"""Bytes at once; more is no telephone audio but a mistake."""


class Ear(Protocol):
    """One engine's hearing of one utterance."""

    def begin(self, quiet: Samples, onset: Samples) -> None:
        """Called once: up to 0.5 s of the line without a voice (none when it began at once), and where it begins."""

    def hear(self, samples: Samples) -> None:
        """The next speech, without gaps."""

    def candidates(self) -> tuple[list[Candidate], str]:
        """Candidates of different values, best first, and what was heard freely. Called once, at the end."""


class GatedListening:
    """Implements `port.Listening` for any ear."""

    def __init__(self, ear: Ear, codec: Codec, tuning: MenuTuning, voice: VoiceModel) -> None:
        if codec not in _DECODERS:
            raise ValueError(f"codec {codec!r} is not heard here: use one of {', '.join(_DECODERS)}")
        self._ear, self._decode, self._tuning = ear, _DECODERS[codec], tuning
        self._sample_bytes = 2 if codec == "pcm16" else 1
        self._voice = VoiceStream(voice)
        self._endpointer = Endpointer(tuning.patience)
        self._before: deque[Samples] = deque(maxlen=_LOOK_BACK_MS // WINDOW_MS)
        self._held: list[Samples] = []
        self._heard: Heard | None = None

    def feed(self, audio: bytes) -> Progress:
        if len(audio) > _LONGEST_FEED or len(audio) % self._sample_bytes:
            raise ValueError(f"{len(audio)} bytes are no whole samples of live audio; feed frames as they come")
        if self._heard is not None:
            return "ended"
        for window, likelihood in self._voice.push(self._decode(audio)):
            if self._endpointer.progress == "ended" or self._take(window, likelihood) == "ended":
                break
        return self._endpointer.progress

    def _take(self, window: Samples, likelihood: float) -> Progress:
        was = self._endpointer.progress
        now = self._endpointer.add(likelihood, WINDOW_MS)
        if now == "waiting":
            self._before.append(window)
        elif was == "waiting":
            self._begin(window)
        elif self._endpointer.silent > _PAUSE_MS:
            self._held.append(window)
        else:
            self._ear.hear(np.concatenate([*self._held, window]))
            self._held.clear()
        return now

    def _begin(self, window: Samples) -> None:
        """The voice is certain now; it began before this window."""
        before = list(self._before)
        uncertain = self._tuning.patience.start // WINDOW_MS + 1
        quiet, onset = before[:-uncertain], [*before[-uncertain:], window]
        self._ear.begin(np.concatenate(quiet) if quiet else window[:0], np.concatenate(onset))
        self._before.clear()

    def answer(self) -> Heard:
        if self._heard is None:
            self._heard = self._judged()
            self._endpointer.progress = "ended"
        return self._heard

    def _judged(self) -> Heard:
        if self._endpointer.progress == "waiting":
            return Heard("silence")
        candidates, free = self._ear.candidates()
        return self._tuning.thresholds.judged(candidates, free)
