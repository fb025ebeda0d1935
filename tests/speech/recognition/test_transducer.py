"""The real model: what it refuses, that pieces make no difference, what its free path hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speech.g711 import encode_ulaw
from speech.recognition.port import Menu, Phrase, RecognitionMissing
from speech.recognition.transducer.engine import TransducerEngine
from speech.voices.espeak import EspeakVoice
from tests import peers

YES_NO = Menu("yes_no", (Phrase("确认", "yes"), Phrase("取消", "no"), Phrase("不要", "no")))


@pytest.fixture(scope="module")
def engine() -> TransducerEngine:
    return TransducerEngine(peers.require("speech-model")["tokens.txt"].parent)


@pytest.mark.peer("speech-model")
def test_the_size_of_the_pieces_makes_no_difference(engine: TransducerEngine) -> None:
    sound = np.concatenate(
        [np.zeros(4000, np.int16), EspeakVoice().say("取消", "zh", "normal"), np.zeros(8000, np.int16)]
    )
    audio, grammar = encode_ulaw(sound), engine.prepare(YES_NO)
    answers = []
    for step in (80, 160, 999, len(audio)):
        listening = engine.listen(grammar, "ulaw")
        for at in range(0, len(audio), step):
            listening.feed(audio[at : at + step])
        answers.append(listening.answer())
    assert {answer.candidates[0].value for answer in answers} == {"no"}
    scores = [[candidate.score for candidate in answer.candidates] for answer in answers]
    assert np.allclose(scores, scores[0], atol=1e-3)
    assert {answer.free for answer in answers} == {answers[0].free}


@pytest.mark.peer("speech-model")
def test_other_speech_is_not_sure_of_anything(engine: TransducerEngine) -> None:
    grammar = engine.prepare(YES_NO)
    listening = engine.listen(grammar, "ulaw")
    sound = EspeakVoice().say("今天天气怎么样", "zh", "normal")
    listening.feed(encode_ulaw(np.concatenate([np.zeros(4000, np.int16), sound, np.zeros(8000, np.int16)])))
    assert listening.answer().verdict in ("rejected", "unsure")


def test_a_folder_without_a_model_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(RecognitionMissing, match=r"tokens\.txt"):
        TransducerEngine(tmp_path)


def test_a_broken_model_says_fetch_it_anew(tmp_path: Path) -> None:
    for part in ("encoder", "decoder", "joiner"):
        (tmp_path / f"{part}-1.onnx").write_bytes(b"half a download")
    (tmp_path / "tokens.txt").write_text("<blk> 0\n", encoding="utf-8")
    with pytest.raises(RecognitionMissing, match="anew"):
        TransducerEngine(tmp_path)
