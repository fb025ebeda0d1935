"""Tryton's records as they travel: only the fields we ask for, dates and decimals in its own wrapping."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

SaleState = Literal["draft", "quotation", "confirmed", "processing", "done", "cancelled"]
BINDING: frozenset[str] = frozenset({"confirmed", "processing", "done"})


class Number(msgspec.Struct, frozen=True):
    """A decimal number."""

    decimal: Decimal


class Code(msgspec.Struct, frozen=True):
    """A related record, of which only the code counts."""

    code: str | None = None


class SaleLineRow(msgspec.Struct, frozen=True):
    type: str
    quantity: float | None = None
    unit_price: Number | None = None
    product: Code | None = msgspec.field(name="product.", default=None)


class SaleRow(msgspec.Struct, frozen=True):
    id: int
    state: SaleState
    invoice_state: str
    reference: str | None
    total_amount: Number | None
    untaxed_amount: Number | None
    lines: tuple[SaleLineRow, ...] = msgspec.field(name="lines.")


SALE_FIELDS = [
    "state",
    "invoice_state",
    "reference",
    "total_amount",
    "untaxed_amount",
    "lines.type",
    "lines.quantity",
    "lines.unit_price",
    "lines.product.code",
]


def day(value: date) -> dict[str, object]:
    """A date as Tryton reads it."""
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def yuan(fen: int) -> dict[str, object]:
    """An amount in fen as Tryton's decimal number of yuan."""
    return {"__class__": "Decimal", "decimal": str((Decimal(fen) / 100).quantize(Decimal("0.01")))}


def fen(amount: Number | None) -> int | None:
    """Tryton's amount in fen; None for none, and for one that is no whole fen."""
    if amount is None or not amount.decimal.is_finite():
        return None
    cents = amount.decimal * 100
    return int(cents) if cents == cents.to_integral_value() else None
