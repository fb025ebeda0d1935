"""How much: a number with its unit, as people say it to an order line (「再来五条」, "two cases"). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from orders.values import Language
from speech.understanding.spoken_numbers import number_from_en, number_from_zh

Unit = Literal["carton", "case", "crate"]
CARTONS: dict[Unit, int] = {"carton": 1, "case": 50, "crate": 250}
_ZH_UNITS: dict[str, Unit] = {"条": "carton", "件": "case", "箱": "crate"}
_EN_UNITS: dict[str, Unit] = {
    "carton": "carton",
    "cartons": "carton",
    "case": "case",
    "cases": "case",
    "crate": "crate",
    "crates": "crate",
}
_ZH_MORE, _EN_MORE = ("再来", "再要", "再加", "加上", "多来", "再订", "再"), ("more", "another", "plus")
_ZH_POLITE = re.compile(r"^(给我|帮我|我要|我想要|要|来|订|拿|就|嗯|那|请)+|(吧|啊|呀|的|了|就行|就好|就可以)+$")
_EN_POLITE = re.compile(r"^(give me|i want|i'd like|i need|please|just|order|make it)\s+|\s*(please|thanks)$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """`more`: on top of what is there (「再来五条」)."""

    number: int
    unit: Unit = "carton"
    more: bool = False

    @property
    def cartons(self) -> int:
        return self.number * CARTONS[self.unit]

    @property
    def value(self) -> str:
        """For menus: "+5 carton", "2 case"."""
        return f"{'+' if self.more else ''}{self.number} {self.unit}"


def quantity_of(value: str) -> Quantity:
    """The way back of `Quantity.value`. Raises ValueError."""
    found = re.fullmatch(r"(\+?)(\d{1,9}) (carton|case|crate)", value)
    if not found:
        raise ValueError(f"{value!r} is no quantity")
    unit: Unit = found[3]  # type: ignore[assignment]
    return Quantity(int(found[2]), unit, bool(found[1]))


def quantity_from(text: str, language: Language) -> Quantity | None:
    """What was said, or None. A bare number counts cartons, as retailers order."""
    return _from_zh(text) if language == "zh" else _from_en(text)


def _from_zh(text: str) -> Quantity | None:
    text = re.sub(r"[\s，。,.!！?？]", "", text)
    text, more = _without_more(_ZH_POLITE.sub("", text))
    text = _ZH_POLITE.sub("", text)
    unit: Unit = _ZH_UNITS.get(text[-1:], "carton")
    number = number_from_zh(text[:-1] if text[-1:] in _ZH_UNITS else text)
    return Quantity(number, unit, more) if number is not None else None


def _without_more(text: str) -> tuple[str, bool]:
    for word in _ZH_MORE:
        if text.startswith(word):
            return text.removeprefix(word), True
    return text, False


def _from_en(text: str) -> Quantity | None:
    text = _EN_POLITE.sub("", re.sub(r"[.,!?]", "", text.lower()).strip())
    text = _EN_POLITE.sub("", text)
    words = text.split()
    more = any(word in _EN_MORE for word in words)
    one_more = "another" in words
    words = [word for word in words if word not in _EN_MORE]
    unit: Unit = "carton"
    if words and words[-1] in _EN_UNITS:
        unit = _EN_UNITS[words.pop()]
    number = number_from_en(" ".join(words)) if words else (1 if one_more else None)
    return Quantity(number, unit, more) if number is not None else None
