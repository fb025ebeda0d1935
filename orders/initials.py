"""The first letters of a Chinese name's pinyin, as staff type them: 阳光便利店 → "ygbld"."""

from __future__ import annotations

MOST = 60


def initials_of(name: str) -> str:
    """Lower-case letters and digits; what is neither Chinese nor a letter or digit is left out."""
    # Its dictionaries take a tenth of a second to read: only who writes names pays for them.
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415

    parts = lazy_pinyin(name, style=Style.FIRST_LETTER, errors="default")
    letters = "".join(letter for part in parts for letter in part)
    return "".join(letter for letter in letters.lower() if letter.isascii() and letter.isalnum())[:MOST]
