"""Menus of the stages: every phrase has one value, quantities and codes can be said in all usual ways."""

from __future__ import annotations

import pytest

from orders.values import Language, Names
from speech.recognition.port import Menu
from speech.understanding.article_names import NamedArticle
from speech.understanding.menus import article_menu, digit_menu, quantity_menu, yes_no_menu
from speech.understanding.quantities import Quantity, quantity_from, quantity_of

ARTICLES = [NamedArticle("101", Names("白沙", "Baisha")), NamedArticle("205", Names("软中华", ""), ("软中",))]


def said(menu: Menu) -> dict[str, str]:
    table = {phrase.text: phrase.value for phrase in menu.phrases}
    assert len(table) == len(menu.phrases), "a phrase with two values"
    return table


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_phrase_has_two_values(language: Language) -> None:
    for menu in (
        yes_no_menu(language),
        quantity_menu(language),
        article_menu(ARTICLES, language),
        digit_menu(language),
    ):
        said(menu)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_quantities_mean_what_a_written_text_means(language: Language) -> None:
    for text, value in said(quantity_menu(language, 300, ())).items():
        assert quantity_from(text, language) == quantity_of(value)


def test_two_is_said_both_ways() -> None:
    table = said(quantity_menu("zh"))
    assert table["两条"] == table["二条"] == "2 carton"
    assert table["不要了"] == "remove"
    assert "两百条" not in table


def test_odd_amounts_are_less_likely_unless_they_are_a_habit() -> None:
    def priors(menu: Menu) -> dict[str, float]:
        return {phrase.text: phrase.prior for phrase in menu.phrases}

    usual = priors(quantity_menu("zh"))
    assert usual["五条"] == usual["二十五条"] == 0 > usual["五箱"] > usual["三十七条"] > usual["三十七箱"]
    assert priors(quantity_menu("zh", habits=frozenset({Quantity(37)})))["三十七条"] == 0


def test_articles_by_name_alias_and_code() -> None:
    table = said(article_menu(ARTICLES, "zh"))
    assert [table[text] for text in ("白沙", "一零一", "幺零幺", "软中", "二零五")] == ["101"] * 3 + ["205"] * 2
    assert said(article_menu(ARTICLES, "en"))["Baisha"] == "101"


def test_only_wanted_digits() -> None:
    table = said(digit_menu("zh", "12", ()))
    assert table == {"一": "1", "幺": "1", "二": "2", "两": "2"}
