"""Single cells: text in, checked value out, or what is wrong and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from orders.imports.sheet import LONGEST_CELL

Value = str | int | bool
Check = Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name, other headings it may have, how a cell is checked, whether it may be left out.

    An empty cell that is not required leaves what is stored alone, or with `clears` empties it; new things get the
    default either way.
    """

    name: str
    headings: tuple[str, ...]
    check: Check
    required: bool = True
    default: Value = ""
    clears: bool = False


def text(longest: int) -> Check:
    """Plain text; what a spreadsheet would run as a formula is refused."""

    def check(cell: str) -> Value:
        if len(cell) > min(longest, LONGEST_CELL):
            raise ValueError(f"longer than {longest} characters; shorten it")
        if cell[:1] in ("=", "+", "@", "\t", "\r") or any(ord(character) < 32 for character in cell):
            raise ValueError("begins like a formula or has control characters; write plain text")
        return cell

    return check


def pattern(expression: str, what: str) -> Check:
    """Text of a fixed form; `what` tells a person that form."""

    def check(cell: str) -> Value:
        if not re.fullmatch(expression, cell, re.ASCII):
            raise ValueError(f"{cell[:40]!r} is no {what}")
        return cell

    return check


def number(least: int, most: int) -> Check:
    """A whole number within bounds."""

    def check(cell: str) -> Value:
        if not re.fullmatch(r"\d{1,9}", cell, re.ASCII) or not least <= int(cell) <= most:
            raise ValueError(f"{cell[:40]!r} is no whole number from {least} to {most}")
        return int(cell)

    return check


def one_of(choices: dict[str, str]) -> Check:
    """One of these words, in either language; the value is ours."""

    def check(cell: str) -> Value:
        if cell.lower() not in choices:
            raise ValueError(f"{cell[:40]!r}; write one of {', '.join(choices)}")
        return choices[cell.lower()]

    return check


def yes_no(cell: str) -> Value:
    """是/否, yes/no, 1/0."""
    known = {"是": True, "yes": True, "1": True, "true": True, "否": False, "no": False, "0": False, "false": False}
    if cell.lower() not in known:
        raise ValueError(f"{cell[:40]!r}; write yes or no")
    return known[cell.lower()]


def money(cell: str) -> Value:
    """Yuan with at most two decimals, above 0; as fen."""
    try:
        fen = Decimal(cell) * 100
    except InvalidOperation:
        raise ValueError(f"{cell[:40]!r} is no amount; write yuan such as 115 or 115.50") from None
    if not fen.is_finite() or fen != fen.to_integral_value() or not 0 < fen < 10**9:
        raise ValueError(f"{cell[:40]!r} is no amount; write yuan such as 115 or 115.50")
    return int(fen)


def day(cell: str) -> Value:
    """A day as 2026-11-23, also as a spreadsheet writes it; ISO text."""
    found = re.fullmatch(r"(20\d\d)[-/.](\d{1,2})[-/.](\d{1,2})( 00:00:00)?", cell, re.ASCII)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat() if found else _no_day(cell)
    except ValueError:
        return _no_day(cell)


def _no_day(cell: str) -> Value:
    raise ValueError(f"{cell[:40]!r} is no day; write 2026-11-23")


def time_of_day(cell: str) -> Value:
    """A local time as 16:00, also as a spreadsheet writes it."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(:00)?", cell, re.ASCII)
    if not found:
        raise ValueError(f"{cell[:40]!r} is no time of day; write 16:00")
    return f"{int(found[1]):02d}:{found[2]}"
