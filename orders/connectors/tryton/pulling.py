"""Tryton's parties and products as rows that can be imported: names, phones, prices, stock.

Implements `orders.imports.pulled.MasterSource`. Prices are Tryton's own sale prices for a carton; stock is what its
forecast leaves of today's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from orders.connectors.port import Unreachable
from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.rows import Number, day
from orders.connectors.tryton.rpc import Declined, NoAnswer, ServerFault, TrytonRpc
from orders.connectors.tryton.settings import TrytonSettings
from orders.imports.sheet import Row

PAGE = 500
LICENCE = re.compile(r"\d{12}", re.ASCII)
ACTIVE_OR_NOT = ["active", "in", [True, False]]
"""Tryton hides records that are not active unless the search names the field."""


class _Unit(msgspec.Struct, frozen=True):
    factor: float


class _Product(msgspec.Struct, frozen=True):
    id: int
    code: str | None
    name: str
    active: bool | None
    salable: bool | None
    sale_price_uom: Number | None
    forecast_quantity: float | None
    default_uom: _Unit = msgspec.field(name="default_uom.")


class _Mechanism(msgspec.Struct, frozen=True):
    type: str
    value_compact: str | None = None


class _Identifier(msgspec.Struct, frozen=True):
    code: str | None = None


class _Party(msgspec.Struct, frozen=True):
    id: int
    code: str | None
    name: str | None
    active: bool | None
    identifiers: tuple[_Identifier, ...] = msgspec.field(name="identifiers.")
    mechanisms: tuple[_Mechanism, ...] = msgspec.field(name="contact_mechanisms.")


class _Id(msgspec.Struct, frozen=True):
    id: int


Record = TypeVar("Record", _Product, _Party)

_PRODUCT_FIELDS = [
    "code",
    "name",
    "active",
    "salable",
    "sale_price_uom",
    "forecast_quantity",
    "default_uom.factor",
]
_PARTY_FIELDS = [
    "code",
    "name",
    "active",
    "identifiers.code",
    "contact_mechanisms.type",
    "contact_mechanisms.value_compact",
]


class TrytonMasterData:
    """One pull; close it after."""

    name = "tryton"

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._rpc = TrytonRpc(settings)
        self._records = CompanyRecords(self._rpc, settings)

    def rows(self, kind: str) -> Iterator[Row]:
        """Of the kind "retailers" or "catalogue". Raises Unreachable."""
        try:
            yield from {"retailers": self._retailers, "catalogue": self._catalogue}[kind]()
        except (NoAnswer, Declined, ServerFault) as error:
            raise Unreachable(str(error)) from error

    def close(self) -> None:
        self._rpc.close()

    def _retailers(self) -> Iterator[Row]:
        for party in self._all(_Party, "party.party", [ACTIVE_OR_NOT], _PARTY_FIELDS):
            names = [party.code, *(identifier.code for identifier in party.identifiers)]
            licence = next((name for name in names if name and LICENCE.fullmatch(name)), None)
            if licence is None:
                continue  # a supplier, our own company, a person: nobody who orders by licence
            phones = [one.value_compact for one in party.mechanisms if one.type in ("phone", "mobile")]
            numbers = [phone for phone in phones if phone]
            cells = {"licence_no": licence, "name_zh": party.name or "", "active": "yes" if party.active else "no"}
            for column, number in zip(("primary_phone", "backup_phone"), numbers, strict=False):
                cells[column] = number
            yield Row(party.id, cells)

    def _catalogue(self) -> Iterator[Row]:
        company = self._records.company(self._rpc.deadline())
        domain: list[object] = [ACTIVE_OR_NOT, ["code", "!=", None], ["code", "!=", ""]]
        # Goods counted in something else can't be ordered by the carton.
        domain.append(["default_uom.category", "=", company.unit_category])
        if self._settings.category:
            domain.append(["template.account_category.name", "=", self._settings.category])
        warehouses = self._records.search(
            _Id, self._rpc.deadline(), "stock.location", [["type", "=", "warehouse"]], ["id"]
        )
        context: dict[str, object] = {
            "uom": company.unit,
            "locations": [one.id for one in warehouses],
            "stock_date_end": day(datetime.now(UTC).date()),
        }
        for product in self._all(_Product, "product.product", domain, _PRODUCT_FIELDS, **context):
            cartons = (product.forecast_quantity or 0) * product.default_uom.factor / company.unit_factor
            price = product.sale_price_uom
            cells = {
                "code": product.code or "",
                "name_zh": product.name,
                "stock": str(max(0, int(cartons + 1e-6))),
                "price": f"{price.decimal.normalize():f}" if price else "",
                "on_sale": "yes" if product.salable and product.active else "no",
            }
            yield Row(product.id, cells)

    def _all(
        self, row: type[Record], model: str, domain: list[object], fields: list[str], **context: object
    ) -> Iterator[Record]:
        above = 0
        while True:
            some = [*domain, ["id", ">", above]]
            page = self._records.search(row, self._rpc.deadline(), model, some, fields, limit=PAGE, **context)
            yield from page
            if len(page) < PAGE:
                return
            above = page[-1].id
