"""What programs may bring in: online orders and what became of orders, under the rules of the files of the same kinds.

Everything is checked before anything is kept; sending the same again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from flask import g
from msgspec import Meta, Struct

from admin.web.api.bodies import read_body
from admin.web.console.pages import parts
from admin.web.errors import web_error
from orders.imports.load import SAME, import_rows
from orders.imports.sheet import Row
from orders.models import AuditEntry

MOST_BYTES = 4 * 1024 * 1024
MOST_ORDERS = 500
MOST_LINES = 200
MOST_SETTLEMENTS = 5_000
MOST_AT_ONCE = 1_000
"""Lines in one transaction, for which a call's step may have to wait."""
MOST_FAULTS = 1_000
TWICE = "comes twice; send it once"

FIELDS = {"price": "price_fen"}
"""What a column of the files is called here, where it is another name."""

_Text = Annotated[str, Meta(max_length=100)]
_Whole = Annotated[int, Meta(ge=0, le=10**9)]


class OnlineLine(Struct, forbid_unknown_fields=True):
    """One article of an online order: short code, cartons, price of a carton."""

    code: _Text
    cartons: _Whole
    price_fen: _Whole


class OnlineOrder(Struct, forbid_unknown_fields=True):
    """An order that a retailer placed online, by the number it has there."""

    order_no: _Text
    licence_no: _Text
    order_day: _Text
    lines: Annotated[list[OnlineLine], Meta(min_length=1, max_length=MOST_LINES)]
    status: _Text = "accepted"


class OnlineOrders(Struct, forbid_unknown_fields=True):
    """With `keep_good` each order without a fault is kept; otherwise all of them or none, at most 1000 lines."""

    orders: Annotated[list[OnlineOrder], Meta(min_length=1, max_length=MOST_ORDERS)]
    keep_good: bool = False


class Settlement(Struct, forbid_unknown_fields=True):
    """What became of an order, by its number here or online: accepted, awaiting_debit, debited or rejected."""

    order_no: _Text
    status: _Text


class Settlements(Struct, forbid_unknown_fields=True):
    """With `keep_good` each settlement without a fault is kept; otherwise all of them or none, at most 1000."""

    settlements: Annotated[list[Settlement], Meta(min_length=1, max_length=MOST_SETTLEMENTS)]
    keep_good: bool = False


class IntakeFault(Struct):
    """One thing wrong: which order, its line from 1, which field ("" for all of it), and what to send instead."""

    order_no: str
    line: int
    field: str
    problem: str


class IntakeReport(Struct):
    """How many orders came and how many were kept; `faults` names what is wrong with the others, the first thousand."""

    received: int
    kept: int
    faults: list[IntakeFault]

    @property
    def status(self) -> int:
        """422 when nothing was kept because of faults."""
        return 422 if self.faults and not self.kept else 200


def take_online_orders() -> IntakeReport:
    """What was posted, as orders of the channel "online"; raises WebError for what can't be read."""
    body = read_body(OnlineOrders, MOST_BYTES)
    return _taken("online-orders", [_rows_of(order) for order in body.orders], keep_good=body.keep_good)


def take_settlements() -> IntakeReport:
    """What was posted, as the state of orders; raises WebError for what can't be read."""
    body = read_body(Settlements, MOST_BYTES)
    orders = [[{"order_no": one.order_no, "status": one.status}] for one in body.settlements]
    return _taken("settlement", orders, keep_good=body.keep_good)


def _rows_of(order: OnlineOrder) -> list[dict[str, str]]:
    of_order = {
        "order_no": order.order_no,
        "licence_no": order.licence_no,
        "order_day": order.order_day,
        "status": order.status,
    }
    return [
        of_order | {"code": one.code, "cartons": str(one.cartons), "price": _yuan(one.price_fen)} for one in order.lines
    ]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _taken(kind: str, orders: Sequence[list[dict[str, str]]], *, keep_good: bool) -> IntakeReport:
    """All in one transaction, or each order without a fault; half an order never."""
    report = IntakeReport(len(orders), 0, [])
    once = _each_once(orders, report)
    lines = [(at, cells) for order in once for at, cells in enumerate(order, start=1)]
    if not keep_good and len(lines) > MOST_AT_ONCE:
        raise web_error(413, "too_many_at_once", most=MOST_AT_ONCE)
    if keep_good or not report.faults:
        rows = (Row(number, cells) for number, (_, cells) in enumerate(lines, start=1))
        told = import_rows(parts().store, kind, rows, "api", pin_key=b"", keep_good=keep_good, at_once=not keep_good)
        report.kept = told.kept
        for fault in told.faults[: MOST_FAULTS - len(report.faults)]:
            line, cells = lines[fault.line - 1]
            problem = TWICE if fault.problem.startswith(SAME) else fault.problem
            report.faults.append(IntakeFault(cells["order_no"], line, FIELDS.get(fault.column, fault.column), problem))
    _note(kind, report)
    return report


def _each_once(orders: Sequence[list[dict[str, str]]], report: IntakeReport) -> list[list[dict[str, str]]]:
    """Two orders of one number contradict each other: neither is taken."""
    numbers = Counter(order[0]["order_no"] for order in orders)
    twice = [number for number, times in numbers.items() if times > 1]
    report.faults += [IntakeFault(number, 1, "order_no", TWICE) for number in twice[:MOST_FAULTS]]
    return [order for order in orders if numbers[order[0]["order_no"]] == 1]


def _note(kind: str, report: IntakeReport) -> None:
    if report.kept:
        told = f"{report.kept} of {report.received} kept"
        with parts().store.transaction() as session:
            at, actor = parts().now(), f"token {g.program}"
            session.add(AuditEntry(at=at, actor=actor, what="imported", about=f"{kind} by the API", detail=told))
