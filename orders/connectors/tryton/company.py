"""Whose sales we write and in what they are counted: the company, its context of calls, the carton. Asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from orders.connectors.tryton.rpc import NoAnswer, TrytonRpc
from orders.connectors.tryton.settings import TrytonSettings

Row = TypeVar("Row")

MOST_ROWS = 1000


class _Currency(msgspec.Struct, frozen=True):
    code: str


class _CompanyRow(msgspec.Struct, frozen=True):
    id: int
    rec_name: str
    currency: _Currency = msgspec.field(name="currency.")


class _UnitRow(msgspec.Struct, frozen=True):
    id: int
    category: int
    factor: float


@dataclass(frozen=True, slots=True)
class Company:
    """`unit`: the carton; only goods counted in units of `unit_category` can be sold in it. `unit_factor`: how many of
    that category's base unit a carton is.
    """

    id: int
    unit: int
    unit_category: int
    unit_factor: float

    def context(self, **more: object) -> dict[str, object]:
        return {"company": self.id, **more}


class CompanyRecords:
    """Calls as our company; finds out which one that is at the first. `turns`: how many calls of orders go at once."""

    def __init__(self, rpc: TrytonRpc, settings: TrytonSettings) -> None:
        self._rpc = rpc
        self._settings = settings
        self._lock = threading.Lock()
        self._company: Company | None = None
        self.now: Callable[[], float] = rpc.now
        self.turns = threading.Semaphore(settings.calls_at_once)

    def company(self, until: float) -> Company:
        """Raises NoAnswer when it can't be told which company, or the unit is unknown."""
        with self._lock:
            self._company = self._company or self._found(until)
            return self._company

    def search(
        self,
        row: type[Row],
        until: float,
        model: str,
        domain: list[object],
        fields: list[str],
        *,
        limit: int = MOST_ROWS,
        **context: object,
    ) -> list[Row]:
        """The records of this domain, by ascending id."""
        said = self.company(until).context(**context)
        return self._searched(row, until, model, domain, fields, limit, said)

    def call(self, answer: type[Row], until: float, method: str, *arguments: object) -> Row:
        """Any other method, in our company's context."""
        return self._rpc.call(answer, until, method, *arguments, self.company(until).context())

    def _searched(
        self,
        row: type[Row],
        until: float,
        model: str,
        domain: list[object],
        fields: list[str],
        limit: int,
        context: dict[str, object],
    ) -> list[Row]:
        order = [["id", "ASC"]]
        rows: list[Row] = self._rpc.call(
            list[row],  # type: ignore[valid-type]  # the row type is a value here
            until,
            f"model.{model}.search_read",
            domain,
            0,
            limit,
            order,
            fields,
            context,
        )
        return rows

    def _found(self, until: float) -> Company:
        wanted = self._settings
        domain: list[object] = [["party.name", "=", wanted.company]] if wanted.company else []
        found = self._searched(
            _CompanyRow, until, "company.company", domain, ["rec_name", "currency.code"], MOST_ROWS, {}
        )
        if len(found) != 1:
            names = ", ".join(one.rec_name for one in found) or "none"
            raise NoAnswer(f"Tryton shows our user these companies: {names}; name the one to sell for in the settings")
        if found[0].currency.code != wanted.currency:
            raise NoAnswer(
                f"{found[0].rec_name} reckons in {found[0].currency.code}, our prices are {wanted.currency}: "
                "set another company"
            )
        context: dict[str, object] = {"company": found[0].id}
        by_name: list[object] = ["OR", ["name", "=", wanted.unit], ["symbol", "=", wanted.unit]]
        units = self._searched(_UnitRow, until, "product.uom", by_name, ["category", "factor"], 2, context)
        if len(units) != 1 or not units[0].factor:
            raise NoAnswer(
                f"Tryton has {len(units)} units called {wanted.unit!r}: make exactly one, or set another unit"
            )
        return Company(found[0].id, units[0].id, units[0].category, units[0].factor)
