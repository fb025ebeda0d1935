"""Keys as tones in the audio (DTMF after ITU-T Q.23), for lines that carry nothing better.

A window of 24 ms is looked at every 8 ms: power at the eight frequencies over each half, and from the phase between
the halves how far each tone is off. Two windows in a row make a key, so that 40 ms are heard and 23 ms are not
(Q.24); a break that spoils fewer than six windows does not end it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
LAYOUT = ("123A", "456B", "789C", "*0#D")
HALF, HOP = 96, 64
WINDOW = 2 * HALF
RATE = 8000
MOST_OFF = 0.025
LEAST_SHARE = 0.72
LEAST_POWER = 60.0**2
TWIST_DB = (-8.5, 4.5)
CONFIRM, RELEASE = 2, 6

_FREQUENCIES = np.array(ROWS + COLUMNS)
_TURNS = np.exp(-2j * np.pi * np.outer(np.arange(WINDOW), _FREQUENCIES) / RATE)


def key_in(window: NDArray[np.float64]) -> str | None:
    """The key that sounds through this whole window of WINDOW samples, or None."""
    total = float(np.mean(window**2))
    if total < LEAST_POWER:
        return None
    halves = np.stack([window[:HALF] @ _TURNS[:HALF], window[HALF:] @ _TURNS[HALF:]])
    power = 2 * np.mean(np.abs(halves / HALF) ** 2, axis=0)
    row, column = int(np.argmax(power[:4])), 4 + int(np.argmax(power[4:]))
    off = np.angle(halves[1] * np.conj(halves[0])) / (2 * np.pi * HALF / RATE)
    for tone in (row, column):
        if abs(off[tone]) > MOST_OFF * _FREQUENCIES[tone] or min(abs(halves[:, tone])) < 0.8 * max(
            abs(halves[:, tone])
        ):
            return None
    loss = np.sinc(off * HALF / RATE) ** 2
    strong = power / np.maximum(loss, 0.3)
    twist = 10 * np.log10(strong[column] / strong[row])
    if not TWIST_DB[0] <= twist <= TWIST_DB[1] or strong[row] + strong[column] < LEAST_SHARE * total:
        return None
    return LAYOUT[row][column - 4]


@dataclass(slots=True)
class ToneReceiver:
    """Samples in, keys out, each once while it sounds."""

    _samples: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    _candidate: str | None = None
    _hits: int = 0
    _misses: int = 0
    _sounding: str | None = None

    def keys(self, samples: NDArray[np.int16]) -> list[str]:
        """The keys that are certain with these samples."""
        self._samples = np.concatenate([self._samples, samples.astype(np.float64)])
        found: list[str] = []
        while len(self._samples) >= WINDOW:
            if key := self._look(key_in(self._samples[:WINDOW])):
                found.append(key)
            self._samples = self._samples[HOP:]
        return found

    def _look(self, key: str | None) -> str | None:
        if key is not None and key == self._sounding:
            self._misses = 0
            return None
        self._misses += 1
        if self._misses >= RELEASE:
            self._sounding = None
        self._hits = self._hits + 1 if key is not None and key == self._candidate else int(key is not None)
        self._candidate = key
        if key is None or self._hits < CONFIRM:
            return None
        self._sounding, self._misses = key, 0
        return key
