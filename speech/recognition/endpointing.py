"""When speech begins and ends, from likelihoods of voice; how patient a menu is comes from `tuning`. Pure.

Time is counted in windows of audio, never by a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from speech.recognition.port import Progress


@dataclass(frozen=True, slots=True)
class Patience:
    """In milliseconds of audio. Voice for `start` begins speech (barge-in); silence for `hang` ends it.

    `longest` ends what never pauses (a television, a neighbour's talk). `voice` and `quiet` are the likelihoods above
    which a window counts as voice and below which it counts as silence; between them nothing changes.
    """

    start: int
    hang: int
    longest: int
    voice: float
    quiet: float


class Endpointer:
    """One listening's judgement of where its speech is."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._voiced = self._spoken = 0
        self.silent = 0
        """Milliseconds since the last voice within speech."""
        self.progress: Progress = "waiting"

    def add(self, likelihood: float, length: int) -> Progress:
        """The next window of `length` ms."""
        if self.progress == "waiting":
            self._await_start(likelihood, length)
        elif self.progress == "speaking":
            self._await_end(likelihood, length)
        return self.progress

    def _await_start(self, likelihood: float, length: int) -> None:
        if likelihood >= self._patience.voice:
            self._voiced += length
        elif likelihood < self._patience.quiet:
            self._voiced = 0
        if self._voiced >= self._patience.start:
            self.progress = "speaking"

    def _await_end(self, likelihood: float, length: int) -> None:
        self._spoken += length
        if likelihood >= self._patience.voice:
            self.silent = 0
        elif likelihood < self._patience.quiet or self.silent:
            self.silent += length
        if self.silent >= self._patience.hang or self._spoken >= self._patience.longest:
            self.progress = "ended"
