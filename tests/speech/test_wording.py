"""Numbers in words, and wording files that are checked whole before a caller hears them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech import numerals
from speech.prompt import prompt
from speech.wording import Wording, WordingError, load_wording

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")}
_UNITS = {"十": 10, "百": 100, "千": 1000}


def read_zh(text: str) -> int:
    """The number a listener understands; written apart from the code under test."""
    total = group = digit = 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _UNITS:
            group += (digit or 1) * _UNITS[character]
            digit = 0
        else:
            total += (group + digit) * {"万": 10**4, "亿": 10**8}[character]
            group = digit = 0
    return total + group + digit


@given(st.integers(0, 10**9))
def test_a_listener_understands_the_number(number: int) -> None:
    assert read_zh(numerals.number_zh(number)) == number


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (105, "一百零五"),
        (110, "一百一十"),
        (1001, "一千零一"),
        (2650, "二千六百五十"),
        (10_010, "一万零一十"),
        (100_000, "十万"),
        (200_300, "二十万零三百"),
    ],
)
def test_numbers_as_people_say_them(number: int, words: str) -> None:
    assert numerals.number_zh(number) == words


def test_counts_rows_of_digits_money_days_and_times() -> None:
    assert numerals.count_zh(2) == "两"
    assert numerals.count_zh(12) == "十二"
    assert numerals.digits_zh("0371") == "零三七幺"
    assert numerals.digits_zh("0371", one="一") == "零三七一"
    assert numerals.digits_zh("1") == "一"
    assert numerals.money_zh(265_000) == "二千六百五十元"
    assert numerals.money_zh(105) == "一元零五分"
    assert numerals.money_zh(50) == "五角"
    assert numerals.day_zh(date(2026, 11, 27)) == "十一月二十七日，星期五"
    assert numerals.money_en(50) == "fifty fen"
    assert numerals.money_en(0) == "zero yuan"
    assert numerals.time_zh("16:00") == "下午四点"
    assert numerals.time_zh("16:05") == "下午四点零五分"
    assert numerals.time_zh("00:30") == "凌晨零点三十分"
    assert numerals.time_zh("02:30") == "上午两点三十分"
    assert numerals.number_en(2650) == "two thousand six hundred fifty"
    assert numerals.day_en(date(2026, 11, 27)) == "Friday, November twenty-seven"
    assert numerals.time_en("00:05") == "twelve oh five a.m."


@pytest.mark.parametrize("number", [-1, 10**12])
def test_what_is_never_spoken_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no number"):
        numerals.number_zh(number)


def test_spoken_and_written_forms(wording: Wording) -> None:
    total = prompt("basket_total", kinds=3, cartons=22, amount=265_000)
    assert wording.spoken(total, "zh") == "三种二十二条，二千六百五十元。"
    assert wording.written(total, "zh") == "3种22条，2650元。"
    assert "twenty-two" in wording.spoken(total, "en")


GOOD = {"zh": 'a = "好{n:count}"\nb = "完"', "en": 'a = "good {n:count}"\nb = "done"'}


@pytest.mark.parametrize(
    ("language", "text", "problem"),
    [
        ("en", 'a = "good {n:count}"', "en.toml lacks b"),
        ("zh", 'a = "好{n:count}"', "zh.toml lacks b"),
        ("en", 'a = "good"\nb = "done"', "same slots"),
        ("en", 'a = "good {n:number}"\nb = "done"', "same slots"),
        ("en", 'a = "good {n:colour}"\nb = "done"', "unknown kind 'colour'"),
        ("en", 'a = "good {n}"\nb = "done"', "a slot is written"),
        ("en", 'a = ""\nb = "done"', "must be a text"),
        ("en", "a = 3\nb = 4", "must be a text"),
        ("en", "a = ", "no TOML"),
    ],
)
def test_a_broken_wording_file_says_what_to_mend(language: str, text: str, problem: str) -> None:
    with pytest.raises(WordingError, match=problem):
        load_wording({**GOOD, language: text})  # type: ignore[dict-item]
