"""Features: the same however the audio is cut, and the right band answers to a tone."""

from __future__ import annotations

import numpy as np
import pytest

from speech.recognition.transducer.features import BANDS, FeatureStream

NO_QUIET = np.zeros(0, np.int16)


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    return (np.sin(2 * np.pi * hertz * np.arange(int(8000 * seconds)) / 8000) * 8000).astype(np.int16)


@pytest.mark.parametrize("cut", [7, 160, 256])
def test_the_cut_of_the_audio_does_not_matter(cut: int) -> None:
    sound = np.random.default_rng(5).integers(-3000, 3000, 4321).astype(np.int16)
    whole = FeatureStream(NO_QUIET).push(sound)
    stream = FeatureStream(NO_QUIET)
    pieces = np.concatenate([stream.push(sound[at : at + cut]) for at in range(0, len(sound), cut)])
    assert np.allclose(whole, pieces, atol=1e-4)
    assert whole.shape == ((4321 + 60 - 200) // 80 + 1, BANDS)


@pytest.mark.parametrize("hertz", [300, 1000, 2500])
def test_a_tone_is_loudest_in_its_band(hertz: float) -> None:
    frame = FeatureStream(NO_QUIET).push(tone(hertz))[20]
    edges = 1127 * np.log1p(np.array([20, 7600]) / 700)
    middles = 700 * (np.exp(np.linspace(*edges, BANDS + 2)[1:-1] / 1127) - 1)
    assert abs(middles[frame.argmax()] - hertz) < 60


def test_bands_above_the_telephone_hold_a_hiss() -> None:
    noise = np.random.default_rng(5).integers(-3000, 3000, 4000).astype(np.int16)
    frames = FeatureStream(NO_QUIET).push(noise)
    assert set(frames[:, -15:].ravel()) == {-9.0}
    assert frames[:, :50].min() > -15


def test_noise_is_turned_down_by_no_more_than_8_db_and_a_tone_is_not() -> None:
    noise = np.random.default_rng(5).normal(0, 300, 12_000).astype(np.int16)
    quiet, words = noise[:4000], np.concatenate([noise[4000:8000], tone(1000) + noise[8000:12_000]])
    before, after = FeatureStream(NO_QUIET).push(words), FeatureStream(quiet).push(words)
    band = int(before[70].argmax())
    turned_down = 10 / np.log(10) * (before - after)[:, :60]
    assert turned_down[5:40].mean() == pytest.approx(7.5, abs=1)
    assert turned_down.max() < 8.1
    assert abs(turned_down[60:, band]).max() < 0.5


def test_a_short_quiet_teaches_nothing() -> None:
    sound = tone(1000)
    assert np.array_equal(FeatureStream(sound[:800]).push(sound), FeatureStream(NO_QUIET).push(sound))


def test_nothing_gives_no_frames() -> None:
    assert FeatureStream(NO_QUIET).push(np.zeros(0, np.int16)).shape == (0, BANDS)
