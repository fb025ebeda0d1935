"""Rows pulled out of a sales system, made whole: what it does not know of is kept as stored, or set for what is new.

A sales system has names, prices, stock and phones; regions, batches, grades and supply categories are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from orders.imports.load import Report, import_rows
from orders.imports.sheet import Row
from orders.imports.tables import TABLES
from orders.models import Article, Retailer
from orders.store import Store


class MasterSource(Protocol):
    """A sales system that knows master data."""

    name: str

    def rows(self, kind: str) -> Iterator[Row]:
        """Its "retailers" or "catalogue" as rows of text under the columns of `orders.imports.tables`, as far as it
        knows them; `number` is its own number of the record. Raises Unreachable.
        """


@dataclass(frozen=True, slots=True)
class ForNew:
    """What new retailers and articles get in columns that the sales system does not know; by column name.

    A new retailer's region is found by its licence, whose first six digits are the region's.
    """

    retailers: Mapping[str, str] = field(default_factory=dict)
    catalogue: Mapping[str, str] = field(default_factory=lambda: {"category": "regular"})


def pull(store: Store, source: MasterSource, kind: str, for_new: ForNew, *, pin_key: bytes) -> Report:
    """Bring in what the sales system says; rows that can't be are in the report, the others are written.

    `kind` is "retailers" or "catalogue". Things known here that it does not name are left alone. Raises Unreachable.
    """
    given = list(source.rows(kind))
    with store.session() as session:
        known = _KNOWN[kind](session)
    defaults = for_new.retailers if kind == "retailers" else for_new.catalogue
    rows = list(_whole(kind, given, known, defaults))
    return import_rows(store, kind, rows, f"{source.name} {kind}", pin_key=pin_key, keep_good=True)


def _whole(
    kind: str, rows: Iterable[Row], known: Mapping[str, Mapping[str, str]], defaults: Mapping[str, str]
) -> Iterator[Row]:
    key, required = TABLES[kind].key[0], [column.name for column in TABLES[kind].fields if column.required]
    for row in rows:
        name = row.cells.get(key, "")
        if name not in known and "no" in (row.cells.get("on_sale"), row.cells.get("active")):
            continue  # neither sold nor known: nothing to bring in
        stored = known.get(name) or {"region": name[:6], **defaults}
        cells = {column: row.cells.get(column) or stored.get(column, "") for column in required}
        yield replace(row, cells={**{k: v for k, v in row.cells.items() if k != "active"}, **cells})


def _articles(session: Session) -> dict[str, dict[str, str]]:
    return {
        article.code: {
            "name_zh": article.name_zh,
            "category": article.category,
            "grade": article.grade,
            "price": f"{article.price_fen / 100:.2f}",
            "stock": str(article.stock),
        }
        for article in session.scalars(select(Article))
    }


def _retailers(session: Session) -> dict[str, dict[str, str]]:
    return {
        retailer.licence_no: {
            "name_zh": retailer.name_zh,
            "region": retailer.region.code,
            "batch": retailer.batch.code,
            "grade": retailer.grade,
            "primary_phone": next((phone.number for phone in retailer.phones if phone.kind == "primary"), ""),
        }
        for retailer in session.scalars(select(Retailer).options(selectinload(Retailer.phones)))
    }


_KNOWN: Mapping[str, Callable[[Session], dict[str, dict[str, str]]]] = {
    "retailers": _retailers,
    "catalogue": _articles,
}
