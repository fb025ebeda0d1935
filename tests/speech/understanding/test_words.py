"""Yes, no and the wishes, in the words people use."""

from __future__ import annotations

import pytest

from speech.understanding.words import Wish, phrases_for, wish_in, words


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("是的", "yes"),
        ("那好吧", "yes"),
        ("嗯，对", "yes"),
        ("不要", "no"),
        ("不要了", "remove"),
        ("重听", "repeat"),
        ("请转人工", "agent"),
        ("没了", "done"),
        ("照旧", "usual"),
        ("今天天气", None),
        ("", None),
    ],
)
def test_chinese_wishes(text: str, wish: Wish | None) -> None:
    assert wish_in(text, "zh") == wish


@pytest.mark.parametrize(
    ("text", "wish"),
    [("Yes, please.", "yes"), ("nope", "no"), ("Say that again please", "repeat"), ("an elephant", None)],
)
def test_english_wishes(text: str, wish: Wish | None) -> None:
    assert wish_in(text, "en") == wish


def test_a_menu_gets_only_the_wishes_it_takes() -> None:
    phrases = phrases_for("zh", "yes", "no")
    assert {phrase.value for phrase in phrases} == {"yes", "no"}
    assert {phrase.text for phrase in phrases} == {*words("zh")["yes"], *words("zh")["no"]}
