"""Chinese phrases as initials and finals."""

from __future__ import annotations

import pytest

from speech.recognition.port import MenuNotSpoken
from speech.recognition.transducer.spelling import same_but_tone, spell

SOUNDS = ["b", "ái", "sh", "ā", "ēi", "zh", "ōng", "ch", "óng", "t", "īng", "w", "ǔ", "A", "ǖ", "ǚ", "u", "à"]
TOKENS = {sound: number for number, sound in enumerate(SOUNDS)}
LETTERS = {number: sound for sound, number in TOKENS.items()}


def spelt(text: str) -> str:
    return " ".join(LETTERS[token] for token in spell(text, TOKENS))


@pytest.mark.parametrize(
    ("text", "sounds"),
    [("白沙", "b ái sh ā"), ("五", "w ǔ"), ("重听", "ch óng t īng"), ("白 沙。", "b ái sh ā"), ("A白", "A b ái")],
)
def test_spelling(text: str, sounds: str) -> None:
    assert spelt(text) == sounds


@pytest.mark.parametrize(("text", "says"), [("绿", "no sound"), ("。。", "no Mandarin reading"), ("", "no Mandarin")])
def test_what_cannot_be_spelt_says_so(text: str, says: str) -> None:
    with pytest.raises(MenuNotSpoken, match=says):
        spell(text, TOKENS)


def test_tones_are_one_group_but_umlauts_are_sounds_of_their_own() -> None:
    groups = same_but_tone(TOKENS)
    assert groups[TOKENS["ā"]] == (TOKENS["ā"], TOKENS["à"])
    assert groups[TOKENS["ǖ"]] == (TOKENS["ǖ"], TOKENS["ǚ"])
    assert groups[TOKENS["u"]] == (TOKENS["u"], TOKENS["ǔ"])
