"""Orders that came another way, and what became of any: a line of a file each. An online order counts as ordered.

The same file again changes nothing; of two files about one order the later import counts, but for what is final.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.imports.fields import Value
from orders.models import Article, Draft, Order, OrderLine, Retailer
from orders.settling import move_on

ONLINE = "online"


def write_online_line(session: Session, values: dict[str, Value]) -> None:
    """One article of an online order, which is made with its first one. Raises ValueError."""
    retailer = session.scalar(select(Retailer.id).where(Retailer.licence_no == values["licence_no"]))
    if retailer is None:
        raise ValueError(
            f"there is no retailer with licence {values['licence_no']}; `orderline import retailers` first"
        )
    if session.get(Article, str(values["code"])) is None:
        raise ValueError(f"there is no article {values['code']}; `orderline import catalogue` first")
    order = _online_order(session, values, retailer)
    _put_line(order, str(values["code"]), int(values["cartons"]), int(values["price"]))
    order.amount_fen = sum(line.accepted * line.price_fen for line in order.lines)
    move_on(order, str(values.get("status", "accepted")))


def write_settlement(session: Session, values: dict[str, Value]) -> None:
    """What became of one order, by its number here or online. Raises ValueError."""
    number = str(values["order_no"])
    known = (Order.order_no == number) | (Order.order_key == _key(number))
    order = session.scalar(select(Order).where(known))
    if order is None:
        raise ValueError(f"there is no order {number}; online orders are imported before their settlement")
    move_on(order, str(values["status"]))


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


def _put_line(order: Order, code: str, cartons: int, price_fen: int) -> None:
    line = next((line for line in order.lines if line.article_code == code), None)
    if line is None:
        line = OrderLine(position=len(order.lines) + 1, article_code=code, requested=cartons, accepted=cartons)
        order.lines.append(line)
    line.requested = line.accepted = cartons
    line.price_fen = price_fen


def _key(number: str) -> str:
    return f"{ONLINE}-{number}"
