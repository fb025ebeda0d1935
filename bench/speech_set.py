"""Recorded telephone speech with its transcripts, and what the benchmark makes of it: codecs, noise, quiet.

A folder holds items.tsv (file, menu, text, canonical, …) and raw G.711 µ-law files, 8 kHz. An empty canonical value
means out of grammar: nothing may be taken from it. Noise is made here, pink, seeded by the file's place.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import numpy as np
from numpy.typing import NDArray

from speech.g711 import Samples, decode_ulaw, encode_alaw, encode_ulaw
from speech.recognition.port import Codec

Condition = Literal["clean", "alaw", "snr20", "snr10"]
SNR_DB: dict[Condition, float] = {"snr20": 20.0, "snr10": 10.0}
_BEFORE_S, _AFTER_S = 0.8, 1.6
_LOUD_DB = -30.0
"""Frames this far below the loudest are still speech: where a word ends."""


@dataclass(frozen=True, slots=True)
class Item:
    """One recorded utterance; `place` is its line in items.tsv."""

    place: int
    file: Path
    menu: str
    text: str
    canonical: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a line would deliver, and at which second the words end in it."""

    audio: bytes
    codec: Codec
    ends_s: float


def read_items(folder: Path) -> list[Item]:
    """Raises click.ClickException for a folder that is no such set."""
    table = folder / "items.tsv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        items = [
            Item(place, _inside(folder, row["file"]), row["menu"], row["text"], row["canonical"] or "")
            for place, row in enumerate(rows)
        ]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise click.ClickException(
            f"{folder} is no set of speech ({error!r}): it needs items.tsv with the columns file, menu, text, "
            "canonical and the µ-law files it names"
        ) from error
    if not items:
        raise click.ClickException(f"{table} names no file: add lines below its heading")
    return items


def _inside(folder: Path, name: str) -> Path:
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise ValueError(f"{name} is not there")
    return file


def utterance(item: Item, condition: Condition) -> Utterance:
    """The item between quiet (or noise), through the codec of the condition."""
    words = decode_ulaw(item.file.read_bytes()).astype(np.float64)
    level, loud_until = _level_and_end(words)
    sound = np.concatenate([np.zeros(int(8000 * _BEFORE_S)), words, np.zeros(int(8000 * _AFTER_S))])
    if condition in SNR_DB:
        sound += _pink(len(sound), item.place) * level / 10 ** (SNR_DB[condition] / 20)
    samples: Samples = np.clip(np.round(sound), -32768, 32767).astype(np.int16)
    ends_s = _BEFORE_S + loud_until / 8000
    if condition == "alaw":
        return Utterance(encode_alaw(samples), "alaw", ends_s)
    return Utterance(encode_ulaw(samples), "ulaw", ends_s)


def _level_and_end(words: NDArray[np.float64]) -> tuple[float, int]:
    """RMS of the speaking frames, and the sample after the last of them."""
    frames = words[: len(words) // 160 * 160].reshape(-1, 160)
    energy = np.square(frames).mean(axis=1)
    speaking = np.flatnonzero(energy >= energy.max() * 10 ** (_LOUD_DB / 10))
    return float(np.sqrt(energy[speaking].mean())), int(speaking[-1] + 1) * 160


def _pink(length: int, seed: int) -> NDArray[np.float64]:
    """Noise of a room over a telephone: power falls with frequency, 200 to 3500 Hz, RMS 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / 8000)
    spectrum *= np.where((hertz >= 200) & (hertz <= 3500), 1 / np.sqrt(np.maximum(hertz, 1)), 0)
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))))
