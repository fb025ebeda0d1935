"""What a score must be: sure, unsure, rejected; and the table that says so."""

from __future__ import annotations

from typing import get_args

import pytest

from speech.recognition.port import Candidate, MenuKind
from speech.recognition.tuning import Thresholds, tuning

THRESHOLDS = Thresholds(score=-6, likelihood=-12, margin=1, doubtful=-10)


def candidates(*scores: float) -> list[Candidate]:
    return [Candidate(str(number), f"phrase {number}", score) for number, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("scores", "verdict", "margin"),
    [
        ((-1, -4), "sure", 3),
        ((-6, -7), "sure", 1),
        ((-1, -1.5), "unsure", 0.5),
        ((-7, -30), "unsure", 23),
        ((-10.5, -30), "rejected", 19.5),
        ((-2,), "sure", 8),
    ],
)
def test_verdicts(scores: tuple[float, ...], verdict: str, margin: float) -> None:
    heard = THRESHOLDS.judged(candidates(*scores))
    assert (heard.verdict, heard.margin) == (verdict, margin)


def test_what_is_unlikely_whatever_was_said_is_not_sure() -> None:
    likely, unlikely = (Candidate("1", "一", -1, likelihood) for likelihood in (-12, -12.5))
    assert THRESHOLDS.judged([likely]).verdict == "sure"
    assert THRESHOLDS.judged([unlikely]).verdict == "unsure"


def test_a_single_candidate_is_measured_against_hearing_nothing() -> None:
    assert THRESHOLDS.judged(candidates(-9.5)).margin == 0.5


def test_no_candidates_are_rejected_and_many_are_cut() -> None:
    assert THRESHOLDS.judged([], "b ā").free == "b ā"
    assert len(THRESHOLDS.judged(candidates(*range(0, -20, -1))).candidates) == 5


@pytest.mark.parametrize("engine", ["transducer", "vosk"])
@pytest.mark.parametrize("kind", get_args(MenuKind))
def test_every_kind_of_menu_is_tuned(engine: str, kind: MenuKind) -> None:
    found = tuning(engine, kind)
    assert found.thresholds.doubtful < found.thresholds.score < 0 < found.thresholds.margin
    assert found.patience.start < found.patience.hang < found.patience.longest
