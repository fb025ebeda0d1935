"""Where speech begins and ends, counted in windows of audio."""

from __future__ import annotations

import pytest

from speech.recognition.endpointing import Endpointer, Patience

PATIENCE = Patience(start=96, hang=600, longest=2000, voice=0.5, quiet=0.35)


def after(*runs: tuple[float, int]) -> str:
    """What an endpointer says after runs of (likelihood, windows of 32 ms)."""
    endpointer = Endpointer(PATIENCE)
    for likelihood, windows in runs:
        for _ in range(windows):
            endpointer.add(likelihood, 32)
    return endpointer.progress


def test_a_click_is_no_speech() -> None:
    assert after((0.9, 2), (0.1, 5), (0.9, 2), (0.1, 100)) == "waiting"


def test_three_windows_of_voice_are_speech() -> None:
    assert after((0.9, 3)) == "speaking"


def test_a_doubtful_window_does_not_start_the_count_again() -> None:
    assert after((0.9, 2), (0.4, 1), (0.9, 1)) == "speaking"


def test_a_pause_within_speech_does_not_end_it() -> None:
    assert after((0.9, 10), (0.1, 18), (0.9, 3), (0.1, 18)) == "speaking"


def test_a_long_pause_ends_it() -> None:
    assert after((0.9, 10), (0.1, 19)) == "ended"


def test_a_television_is_cut_off() -> None:
    assert after((0.9, 3 + 2000 // 32)) == "speaking"
    assert after((0.9, 3 + 2000 // 32 + 1)) == "ended"


def test_the_end_is_the_end() -> None:
    assert after((0.9, 10), (0.1, 19), (0.9, 50)) == "ended"


@pytest.mark.parametrize("likelihood", [0.36, 0.49])
def test_a_doubtful_window_after_speech_is_still_speech_until_silence_began(likelihood: float) -> None:
    assert after((0.9, 5), (likelihood, 30)) == "speaking"
    assert after((0.9, 5), (0.1, 1), (likelihood, 18)) == "ended"
