"""What a voice must do: say words as 8 kHz sound. Loudness and the telephone band are the store's business."""

from __future__ import annotations

from typing import Literal, Protocol

from orders.values import Language
from speech.g711 import Samples

Pace = Literal["normal", "slow"]


class VoiceMissing(RuntimeError):
    """This voice can't speak on this machine; the message says what to install or configure."""


class Voice(Protocol):
    """`key` stands for everything that changes the sound, for it names the cached audio."""

    @property
    def key(self) -> str: ...

    def say(self, text: str, language: Language, pace: Pace) -> Samples:
        """The words as mono 16-bit samples at 8 kHz. Raises VoiceMissing. Safe from any thread."""
