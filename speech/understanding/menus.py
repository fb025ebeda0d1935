"""The menus of the stages, ready for an engine to prepare: which phrases, which values. Pure.

A menu is made anew when its data change (catalogue, wording), never within a call. `*` wishes that a stage does not
take are left out: what is not listened for can't be heard by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable

from orders.values import Language
from speech.numerals import count_zh, digits_zh, number_en, number_zh
from speech.recognition.port import Menu, Phrase
from speech.understanding.article_names import NamedArticle
from speech.understanding.quantities import Quantity, Unit
from speech.understanding.words import Wish, phrases_for

_ZH_UNITS: dict[Unit, str] = {"carton": "条", "case": "件", "crate": "箱"}
_EN_UNITS: dict[Unit, tuple[str, str]] = {
    "carton": ("carton", "cartons"),
    "case": ("case", "cases"),
    "crate": ("crate", "crates"),
}
_ZH_DIGITS = "零一二三四五六七八九"
ANYWHERE: tuple[Wish, ...] = ("repeat", "back", "agent")


def yes_no_menu(language: Language) -> Menu:
    """Values: "yes", "no" and the wishes taken anywhere."""
    return Menu("yes_no", phrases_for(language, "yes", "no", *ANYWHERE), language)


def quantity_menu(
    language: Language,
    most: int = 100,
    wishes: tuple[Wish, ...] = ("remove", *ANYWHERE),
    habits: frozenset[Quantity] = frozenset(),
) -> Menu:
    """Values as `Quantity.value`. `most` cartons; of cases and crates what is not more than 100.

    `habits` are what this retailer ordered of late: as likely as any round number.
    """
    amounts = [Quantity(number, unit) for unit in _ZH_UNITS for number in range(1, min(most, 100) + 1)]
    amounts += [Quantity(number) for number in range(110, most + 1, 10)]
    spoken = [
        Phrase(text, amount.value, 0.0 if amount in habits else _prior(amount))
        for amount in amounts
        for text in _spoken(amount, language)
    ]
    return Menu("quantity", (*spoken, *phrases_for(language, *wishes)), language)


def _prior(amount: Quantity) -> float:
    """Nats. Shops order cartons, few or round numbers of them; hundreds of crates are a slip of the ear."""
    seldom = 0.0 if amount.unit == "carton" else -0.5
    if amount.number <= 10 or (amount.number % 5 == 0 and amount.unit == "carton"):
        return seldom
    return seldom - (1.0 if amount.unit == "carton" else 2.0)


def _spoken(amount: Quantity, language: Language) -> tuple[str, ...]:
    if language == "en":
        one, many = _EN_UNITS[amount.unit]
        texts = [f"{number_en(amount.number)} {one if amount.number == 1 else many}"]
        return (*texts, "a dozen cartons") if amount == Quantity(12) else tuple(texts)
    counted = dict.fromkeys((count_zh(amount.number), number_zh(amount.number)))
    return tuple(f"{number}{_ZH_UNITS[amount.unit]}" for number in counted)


def article_menu(
    articles: Iterable[NamedArticle], language: Language, wishes: tuple[Wish, ...] = ("done", *ANYWHERE)
) -> Menu:
    """Values are article codes; names, aliases and the code spoken digit by digit."""
    spoken = [
        Phrase(text, article.code)
        for article in articles
        for text in (article.names.said_in(language), *article.aliases, *_spoken_codes(article.code, language))
    ]
    return Menu("article", (*spoken, *phrases_for(language, *wishes)), language)


def _spoken_codes(code: str, language: Language) -> tuple[str, ...]:
    if not (code.isascii() and code.isdigit()) or language == "en":
        return ()
    return tuple(dict.fromkeys((digits_zh(code), digits_zh(code, one="一"))))


def digit_menu(language: Language, digits: str = "0123456789", wishes: tuple[Wish, ...] = ANYWHERE) -> Menu:
    """Values are the keys that would be pressed."""
    spoken = [Phrase(text, digit) for digit in digits for text in _digit(digit, language)]
    return Menu("digit", (*spoken, *phrases_for(language, *wishes)), language)


def _digit(digit: str, language: Language) -> tuple[str, ...]:
    if language == "en":
        return (number_en(int(digit)), *(("oh",) if digit == "0" else ()))
    return (_ZH_DIGITS[int(digit)], *{"1": ("幺",), "2": ("两",)}.get(digit, ()))
