"""Parties by licence number and products by short code, as sales need them; kept for a while, asked for together.

Tryton runs none of its forms' rules when a record is made through the interface: addresses, payment term, methods and
taxes, which a form would fill in, are looked up here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.gathering import Gathered
from orders.connectors.tryton.settings import TrytonSettings

Kept = TypeVar("Kept")


class Unfit(Exception):
    """What Tryton has of a party or a product can't make a sale; the message says what to do there."""


class Absent(Unfit):
    """Nothing there has these codes."""

    def __init__(self, said: str, codes: Sequence[str]) -> None:
        super().__init__(said)
        self.codes = codes


class AddressRow(msgspec.Struct, frozen=True):
    id: int
    invoice: bool | None = None
    delivery: bool | None = None


class IdentifierRow(msgspec.Struct, frozen=True):
    code: str | None = None


class PartyRow(msgspec.Struct, frozen=True):
    id: int
    code: str | None
    customer_payment_term: int | None
    sale_invoice_method: str | None
    sale_shipment_method: str | None
    addresses: tuple[AddressRow, ...] = msgspec.field(name="addresses.")
    identifiers: tuple[IdentifierRow, ...] = msgspec.field(name="identifiers.")


PARTY_FIELDS = [
    "code",
    "customer_payment_term",
    "sale_invoice_method",
    "sale_shipment_method",
    "addresses.invoice",
    "addresses.delivery",
    "identifiers.code",
]


class _Counted(msgspec.Struct, frozen=True):
    category: int


class _AccountCategory(msgspec.Struct, frozen=True):
    customer_taxes_used: tuple[int, ...] = ()


class _Template(msgspec.Struct, frozen=True):
    account_category: _AccountCategory | None = msgspec.field(name="account_category.", default=None)


class ProductRow(msgspec.Struct, frozen=True):
    id: int
    code: str
    salable: bool | None
    default_uom: _Counted = msgspec.field(name="default_uom.")
    template: _Template = msgspec.field(name="template.")


PRODUCT_FIELDS = ["code", "salable", "default_uom.category", "template.account_category.customer_taxes_used"]


@dataclass(frozen=True, slots=True)
class Good:
    """A product that can be sold in cartons."""

    id: int
    taxes: tuple[int, ...]


class Masters:
    """Looks up what sales refer to. Raises Unfit, and what a call raises."""

    def __init__(self, records: CompanyRecords, settings: TrytonSettings) -> None:
        self._records = records
        self._settings = settings
        self._parties_at_once = Gathered(self._find_parties, records.turns, records.now)
        self._parties: dict[str, tuple[float, PartyRow]] = {}
        self._goods: dict[str, tuple[float, Good]] = {}

    def party(self, licence_no: str, until: float) -> PartyRow:
        """The customer of this licence."""
        if (kept := self._kept(self._parties, licence_no)) is not None:
            return kept
        found = self._parties_at_once(licence_no, until)
        if not found:
            said = f"Tryton knows no party with licence {licence_no}: make it there with this code or identifier"
            raise Absent(said, [licence_no])
        if len(found) > 1:
            ids = ", ".join(str(party.id) for party in found)
            raise Unfit(f"several parties in Tryton have licence {licence_no} ({ids}): leave it to one of them")
        if not found[0].addresses:
            raise Unfit(f"party {found[0].id} (licence {licence_no}) has no address in Tryton: add one")
        self._parties[licence_no] = (self._records.now(), found[0])
        return found[0]

    def goods(self, codes: Sequence[str], until: float) -> dict[str, Good]:
        """The products of these short codes."""
        known = {code: kept for code in codes if (kept := self._kept(self._goods, code)) is not None}
        if unknown := sorted(set(codes) - set(known)):
            domain: list[object] = [["code", "in", unknown]]
            found = self._records.search(ProductRow, until, "product.product", domain, PRODUCT_FIELDS)
            for row in found:
                known[row.code] = self._fit(row, until)
                self._goods[row.code] = (self._records.now(), known[row.code])
        if missing := sorted(set(codes) - set(known)):
            said = f"Tryton knows no product with code {', '.join(missing)}: make it there, or take it off sale"
            raise Absent(said, missing)
        return known

    def forget(self, licence_no: str, codes: Iterable[str]) -> None:
        """Look these up again next time: Tryton did not like what we knew of them."""
        self._parties.pop(licence_no, None)
        for code in codes:
            self._goods.pop(code, None)

    def _kept(self, shelf: dict[str, tuple[float, Kept]], key: str) -> Kept | None:
        since, thing = shelf.get(key, (0.0, None))
        return thing if self._records.now() - since < self._settings.masters_kept_s else None

    def _find_parties(self, licences: Sequence[str], until: float) -> list[list[PartyRow]]:
        wanted = sorted(set(licences))
        domain: list[object] = ["OR", ["code", "in", wanted], ["identifiers.code", "in", wanted]]
        rows = self._records.search(PartyRow, until, "party.party", domain, PARTY_FIELDS)
        return [[row for row in rows if licence in _names(row)] for licence in licences]

    def _fit(self, row: ProductRow, until: float) -> Good:
        settings, category = self._settings, row.template.account_category
        taxes = category.customer_taxes_used if category else ()
        if not row.salable:
            raise Unfit(f"product {row.code} is not salable in Tryton: tick it, or take the article off sale")
        if row.default_uom.category != self._records.company(until).unit_category:
            raise Unfit(f"product {row.code} can't be sold in {settings.unit} in Tryton: give it a unit of that kind")
        if taxes and settings.taxes == "none":
            raise Unfit(
                f"product {row.code} has customer taxes in Tryton, our prices have none to add: set taxes to 'added', "
                "or take them off its category"
            )
        return Good(row.id, taxes)


def _names(row: PartyRow) -> set[str | None]:
    return {row.code, *(identifier.code for identifier in row.identifiers)}


def address(party: PartyRow, used_for: Callable[[AddressRow], bool | None]) -> int:
    """The party's address for this use, else its first."""
    return next((one.id for one in party.addresses if used_for(one)), party.addresses[0].id)
