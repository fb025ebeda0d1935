"""Sure is taken, near is asked, unsure is confirmed, twice low goes to the keys."""

from __future__ import annotations

import pytest

from speech.recognition.port import Candidate, Heard
from speech.understanding.doubt import AskAgain, AskWhich, Confirm, Decision, Take, UseKeys, decide

A, B = Candidate("101", "白沙", -2), Candidate("102", "玉溪", -3)
FAR = Candidate("103", "云烟", -20)


@pytest.mark.parametrize(
    ("heard", "low_before", "decision"),
    [
        (Heard("sure", (A, B), 1.5), 0, Take("101")),
        (Heard("sure", (A, B), 1.5), 1, Take("101")),
        (Heard("unsure", (A, B), 1.0), 0, AskWhich(A, B)),
        (Heard("unsure", (A, FAR), 18.0), 0, Confirm(A)),
        (Heard("unsure", (A,), 5.0), 0, Confirm(A)),
        (Heard("rejected", (A, B), 1.0), 0, AskAgain(silent=False)),
        (Heard("rejected"), 1, UseKeys()),
        (Heard("unsure", (A, B), 1.0), 1, UseKeys()),
        (Heard("silence"), 0, AskAgain(silent=True)),
        (Heard("silence"), 1, AskAgain(silent=True)),
    ],
)
def test_decisions(heard: Heard, low_before: int, decision: Decision) -> None:
    assert decide(heard, low_before) == decision
