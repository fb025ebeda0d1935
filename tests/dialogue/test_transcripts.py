"""Every golden transcript, on the pure step, and once more with a JSON round trip after every event."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.dialogue.flow import EVERYWHERE, STAGES
from ivr.transcripts.player import Player, TranscriptFailed
from ivr.transcripts.pure_seat import PureSeat
from ivr.transcripts.script import ScriptError, read_script
from ivr.transcripts.stage_set import World
from speech.wording import Wording

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "transcripts").glob("*.txt"))


def play(path: Path, wording: Wording, *, through_json: bool) -> PureSeat:
    world = World(wording)
    seat = PureSeat(world, through_json=through_json)
    Player(read_script(path), world, seat).play()
    return seat


@pytest.mark.parametrize("through_json", [False, True], ids=["plain", "json"])
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_call_goes_as_written(path: Path, wording: Wording, through_json: bool) -> None:
    play(path, wording, through_json=through_json)


def test_there_are_enough_calls() -> None:
    assert len(TRANSCRIPTS) >= 60


def test_every_stage_is_visited_and_no_arrow_is_missing(wording: Wording) -> None:
    leads = {(stage.name, lead.to) for stage in STAGES.values() for lead in stage.leads}
    leads |= {(name, to) for name in STAGES for _, to in EVERYWHERE}
    visited, undeclared = set(), set()
    for path in TRANSCRIPTS:
        for before, after in play(path, wording, through_json=False).transitions:
            visited.add(after)
            back = before == "awaiting_callback_choice"
            if before != after and not back and (before, after) not in leads:
                undeclared.add((before, after))
    assert not undeclared
    assert set(STAGES) - visited == {"arriving"}


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ("SAYS 软中华，几条？", "SAYS 软中华，几箱？", "but came"),
        ("SAYS 软中华，几条？\n", "", "not written down"),
        ("ORDER 205×2", "ORDER 205×5", "expected ORDER 205×5"),
        ("DEMAND 205×5", "DEMAND 205×2", "expected DEMAND"),
    ],
)
def test_a_wrong_transcript_fails(tmp_path: Path, wording: Wording, was: str, becomes: str, expected: str) -> None:
    text = next(path for path in TRANSCRIPTS if path.name.startswith("03")).read_text("utf-8")
    assert was in text
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(text.replace(was, becomes), "utf-8")
    with pytest.raises(TranscriptFailed, match=expected):
        play(wrong, wording, through_json=False)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("KEYS 1 2", "without spaces"),
        ("SINGS la", "unknown line"),
        ("HANGS UP now", "stands alone"),
        ("ORDER 101x3", "takes lines like"),
        ("SAYS", "needs something"),
    ],
)
def test_an_unreadable_line_says_what_to_write(tmp_path: Path, line: str, meaning: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(f"CALL 13800000001\n{line}\n", "utf-8")
    with pytest.raises(ScriptError, match=meaning):
        read_script(path)
