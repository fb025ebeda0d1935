"""Spoken numbers are found again, whatever way they are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.numerals import digits_en, digits_zh, number_en, number_zh
from speech.understanding.spoken_numbers import digit_row, number_from_en, number_from_zh


@given(st.integers(0, 999_999_999))
def test_what_is_spelt_in_chinese_is_read_again(number: int) -> None:
    assert number_from_zh(number_zh(number)) == number


@given(st.integers(0, 999_999))
def test_what_is_spelt_in_english_is_read_again(number: int) -> None:
    assert number_from_en(number_en(number)) == number


@given(st.text("0123456789", min_size=2, max_size=12))
def test_rows_of_digits(digits: str) -> None:
    assert digit_row(digits_zh(digits)) == digits
    assert digit_row(digits_en(digits)) == digits


@given(st.text("零一二两三十百千万亿廿俩 0189ab", max_size=12))
def test_no_text_breaks_the_reading(text: str) -> None:
    for read in (number_from_zh, number_from_en):
        number = read(text)
        assert number is None or number >= 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("两百五", 250),
        ("一百二", 120),
        ("一百零二", 102),
        ("两千三", 2300),
        ("一万五", 15_000),
        ("一万零五", 10_005),
        ("廿五", 25),
        ("俩", 2),
        ("十", 10),
        ("25", 25),
        ("百", None),
        ("二三", None),
        ("一百百", None),
        ("五万三亿", None),
        ("白沙", None),
        ("", None),
        ("一" * 100, None),
    ],
)
def test_chinese_as_people_say_it(text: str, number: int | None) -> None:
    assert number_from_zh(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a dozen", 12),
        ("two dozen", 24),
        ("half a dozen", 6),
        ("Two hundred and five", 205),
        ("twenty five", 25),
        ("a hundred", 100),
        ("a couple of", 2),
        ("two three", None),
        ("five twenty", None),
        ("carton", None),
        ("", None),
    ],
)
def test_english_as_people_say_it(text: str, number: int | None) -> None:
    assert number_from_en(text) == number


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("幺零幺", "101"),
        ("一、零、一", "101"),
        ("one oh one", "101"),
        ("1 0 1", "101"),
        ("十一", None),
        ("a", None),
        ("", None),
    ],
)
def test_digit_rows_as_people_say_them(text: str, digits: str | None) -> None:
    assert digit_row(text) == digits
