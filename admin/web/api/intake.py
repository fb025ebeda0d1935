"""What programs may bring in: online orders and what became of orders, under the rules of the files of the same kinds.

Everything is checked before anything is kept; sending the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
from flask import g, request
from msgspec import Meta, Struct

from admin.web.console.pages import parts
from admin.web.errors import web_error
from orders.imports.load import SAME, import_rows
from orders.imports.sheet import Row
from orders.models import AuditEntry

MOST_BYTES = 4 * 1024 * 1024
MOST_ORDERS = 500
MOST_LINES = 200
MOST_SETTLEMENTS = 5_000

FIELDS = {"price": "price_fen"}
"""What a column of the files is called here, where it is another name."""

_Text = Annotated[str, Meta(max_length=100)]
_Whole = Annotated[int, Meta(ge=0, le=10**9)]
Body = TypeVar("Body", bound=Struct)


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
    """With `keep_good` each order without a fault is kept; otherwise all of them or none."""

    orders: Annotated[list[OnlineOrder], Meta(min_length=1, max_length=MOST_ORDERS)]
    keep_good: bool = False


class Settlement(Struct, forbid_unknown_fields=True):
    """What became of an order, by its number here or online: accepted, awaiting_debit, debited or rejected."""

    order_no: _Text
    status: _Text


class Settlements(Struct, forbid_unknown_fields=True):
    """With `keep_good` each settlement without a fault is kept; otherwise all of them or none."""

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
    body = _body(OnlineOrders)
    return _taken("online-orders", [_rows_of(order) for order in body.orders], keep_good=body.keep_good)


def take_settlements() -> IntakeReport:
    """What was posted, as the state of orders; raises WebError for what can't be read."""
    body = _body(Settlements)
    orders = [[{"order_no": one.order_no, "status": one.status}] for one in body.settlements]
    return _taken("settlement", orders, keep_good=body.keep_good)


def _body(kind: type[Body]) -> Body:
    request.max_content_length = MOST_BYTES
    if not request.is_json:
        raise web_error(415, "not_json")
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise web_error(400, "bad_body", problem=str(error)[:300]) from None


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
    """Kept order by order where the good ones are wanted, for half an order is none; otherwise all at once."""
    report = IntakeReport(len(orders), 0, [])
    one_line_each = all(len(order) == 1 for order in orders)
    for some in [orders] if one_line_each or not keep_good else [[order] for order in orders]:
        numbered = [(at, cells) for order in some for at, cells in enumerate(order, start=1)]
        rows = (Row(number, cells) for number, (_, cells) in enumerate(numbered, start=1))
        told = import_rows(parts().store, kind, rows, "api", pin_key=b"", keep_good=keep_good and one_line_each)
        report.kept += told.written if one_line_each else 0 if told.bad else len(some)
        for fault in told.faults[: 1_000 - len(report.faults)]:
            line, cells = numbered[fault.line - 1]
            problem = "comes twice; send it once" if fault.problem.startswith(SAME) else fault.problem
            report.faults.append(IntakeFault(cells["order_no"], line, FIELDS.get(fault.column, fault.column), problem))
    _note(kind, report)
    return report


def _note(kind: str, report: IntakeReport) -> None:
    if report.kept:
        told = f"{report.kept} of {report.received} kept"
        with parts().store.transaction() as session:
            at, actor = parts().now(), f"token {g.program}"
            session.add(AuditEntry(at=at, actor=actor, what="imported", about=f"{kind} by the API", detail=told))
