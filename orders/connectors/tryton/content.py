"""Our order and Tryton's sale side by side: what to write there, what is there, and whether it is the same. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Literal

from orders.connectors.port import HeldLine, HeldOrder, HeldStatus, SalesOrder
from orders.connectors.tryton.company import Company
from orders.connectors.tryton.masters import Good, PartyRow, address
from orders.connectors.tryton.rows import Number, SaleRow, day, fen, yuan

Taxes = Literal["none", "added"]


def unfit(order: SalesOrder) -> str:
    """Why this order can't be a sale at all, "" when it can: Tryton itself takes nonsense without a word."""
    if not order.lines:
        return "the order has no lines"
    if wrong := [line.article_code for line in order.lines if line.accepted <= 0 or line.price_fen <= 0]:
        return f"the lines of {', '.join(wrong)} have no quantity or no price"
    total = sum(line.accepted * line.price_fen for line in order.lines)
    if total != order.amount_fen:
        return f"the lines add up to {total} fen, the order says {order.amount_fen}"
    try:
        date.fromisoformat(order.order_day)
    except ValueError:
        return f"the order day {order.order_day!r} is no day"
    return ""


def sale_values(
    order: SalesOrder, company: Company, party: PartyRow, goods: Mapping[str, Good], mark: str
) -> dict[str, object]:
    """The draft to make, whole: nothing is filled in over there."""
    lines = [
        {
            "product": goods[line.article_code].id,
            "unit": company.unit,
            "quantity": line.accepted,
            "unit_price": yuan(line.price_fen),
            "taxes": [["add", list(goods[line.article_code].taxes)]],
        }
        for line in order.lines
    ]
    values: dict[str, object] = {
        "company": company.id,
        "reference": order.order_key,
        "description": f"{mark} {order.order_no}",
        "sale_date": day(date.fromisoformat(order.order_day)),
        "party": party.id,
        "invoice_address": address(party, lambda one: one.invoice),
        "shipment_address": address(party, lambda one: one.delivery),
        "lines": [["create", lines]],
    }
    own = {
        "payment_term": party.customer_payment_term,
        "invoice_method": party.sale_invoice_method,
        "shipment_method": party.sale_shipment_method,
    }
    return values | {name: value for name, value in own.items() if value is not None}


def differs(order: SalesOrder, sale: SaleRow, taxes: Taxes) -> str:
    """In what this sale is another order than ours, "" when it is ours."""
    there, amount = Counter(_lines(sale)), fen(_amount(sale, taxes))
    ours = Counter(HeldLine(line.article_code, line.accepted, line.price_fen) for line in order.lines)
    if there != ours:
        unlike = [*(ours - there).elements(), *(there - ours).elements()]
        return (
            f"sale {sale.id} has other content: see the lines of {', '.join(sorted({x.article_code for x in unlike}))}"
        )
    if amount != order.amount_fen:
        said = "no whole amount" if amount is None else f"{amount / 100:.2f}"
        return (
            f"sale {sale.id} has other content: Tryton reckons {said}, we {order.amount_fen / 100:.2f}; see its taxes"
        )
    return ""


def held_order(sale: SaleRow, taxes: Taxes) -> HeldOrder:
    """The sale as the other side of a comparison."""
    status, reason = _status(sale)
    return HeldOrder(
        order_key=sale.reference or "",
        external_id=str(sale.id),
        amount_fen=_rounded(_amount(sale, taxes)),
        lines=_lines(sale),
        status=status,
        reason=reason,
    )


def _status(sale: SaleRow) -> tuple[HeldStatus, str]:
    if sale.state == "cancelled":
        return "rejected", "cancelled in Tryton"
    match sale.invoice_state:
        case "paid":
            return "debited", ""
        case "awaiting payment" | "partially paid":
            return "awaiting_debit", ""
        case "exception":
            return "awaiting_debit", "its invoice was cancelled in Tryton"
    return "accepted", ""


def _amount(sale: SaleRow, taxes: Taxes) -> Number | None:
    return sale.untaxed_amount if taxes == "added" else sale.total_amount


def _lines(sale: SaleRow) -> tuple[HeldLine, ...]:
    return tuple(
        HeldLine((line.product and line.product.code) or "?", int(line.quantity or 0), _rounded(line.unit_price))
        for line in sale.lines
        if line.type == "line"
    )


def _rounded(amount: Number | None) -> int:
    """Fen; a price of parts of a fen shows in the total."""
    return round(amount.decimal * 100) if amount is not None and amount.decimal.is_finite() else 0
