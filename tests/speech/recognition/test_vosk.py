"""The vosk engine on a tiny Kaldi model: what is not in the menu, unknown words, folders that hold no model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speech.recognition.port import Menu, Phrase, RecognitionMissing
from speech.recognition.vosk.engine import VoskEar, VoskEngine
from speech.recognition.vosk.segmenting import segmented
from tests.speech.recognition.tiny_kaldi import WORDS, tones, write_model


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> VoskEngine:
    return VoskEngine(write_model(tmp_path_factory.mktemp("tiny")), "zh")


def ear_for(engine: VoskEngine, *texts: str) -> VoskEar:
    menu = Menu("article", tuple(Phrase(text, text) for text in texts))
    listening = engine.listen(engine.prepare(menu), "pcm16")
    ear = listening._ear
    assert isinstance(ear, VoskEar)
    return ear


def heard(ear: VoskEar, word: str) -> list[str]:
    pause = np.zeros(2400, np.int16)
    for samples in (pause, tones(word), pause):
        ear.hear(samples)
    candidates, _ = ear.candidates()
    return [candidate.value for candidate in candidates if candidate.score == 0]


@pytest.mark.parametrize("word", [word for word in WORDS if word != "[unk]"])
def test_every_word_of_the_menu_is_heard(engine: VoskEngine, word: str) -> None:
    assert heard(ear_for(engine, "玉溪", "利群", "云烟", "双喜"), word) == [word]


def test_what_is_no_phrase_of_the_menu_is_never_the_best(engine: VoskEngine) -> None:
    assert heard(ear_for(engine, "利群", "云烟"), "[unk]") == []


def test_a_phrase_may_have_several_words(engine: VoskEngine) -> None:
    ear = ear_for(engine, "云烟双喜", "双喜云烟")
    ear.hear(np.zeros(2400, np.int16))
    ear.hear(np.concatenate([tones("云烟"), tones("双喜"), np.zeros(2400, np.int16)]))
    candidates, free = ear.candidates()
    assert candidates[0].text == "云烟双喜"
    assert free == "云烟 双喜"


def test_silence_has_no_candidates(engine: VoskEngine) -> None:
    ear = ear_for(engine, "云烟")
    ear.hear(np.zeros(8000, np.int16))
    assert ear.candidates() == ([], "")


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("白沙尚品蓝", ("白沙", "尚品", "蓝")),
        ("白沙 蓝", ("白沙", "蓝")),
        ("Yes Please", ("yes", "please")),
        ("白塔", None),
        ("yesplease", None),
        ("", None),
    ],
)
def test_phrases_become_the_fewest_known_words(phrase: str, words: tuple[str, ...] | None) -> None:
    known = {"白", "沙", "白沙", "尚品", "蓝", "yes", "please"}
    assert segmented(phrase, known.__contains__) == words


def test_a_folder_without_a_dynamic_graph_says_which_model_to_take(tmp_path: Path) -> None:
    with pytest.raises(RecognitionMissing, match="small model"):
        VoskEngine(tmp_path, "zh")


def test_a_broken_model_says_unpack_it_anew(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "am/final.mdl").write_text("half a download", encoding="utf-8")
    with pytest.raises(RecognitionMissing, match="anew"):
        VoskEngine(folder, "zh")
