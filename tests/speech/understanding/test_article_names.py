"""Article names by sound: homophones, merged sounds, short forms, and two that are as near."""

from __future__ import annotations

import pytest

from orders.demo_catalogue import ARTICLES
from orders.values import Names
from speech.understanding.article_names import ArticleNames, NamedArticle, as_good_as_the_best

CATALOGUE = [NamedArticle(str(row["code"]), Names(str(row["name_zh"]), str(row["name_en"]))) for row in ARTICLES]
NAMES = ArticleNames([*CATALOGUE, NamedArticle("900", Names("大重九", ""), ("大九", "D Nine"))])


def best(text: str, language: str = "zh") -> str | None:
    found = NAMES.find(text, language)  # type: ignore[arg-type]
    return found[0].code if found else None


@pytest.mark.parametrize("article", CATALOGUE, ids=lambda article: article.names.zh)
def test_every_article_is_found_by_its_own_names(article: NamedArticle) -> None:
    for name, language in ((article.names.zh, "zh"), (article.names.en, "en")):
        first, *others = NAMES.find(name, language)  # type: ignore[arg-type]
        assert (first.code, first.score) == (article.code, 100)
        assert all(other.score < 100 for other in others)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("白沙上品兰", "101"),
        ("百沙尚品蓝", "101"),
        ("我要软中华", "205"),
        ("和天夏", "211"),
        ("nan jing xuan he men", "107"),
        ("兰京炫赫门", "107"),
        ("大九", "900"),
        ("大重九吧", "900"),
        ("今天天气怎么样", None),
        ("", None),
    ],
)
def test_as_it_is_heard(text: str, code: str | None) -> None:
    assert best(text) == code


def test_english_in_any_order() -> None:
    assert best("blue baisha", "en") == "101"
    assert best("d nine", "en") == "900"


def test_a_short_form_of_several_asks_back() -> None:
    near = as_good_as_the_best(NAMES.find("红塔山", "zh"))
    assert {match.code for match in near} == {"301", "317"}


def test_a_long_text_is_not_looked_up() -> None:
    assert NAMES.find("白沙" * 100, "zh") == ()
