"""Recorded prompts, `<folder>/<language>/<prompt>.wav`: a person's voice wins over any synthetic one.

Only prompts without slots can be recorded whole. A file that would sound bad is refused with what is wrong with it.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from orders.values import Language
from speech.g711 import Samples

LONGEST_S = 8.0
RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)


class BadRecording(ValueError):
    """A recording that can't be used: which file and what to do about it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One usable recording. `key` changes with the file, so that a new take replaces what was cached."""

    key: str
    samples: Samples


def recording_of(folder: Path | None, name: str, language: Language) -> Recording | None:
    """The recording of this prompt, or None when there is none. Raises BadRecording."""
    if folder is None:
        return None
    path = folder / language / f"{name}.wav"
    if not path.is_file():
        return None
    found = path.stat()
    return Recording(f"recorded-{found.st_size}-{found.st_mtime_ns}", read_recording(path))


def read_recording(path: Path) -> Samples:
    """A WAV file as mono 8 kHz samples. Raises BadRecording."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if width != 2 or channels not in (1, 2) or rate not in RATES:
                form = f"{width * 8} bit, {channels} channels, {rate} Hz"
                raise BadRecording(f"{path}: {form}; save it as 16-bit WAV, mono, 8000-48000 Hz")
            if file.getnframes() > LONGEST_S * rate:
                seconds = file.getnframes() / rate
                raise BadRecording(
                    f"{path}: {seconds:.1f} s; a prompt is at most {LONGEST_S:.0f} s: say it in fewer words"
                )
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    except (wave.Error, EOFError, OSError) as error:
        raise BadRecording(f"{path}: no readable WAV file ({error}); save it again as 16-bit WAV") from error
    mono = samples.reshape(-1, channels).mean(axis=1)
    if not len(mono) or np.abs(mono).max() < 300:
        raise BadRecording(f"{path}: (almost) silent; record it again")
    if np.mean(np.abs(samples.astype(np.int32)) >= 32760) > 0.001:
        raise BadRecording(f"{path}: clipped; record it again with less gain")
    resampled = soxr.resample(mono / 32768, rate, 8000, quality="HQ") * 32767
    return np.asarray(np.clip(resampled, -32768, 32767), dtype=np.int16)
