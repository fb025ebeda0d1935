"""Parties and products that Tryton lacks, made at their first order where the settings say so.

Their codes are unique over there: of two nodes that make the same one, the second is declined, and finds it.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from orders.connectors.port import SalesOrder
from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.rows import yuan
from orders.connectors.tryton.rpc import NoAnswer


class _Category(msgspec.Struct, frozen=True):
    id: int


def make_party(records: CompanyRecords, order: SalesOrder, until: float) -> None:
    """The retailer of this order, under its licence number."""
    address = [["create", [{"party_name": order.retailer}]]]
    values = {"name": order.retailer, "code": order.licence_no, "addresses": address}
    records.call(object, until, "model.party.party.create", [values])


def make_products(
    records: CompanyRecords, order: SalesOrder, codes: Container[str], category: str, until: float
) -> None:
    """The articles of these codes in this order, each named by its code until a person names it. Raises NoAnswer."""
    domain: list[object] = [["name", "=", category], ["accounting", "=", True]]
    found = records.search(_Category, until, "product.category", domain, ["id"])
    if len(found) != 1:
        raise NoAnswer(f"Tryton has {len(found)} account categories named {category!r}: make one, or set another")
    company = records.company(until)
    for line in order.lines:
        if line.article_code not in codes:
            continue
        values = {
            "name": line.article_code,
            "type": "goods",
            "default_uom": company.unit,
            "sale_uom": company.unit,
            "salable": True,
            "list_price": yuan(line.price_fen),
            "account_category": found[0].id,
            "products": [["create", [{"suffix_code": line.article_code}]]],
        }
        records.call(object, until, "model.product.template.create", [values])
