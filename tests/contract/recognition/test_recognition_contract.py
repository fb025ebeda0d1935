"""What every engine owes: the same manners, whatever it hears with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from speech.recognition.keypad_only import KeypadEngine
from speech.recognition.port import Codec, Engine, Heard, Menu, MenuNotSpoken, Phrase
from tests.contract.recognition.conftest import ARTICLES, engine_named, frames

Said = Callable[[str, Codec], bytes]
KEYPAD = "keypad"


def heard(engine: Engine, audio: bytes, codec: Codec = "ulaw") -> tuple[Heard, list[str]]:
    listening = engine.listen(engine.prepare(ARTICLES), codec)
    course: list[str] = []
    for frame in frames(audio, codec):
        course.append(listening.feed(frame))
        if course[-1] == "ended":
            break
    return listening.answer(), list(dict.fromkeys(course))


@pytest.mark.parametrize("codec", ["ulaw", "alaw", "pcm16"])
def test_a_spoken_article_is_found_on_every_codec(engine: Engine, said: Said, codec: Codec) -> None:
    result, course = heard(engine, said("利群", codec), codec)
    if engine.name == KEYPAD:
        assert (result, course) == (Heard("silence"), ["waiting"])
        return
    assert course == ["waiting", "speaking", "ended"]
    assert result.verdict == "sure"
    assert result.candidates[0].value == "利群"


def test_candidates_are_ranked_different_and_carry_their_margin(engine: Engine, said: Said) -> None:
    result, _ = heard(engine, said("云烟", "ulaw"))
    values = [candidate.value for candidate in result.candidates]
    scores = [candidate.score for candidate in result.candidates]
    assert len(set(values)) == len(values)
    assert scores == sorted(scores, reverse=True)
    if len(scores) > 1:
        assert result.margin == pytest.approx(scores[0] - scores[1])


def test_silence_is_silence(engine: Engine, said: Said) -> None:
    result, course = heard(engine, said("", "ulaw"))
    assert (result, course) == (Heard("silence"), ["waiting"])


def test_an_answer_stays_the_answer_and_ends_the_listening(engine: Engine, said: Said) -> None:
    listening = engine.listen(engine.prepare(ARTICLES), "ulaw")
    audio = said("利群", "ulaw")
    listening.feed(audio[: len(audio) // 2])
    first = listening.answer()
    assert listening.feed(audio[len(audio) // 2 :]) == "ended"
    assert listening.answer() is first or listening.answer() == first


def test_a_grammar_of_another_engine_is_refused(engine: Engine) -> None:
    class Foreign:
        menu = ARTICLES
        left_out = ()

    with pytest.raises(ValueError, match="another engine"):
        engine.listen(Foreign(), "ulaw")


def test_one_grammar_serves_many_calls_at_once(engine: Engine, said: Said) -> None:
    texts = ["玉溪", "云烟", "利群", "玉溪"]
    grammar = engine.prepare(ARTICLES)

    def call(text: str) -> Heard:
        listening = engine.listen(grammar, "ulaw")
        for frame in frames(said(text, "ulaw"), "ulaw"):
            if listening.feed(frame) == "ended":
                break
        return listening.answer()

    alone = [call(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(call, texts))
    assert [one.candidates[:1] and one.candidates[0].value for one in together] == [
        one.candidates[:1] and one.candidates[0].value for one in alone
    ]


def test_what_cannot_be_listened_for_is_left_out_and_named(engine: Engine) -> None:
    strange = Phrase("ξ", "x")
    grammar = engine.prepare(Menu("article", (*ARTICLES.phrases, strange)))
    assert strange in grammar.left_out
    if engine.name != KEYPAD:
        assert grammar.left_out == (strange,)
        with pytest.raises(MenuNotSpoken):
            engine.prepare(Menu("article", (strange,)))


def test_another_language_is_refused_by_engines_with_a_model(engine: Engine) -> None:
    menu = Menu("yes_no", (Phrase("yes", "yes"),), "en")
    if engine.name == KEYPAD:
        assert engine.prepare(menu).menu == menu
        return
    with pytest.raises(MenuNotSpoken, match="by keys"):
        engine.prepare(menu)


def test_an_empty_menu_is_refused_by_its_own_making() -> None:
    with pytest.raises(MenuNotSpoken):
        Menu("article", ())


@pytest.mark.peer("speech-model")
def test_odd_bytes_and_unknown_codecs_are_refused() -> None:
    engine = engine_named("transducer")
    grammar = engine.prepare(ARTICLES)
    with pytest.raises(ValueError, match="whole samples"):
        engine.listen(grammar, "pcm16").feed(b"abc")
    with pytest.raises(ValueError, match="use one of ulaw"):
        engine.listen(grammar, "gsm")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="another engine"):
        KeypadEngine().listen(grammar, "ulaw")
