"""Chinese phrases as initials and finals."""

from __future__ import annotations

import pytest

from speech.recognition.port import MenuNotSpoken
from speech.recognition.transducer.spelling import same_but_tone, spellings

SOUNDS = ["b", "ái", "sh", "ā", "ēi", "zh", "ōng", "ch", "óng", "t", "īng", "w", "ǔ", "A", "ǖ", "ǚ", "u", "à", "òng"]
TOKENS = {sound: number for number, sound in enumerate(SOUNDS)}
LETTERS = {number: sound for sound, number in TOKENS.items()}


def spelt(text: str) -> str:
    return " ".join(LETTERS[token] for token in spellings(text, TOKENS)[0])


@pytest.mark.parametrize(
    ("text", "sounds"),
    [("白沙", "b ái sh ā"), ("五", "w ǔ"), ("重听", "ch óng t īng"), ("白 沙。", "b ái sh ā"), ("A白", "A b ái")],
)
def test_spelling(text: str, sounds: str) -> None:
    assert spelt(text) == sounds


def test_a_corrected_reading_leaves_the_dictionary_its_own() -> None:
    assert [[LETTERS[token] for token in reading] for reading in spellings("重听", TOKENS)] == [
        ["ch", "óng", "t", "īng"],
        ["zh", "òng", "t", "īng"],
    ]
    assert len(spellings("白沙", TOKENS)) == 1


@pytest.mark.parametrize(("text", "says"), [("绿", "no sound"), ("。。", "no Mandarin reading"), ("", "no Mandarin")])
def test_what_cannot_be_spelt_says_so(text: str, says: str) -> None:
    with pytest.raises(MenuNotSpoken, match=says):
        spellings(text, TOKENS)


def test_tones_are_one_group_but_umlauts_are_sounds_of_their_own() -> None:
    groups = same_but_tone(TOKENS)
    assert groups[TOKENS["ā"]] == (TOKENS["ā"], TOKENS["à"])
    assert groups[TOKENS["ǖ"]] == (TOKENS["ǖ"], TOKENS["ǚ"])
    assert groups[TOKENS["u"]] == (TOKENS["u"], TOKENS["ǔ"])
