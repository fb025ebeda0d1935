"""How much was said: units, more, politeness; and the value's way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.understanding.quantities import CARTONS, Quantity, quantity_from, quantity_of


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("五条", Quantity(5)),
        ("两条", Quantity(2)),
        ("二十", Quantity(20)),
        ("来十条吧。", Quantity(10)),
        ("我要两箱", Quantity(2, "crate")),
        ("三件", Quantity(3, "case")),
        ("再来五条", Quantity(5, more=True)),
        ("给我再加两件", Quantity(2, "case", more=True)),
        ("25条", Quantity(25)),
        ("不要了", None),
        ("白沙", None),
        ("条", None),
        ("", None),
    ],
)
def test_chinese(text: str, quantity: Quantity | None) -> None:
    assert quantity_from(text, "zh") == quantity


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("five cartons", Quantity(5)),
        ("a dozen, please", Quantity(12)),
        ("I want two cases", Quantity(2, "case")),
        ("two more crates", Quantity(2, "crate", more=True)),
        ("another carton", Quantity(1, more=True)),
        ("Twenty", Quantity(20)),
        ("cartons", None),
        ("baisha", None),
    ],
)
def test_english(text: str, quantity: Quantity | None) -> None:
    assert quantity_from(text, "en") == quantity


def test_units_are_counted_in_cartons() -> None:
    assert [Quantity(2, unit).cartons for unit in CARTONS] == [2, 100, 500]


@given(st.builds(Quantity, st.integers(0, 999_999), st.sampled_from(list(CARTONS)), st.booleans()))
def test_a_value_comes_back(quantity: Quantity) -> None:
    assert quantity_of(quantity.value) == quantity


@pytest.mark.parametrize("value", ["", "5", "5 carton ", "-1 carton", "5 boxes", "99999999999 carton"])
def test_foreign_values_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity_of(value)
