"""The words of a notice: sentences that can each be heard within the 8 seconds of a prompt. Pure."""

from __future__ import annotations

import re

from orders.values import Language

MOST_SENTENCES = 3
LONGEST: dict[Language, int] = {"zh": 24, "en": 100}
"""Characters of a sentence: with the package's own voice 7.4 s and 6.9 s at normal pace."""

_END = re.compile(r"(?<=[。！？；])|(?<=[.!?;])\s+")


def sentences(text: str) -> tuple[str, ...]:
    """The text, sentence by sentence."""
    return tuple(part.strip() for part in _END.split(text) if part.strip())


def too_long(text: str, language: Language) -> str:
    """Why a text can't be heard, with what to do; "" when it can."""
    parts = sentences(text)
    if len(parts) > MOST_SENTENCES:
        return f"the notice has {len(parts)} sentences: say it in {MOST_SENTENCES}"
    longest = LONGEST[language]
    worst = next((part for part in parts if len(part) > longest), "")
    return f"too long to be heard at once, at most {longest} characters: {worst}" if worst else ""
