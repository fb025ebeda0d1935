"""Orders that came another way, and what became of any. An online order counts as ordered.

The same file again changes nothing; of two files about one order the later import counts, but for what is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.imports.fields import Value
from orders.models import Article, Draft, Order, OrderLine, Retailer
from orders.settling import RANK, move_on

ONLINE = "online"


class BadLine(ValueError):
    """What is wrong is in the line `at`, counted from 0, of those that belong together."""

    def __init__(self, at: int, problem: str) -> None:
        super().__init__(problem)
        self.at = at


def write_online_order(session: Session, lines: Sequence[dict[str, Value]]) -> None:
    """All lines of one online order: it has these and no others. Raises ValueError."""
    first = lines[0]
    licence = first["licence_no"]
    retailer = session.scalar(select(Retailer.id).where(Retailer.licence_no == licence))
    if retailer is None:
        raise ValueError(f"there is no retailer with licence {licence}; `orderline import retailers` first")
    for at, line in enumerate(lines):
        if (line["licence_no"], line["order_day"]) != (licence, first["order_day"]):
            raise BadLine(at, f"online order {first['order_no']} is of another retailer or day above; correct the line")
        if session.get(Article, str(line["code"])) is None:
            raise BadLine(at, f"there is no article {line['code']}; `orderline import catalogue` first")
    order = _online_order(session, first, retailer)
    _put_lines(session, order, [(str(one["code"]), int(one["cartons"]), int(one["price"])) for one in lines])
    for line in lines:
        move_on(order, str(line.get("status", "accepted")))


def write_settlement(session: Session, values: dict[str, Value]) -> None:
    """What became of one order, by its number here or online, or by its order key. Raises ValueError."""
    number = str(values["order_no"])
    known = (Order.order_no == number) | Order.order_key.in_((number, _key(number)))
    orders = session.scalars(select(Order).where(known).limit(2)).all()
    if not orders:
        raise ValueError(f"there is no order {number}; online orders are imported before their settlement")
    if len(orders) > 1:
        keys = " or ".join(order.order_key for order in orders)
        raise ValueError(f"two orders have the number {number}; write the order key of the one that is meant, {keys}")
    move_on(orders[0], str(values["status"]))


def _online_order(session: Session, values: dict[str, Value], retailer: int) -> Order:
    number, day = str(values["order_no"]), date.fromisoformat(str(values["order_day"]))
    order = session.scalar(select(Order).where(Order.order_key == _key(number)))
    if order is None:
        draft = Draft(retailer_id=retailer, order_day=day, state="placed")
        session.add(draft)
        session.flush()
        order = Order(
            order_no=f"N{draft.id:015d}",
            order_key=_key(number),
            draft_id=draft.id,
            retailer_id=retailer,
            order_day=day,
            channel=ONLINE,
            placed_at=datetime.now(UTC),
            amount_fen=0,
            status="accepted",
        )
        session.add(order)
    elif (order.retailer_id, order.order_day) != (retailer, day):
        raise ValueError(f"online order {number} is known of another retailer or day; correct the line")
    return order


def _put_lines(session: Session, order: Order, wanted: Sequence[tuple[str, int, int]]) -> None:
    """Articles, cartons and prices as they are now; refused once money has moved for the lines as they were."""
    if [(line.article_code, line.accepted, line.price_fen) for line in order.lines] == list(wanted):
        return
    if RANK[order.status] > RANK["accepted"]:
        raise ValueError(f"online order {order.order_key.removeprefix(_key(''))} is {order.status}: its lines stay")
    order.lines.clear()
    session.flush()
    for position, (code, cartons, price_fen) in enumerate(wanted, start=1):
        order.lines.append(
            OrderLine(position=position, article_code=code, requested=cartons, accepted=cartons, price_fen=price_fen)
        )
    order.amount_fen = sum(cartons * price_fen for _, cartons, price_fen in wanted)


def _key(number: str) -> str:
    return f"{ONLINE}-{number}"
