"""The life of a sale in Tryton: found by our key, drafted, quoted, confirmed. Several at once go in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.gathering import Gathered
from orders.connectors.tryton.rows import BINDING, SALE_FIELDS, SaleRow, day

PAGE = 200
"""Sales read at once: some 2 s of the server's time."""

_RANK = {**dict.fromkeys(BINDING, 0), "quotation": 1, "draft": 2, "cancelled": 3}


class Sales:
    """Calls of the model `sale.sale`; each raises NoAnswer, Declined, ServerFault."""

    def __init__(self, records: CompanyRecords) -> None:
        self._records = records
        turns, now = records.turns, records.now
        self.find = Gathered(self._find, turns, now)
        """By our order key: all sales with it, the one that counts most first."""
        self.create = Gathered(self._create, turns, now)
        """A draft of these values; its id."""
        self.read = Gathered(self._read, turns, now)
        """By id; None when there is none that we may see."""
        self.quote = Gathered(self._button("quote"), turns, now)
        self.confirm = Gathered(self._button("confirm"), turns, now)

    def cancel(self, sale: int, until: float) -> None:
        """Drafts and quotations only: Tryton declines for others."""
        self._records.call(object, until, "model.sale.sale.cancel", [sale])

    def delete(self, sales: Sequence[int], until: float) -> None:
        """Drafts and cancelled ones only: Tryton declines for others."""
        self._records.call(object, until, "model.sale.sale.delete", list(sales))

    def of_day(self, mark: str, on: date, above: int, until: float) -> list[SaleRow]:
        """A page of our sales of this day, by ascending id."""
        domain: list[object] = [["description", "like", f"{mark} %"], ["sale_date", "=", day(on)], ["id", ">", above]]
        return self._search(domain, PAGE, until)

    def _find(self, keys: Sequence[str], until: float) -> list[list[SaleRow]]:
        rows = self._search([["reference", "in", sorted(set(keys))]], 1000, until)
        rows.sort(key=lambda row: (_RANK[row.state], row.id))
        return [[row for row in rows if row.reference == key] for key in keys]

    def _create(self, values: Sequence[dict[str, object]], until: float) -> list[int]:
        return self._records.call(list[int], until, "model.sale.sale.create", list(values))

    def _read(self, sales: Sequence[int], until: float) -> list[SaleRow | None]:
        rows = {row.id: row for row in self._search([["id", "in", sorted(set(sales))]], 1000, until)}
        return [rows.get(sale) for sale in sales]

    def _button(self, name: str) -> Callable[[Sequence[int], float], list[None]]:
        def press(sales: Sequence[int], until: float) -> list[None]:
            self._records.call(object, until, f"model.sale.sale.{name}", sorted(set(sales)))
            return [None] * len(sales)

        return press

    def _search(self, domain: list[object], limit: int, until: float) -> list[SaleRow]:
        ours: list[object] = [["company", "=", self._records.company(until).id]]
        return self._records.search(SaleRow, until, "sale.sale", ours + domain, SALE_FIELDS, limit=limit)
