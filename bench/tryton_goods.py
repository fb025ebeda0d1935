"""Parties and products in the bench's Tryton server, as many as wanted, made by its administrator."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from bench.tryton_server import ADMIN_PASSWORD, TrytonServer
from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.rows import yuan
from orders.connectors.tryton.rpc import TrytonRpc

AT_ONCE = 200

Thing = TypeVar("Thing")


class Administrator:
    """Calls as the administrator, past the connector under test."""

    def __init__(self, server: TrytonServer) -> None:
        settings = replace(server.settings, user="admin", password=ADMIN_PASSWORD)
        self._rpc = TrytonRpc(settings)
        self.records = CompanyRecords(self._rpc, settings)

    def __enter__(self) -> Administrator:
        return self

    def __exit__(self, *_: object) -> None:
        self._rpc.close()

    def call(self, method: str, *arguments: object) -> object:
        return self.records.call(object, self._rpc.deadline(), method, *arguments)

    def ids(self, model: str, domain: list[object]) -> list[int]:
        return self.records.call(
            list[int], self._rpc.deadline(), f"model.{model}.search", domain, 0, None, [["id", "ASC"]]
        )

    def add_retailers(self, retailers: Iterable[tuple[str, str]]) -> None:
        """Parties by licence number and name, each with an address."""
        for some in _chunks(retailers):
            address = ["create", [{"street": "解放路1号"}]]
            values = [{"code": licence, "name": name, "addresses": [address]} for licence, name in some]
            self.call("model.party.party.create", values)

    def add_articles(self, articles: Iterable[tuple[str, str, int]]) -> None:
        """Products by short code, name and price in fen, sold in cartons."""
        company = self.records.company(self._rpc.deadline())
        (category,) = self.ids("product.category", [["name", "=", "卷烟"]])
        for some in _chunks(articles):
            values = [
                {
                    "name": name,
                    "type": "goods",
                    "default_uom": company.unit,
                    "sale_uom": company.unit,
                    "salable": True,
                    "list_price": yuan(price_fen),
                    "account_category": category,
                    "products": [["create", [{"suffix_code": code}]]],
                }
                for code, name, price_fen in some
            ]
            self.call("model.product.template.create", values)

    def stock(self, code: str, cartons: int) -> None:
        """Bring so many cartons of an article into the warehouse."""
        company = self.records.company(self._rpc.deadline())
        (product,) = self.ids("product.product", [["code", "=", code]])
        (inventory,) = self.ids("stock.location", [["type", "=", "lost_found"]])[:1]
        (storage,) = self.ids("stock.location", [["type", "=", "storage"]])[:1]
        move = {"product": product, "unit": company.unit, "quantity": cartons, "company": company.id}
        move |= {"from_location": inventory, "to_location": storage}
        moves = self.call("model.stock.move.create", [move])
        self.call("model.stock.move.do", moves)


def _chunks(things: Iterable[Thing]) -> Iterator[Sequence[Thing]]:
    rest = iter(things)
    while some := list(itertools.islice(rest, AT_ONCE)):
        yield some
