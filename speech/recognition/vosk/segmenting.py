"""Phrases as words that a vosk model knows: Chinese models list words, and drop what they don't know. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

_LONGEST_WORD = 8
"""Characters."""


def segmented(phrase: str, known: Callable[[str], bool]) -> tuple[str, ...] | None:
    """The phrase in as few known words as there can be, longer ones first; None where that is impossible."""
    text = " ".join(phrase.lower().split())

    @cache
    def rest_of(start: int) -> tuple[str, ...] | None:
        if start >= len(text):
            return ()
        if text[start] == " ":
            return rest_of(start + 1)
        best: tuple[str, ...] | None = None
        for end in _ends(text, start):
            rest = rest_of(end) if known(text[start:end]) else None
            if rest is not None and (best is None or len(rest) + 1 < len(best)):
                best = (text[start:end], *rest)
        return best

    return rest_of(0) or None


def _ends(text: str, start: int) -> list[int]:
    """Where a word that begins here may end: English words at a space, Chinese ones anywhere."""
    space = text.find(" ", start)
    limit = len(text) if space < 0 else space
    if text[start].isascii():
        return [limit]
    return list(range(min(limit, start + _LONGEST_WORD), start, -1))
