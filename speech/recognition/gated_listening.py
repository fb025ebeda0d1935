"""A listening as engines with a model have it: an ear that hears only while somebody speaks, and a verdict at its end.

The ear gets the speech with a little before it, and the pause after it. What came before the voice is kept for as long
as `_LOOK_BACK_MS` and tells the ear how the line sounds without a voice.
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

_LOOK_BACK_MS = 320
_DECODERS: dict[Codec, Callable[[bytes], Samples]] = {
    "ulaw": g711.decode_ulaw,
    "alaw": g711.decode_alaw,
    "pcm16": lambda audio: np.frombuffer(audio, "<i2").astype(np.int16),
}
_LONGEST_FEED = 8000 * 60
"""Bytes at once; more is no telephone audio but a mistake."""


class Ear(Protocol):
    """One engine's hearing of one utterance."""

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
        self._heard: Heard | None = None

    def feed(self, audio: bytes) -> Progress:
        if len(audio) > _LONGEST_FEED or len(audio) % self._sample_bytes:
            raise ValueError(f"{len(audio)} bytes are no whole samples of live audio; feed frames as they come")
        if self._heard is not None:
            return "ended"
        for window, likelihood in self._voice.push(self._decode(audio)):
            if self._take(window, likelihood) == "ended":
                break
        return self._endpointer.progress

    def _take(self, window: Samples, likelihood: float) -> Progress:
        was = self._endpointer.progress
        now = self._endpointer.add(likelihood, WINDOW_MS) if was != "ended" else was
        if now == "waiting":
            self._before.append(window)
        elif was == "waiting":
            self._ear.hear(np.concatenate([*self._before, window]))
            self._before.clear()
        elif was == "speaking":
            self._ear.hear(window)
        return now

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
