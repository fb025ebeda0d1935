"""Chinese text as the model's tokens: initials, and finals with their tone mark ("白" → b, ái). Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from pypinyin import Style, lazy_pinyin

from speech.recognition.port import MenuNotSpoken

# Readings that the dictionary gets wrong where a retailer speaks; its own reading is listened for too.
_READ_AS = {"重听": "虫听", "重复": "虫复", "重新": "虫新", "一行": "一杭", "几行": "几杭"}
_SPOKEN = re.compile(r"[A-Za-z]|[\u3400-\u9fff]+")
_TONE_MARKS = {"\u0300", "\u0301", "\u0304", "\u030c"}


def spellings(text: str, tokens: dict[str, int]) -> tuple[tuple[int, ...], ...]:
    """The tokens of each reading of a phrase, the likelier first. Raises MenuNotSpoken for what has none."""
    spoken = text
    for written, sounded in _READ_AS.items():
        spoken = spoken.replace(written, sounded)
    return tuple(dict.fromkeys(_spelt(reading, tokens) for reading in (spoken, text)))


def _spelt(text: str, tokens: dict[str, int]) -> tuple[int, ...]:
    sounds = syllables(text)
    strange = [sound for sound in sounds if sound not in tokens]
    if strange:
        raise MenuNotSpoken(f"{text!r} can't be listened for: the model has no sound {strange[0]!r}; reword the phrase")
    if not sounds:
        raise MenuNotSpoken(f"{text!r} can't be listened for: it has no Mandarin reading")
    return tuple(tokens[sound] for sound in sounds)


@cache
def syllables(text: str) -> tuple[str, ...]:
    """Initials and finals in turn, with tone marks, as the dictionary reads them."""
    return tuple(part for run in _SPOKEN.findall(text) for part in _sounds(run))


def _sounds(run: str) -> list[str]:
    """Of Chinese characters or of one letter, which is a sound of its own (the model has A to Z)."""
    if run.isascii():
        return [run.upper()]
    initials = lazy_pinyin(run, style=Style.INITIALS, strict=False)
    finals = lazy_pinyin(run, style=Style.FINALS_TONE, strict=False)
    return [part for pair in zip(initials, finals, strict=True) for part in pair if part]


def same_but_tone(tokens: dict[str, int]) -> dict[int, tuple[int, ...]]:
    """For each token those that differ from it by tone only, itself first: on the telephone tones are often lost."""
    groups: dict[str, list[int]] = {}
    for token, number in tokens.items():
        groups.setdefault(_toneless(token), []).append(number)
    return {
        number: (number, *(other for other in group if other != number))
        for group in groups.values()
        for number in group
    }


def _toneless(token: str) -> str:
    plain = "".join(mark for mark in unicodedata.normalize("NFD", token) if mark not in _TONE_MARKS)
    return unicodedata.normalize("NFC", plain)
