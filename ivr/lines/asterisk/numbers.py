"""Who calls and what was dialled, as Asterisk gives it: digits or nothing. All of it is a stranger's word."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[-.()\s]")
_NUMBER = re.compile(r"\+?[0-9*#A-D]{1,32}", re.ASCII)


def clean_number(text: str) -> str:
    """The number without separators; "" when anything else is in it (a withheld number comes as a word)."""
    plain = _SEPARATORS.sub("", text[:128])
    return plain if _NUMBER.fullmatch(plain) else ""
