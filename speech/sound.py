"""Sound made fit for the telephone: trimmed, band-limited, levelled, whole frames. Pure functions over samples."""

from __future__ import annotations

import numpy as np

from speech.g711 import FRAME_BYTES, Samples

RATE = 8000
LOW_HZ, HIGH_HZ = 300, 3400
LEVEL_DBFS = -20.0
"""Average of the speaking parts; loud enough for a shop, with room for peaks."""
PEAK = 0.9
_QUIET = 0.01
_KEEP_S = 0.04


def telephone(samples: Samples) -> Samples:
    """Everything a prompt goes through after its voice. Raises ValueError for silence."""
    return whole_frames(levelled(banded(trimmed(samples))))


def trimmed(samples: Samples) -> Samples:
    """Without the silence before and after; 40 ms of it stay, so that words are not cut."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET * 32768)
    if not len(loud):
        raise ValueError("this sound is silent")
    margin = int(_KEEP_S * RATE)
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def banded(samples: Samples) -> Samples:
    """Only what a telephone carries, 300 to 3400 Hz, cut in the frequency domain (a prompt is short)."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    fall = np.clip((frequencies - (LOW_HZ - 60)) / 60, 0, 1) * np.clip(((HIGH_HZ + 200) - frequencies) / 200, 0, 1)
    return np.asarray(np.clip(np.fft.irfft(spectrum * fall, len(samples)), -32768, 32767), dtype=np.int16)


def levelled(samples: Samples) -> Samples:
    """Speech at LEVEL_DBFS on average, no peak above PEAK."""
    sound = samples.astype(np.float64) / 32768
    speaking = sound[np.abs(sound) > _QUIET]
    if not len(speaking):
        raise ValueError("this sound is silent")
    gain = 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(speaking**2))
    gain = min(gain, PEAK / np.abs(sound).max())
    return np.asarray(sound * gain * 32767, dtype=np.int16)


def whole_frames(samples: Samples) -> Samples:
    """Filled up with silence to whole 20 ms frames."""
    missing = -len(samples) % FRAME_BYTES
    return np.concatenate([samples, np.zeros(missing, np.int16)])
