"""Tones after ITU-T Q.24: what must be heard is heard once, what must not is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ivr.media.tones import COLUMNS, LAYOUT, ROWS, ToneReceiver

RATE = 8000
LEVEL = 4000.0


def tone(key: str, ms: float, *, off: float = 0.0, twist_db: float = 0.0) -> NDArray[np.float64]:
    row = next(number for number, keys in enumerate(LAYOUT) if key in keys)
    low, high = ROWS[row] * (1 + off), COLUMNS[LAYOUT[row].index(key)] * (1 + off)
    seconds = np.arange(int(RATE * ms / 1000)) / RATE
    gain = 10 ** (twist_db / 20)
    return LEVEL * (np.sin(2 * np.pi * low * seconds) + gain * np.sin(2 * np.pi * high * seconds + 0.7))


def pause(ms: float) -> NDArray[np.float64]:
    return np.zeros(int(RATE * ms / 1000))


def heard(*parts: NDArray[np.float64], noise: float = 0.0, offset: int = 37) -> str:
    sound = np.concatenate([np.zeros(offset), *parts, pause(100)])
    sound = sound + np.random.default_rng(7).normal(0, noise, len(sound)) if noise else sound
    receiver, keys = ToneReceiver(), ""
    samples = np.clip(sound, -32768, 32767).astype(np.int16)
    for start in range(0, len(samples) - 159, 160):
        keys += "".join(receiver.keys(samples[start : start + 160]))
    return keys


@pytest.mark.parametrize("offset", [0, 19, 50, 63])
def test_every_key(offset: int) -> None:
    keys = "123A456B789C*0#D"
    parts = [part for key in keys for part in (tone(key, 70), pause(70))]
    assert heard(*parts, offset=offset) == keys


@pytest.mark.parametrize("key", ["1", "5", "9", "D", "#"])
@pytest.mark.parametrize("offset", [0, 30, 60])
def test_forty_milliseconds_are_enough_and_twenty_three_are_not(key: str, offset: int) -> None:
    assert heard(tone(key, 41), offset=offset) == key
    assert heard(tone(key, 23), offset=offset) == ""


@pytest.mark.parametrize("key", ["1", "5", "9", "D"])
def test_how_far_off_a_tone_may_be(key: str) -> None:
    for off in (-0.015, 0.015):
        assert heard(tone(key, 60, off=off)) == key
    for off in (-0.035, 0.035):
        assert heard(tone(key, 60, off=off)) == ""


@pytest.mark.parametrize(("twist_db", "expected"), [(4, "5"), (-8, "5"), (12, ""), (-14, "")])
def test_twist(twist_db: float, expected: str) -> None:
    assert heard(tone("5", 60, twist_db=twist_db)) == expected


def test_a_break_of_ten_milliseconds_is_one_key_and_one_of_forty_two() -> None:
    assert heard(tone("8", 60), pause(10), tone("8", 60)) == "8"
    assert heard(tone("8", 60), pause(45), tone("8", 60)) == "88"


def test_noise_and_speech_like_sound_are_no_keys() -> None:
    random = np.random.default_rng(3)
    assert heard(random.normal(0, 3000, RATE * 20)) == ""
    seconds = np.arange(RATE * 10) / RATE
    voice = sum(
        np.sin(2 * np.pi * 140 * part * seconds * (1 + 0.02 * np.sin(3 * seconds))) / part for part in range(1, 20)
    )
    assert heard(np.asarray(voice) * 4000) == ""


def test_a_key_is_heard_through_noise() -> None:
    assert heard(tone("3", 80), pause(60), tone("7", 80), noise=400) == "37"
