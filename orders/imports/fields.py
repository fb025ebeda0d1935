"""Single cells: text in, checked value out, or what is wrong and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
