"""The contract kit: does an endpoint keep the promises of `docs/sales-api.yaml`? For the team that builds it.

Sends orders of its own under keys that nobody else uses; they stay there, so it is for a test system.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import msgspec

from orders.connectors.http_json.client import HttpSettings, NotReached, SignedClient
from orders.connectors.http_json.connector import HttpJsonConnector
from orders.connectors.http_json.signing import GOOD_FOR_S
from orders.connectors.port import Accepted, HeldLine, HeldOrder, Refused, SalesLine, SalesOrder, Unreachable


@dataclass(frozen=True, slots=True)
class Checked:
    """One promise: its name, and what is wrong and what to do, "" when it is kept."""

    promise: str
    problem: str


@dataclass(frozen=True, slots=True)
class CheckedAgainst:
    """What the test system knows: a retailer's licence, an article and its price, and a day without real orders."""

    licence_no: str
    article_code: str
    price_fen: int
    order_day: str
    other_day: str


class _NoClaim:
    def standing(self) -> str:
        return ""

    def note(self, external_id: str) -> str:
        return external_id


class _Kit:
    """The endpoint under check, and orders to send it."""

    def __init__(self, settings: HttpSettings, known: CheckedAgainst) -> None:
        self.settings = settings
        self.known = known
        self.connector = HttpJsonConnector(settings)
        self._run = secrets.token_hex(6)

    def order(self, name: str, accepted: int = 2) -> SalesOrder:
        known = self.known
        line = SalesLine(1, known.article_code, accepted, accepted, known.price_fen)
        return SalesOrder(
            order_key=f"check-{self._run}-{name}",
            order_no=f"CHECK{self._run}",
            order_day=known.order_day,
            placed_at=f"{known.order_day}T02:00:00+00:00",
            channel="phone",
            licence_no=known.licence_no,
            retailer="contract check",
            amount_fen=accepted * known.price_fen,
            lines=(line,),
        )

    def deliver(self, order: SalesOrder) -> object:
        return self.connector.deliver(order, _NoClaim())

    def held(self, order: SalesOrder, day: str = "") -> list[HeldOrder]:
        return [one for one in self.connector.held(day or order.order_day) if one.order_key == order.order_key]

    def post(self, order: SalesOrder, client: SignedClient) -> int:
        body = msgspec.json.encode(asdict(order))
        return client.send("POST", "/orders", body, {"Idempotency-Key": order.order_key}).status


def check_endpoint(settings: HttpSettings, known: CheckedAgainst) -> Iterator[Checked]:
    """Each promise in turn, told as soon as it is known. Raises ValueError for settings that can't work."""
    kit = _Kit(settings, known)
    for promise, check in _PROMISES.items():
        try:
            problem = check(kit)
        except (NotReached, Unreachable) as error:
            problem = f"{error}"
        yield Checked(promise, problem)
        if promise == TAKES_ORDERS and problem:
            return


def _takes(kit: _Kit) -> str:
    result = kit.deliver(kit.order("first"))
    return "" if isinstance(result, Accepted) else f"answer 201 with an external_id; it was {result}"


def _same_key_same_order(kit: _Kit) -> str:
    order = kit.order("twice")
    first, again = kit.deliver(order), kit.deliver(order)
    if not isinstance(first, Accepted) or first != again:
        return f"answer a repeated Idempotency-Key with 200 and the first external_id; it was {first}, then {again}"
    return _held_once(kit, order)


def _changed_content(kit: _Kit) -> str:
    order = kit.order("changed")
    kit.deliver(order)
    result = kit.deliver(replace(order, lines=kit.order("x", 1).lines, amount_fen=kit.known.price_fen))
    if isinstance(result, Refused) and "other content" in result.reason:
        return ""
    return f"answer another content under an old key with 409 and change nothing; it was {result}"


def _at_once(kit: _Kit) -> str:
    order = kit.order("at-once")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(kit.deliver, [order] * 8))
    ids = {result.external_id for result in results if isinstance(result, Accepted)}
    if len(ids) > 1:
        return f"make the key unique in the database: eight deliveries at once became {len(ids)} orders"
    kit.deliver(order)
    return _held_once(kit, order)


def _held_once(kit: _Kit, order: SalesOrder) -> str:
    times = len(kit.held(order))
    return "" if times == 1 else f"list each order once: {order.order_key} is listed {times} times"


def _listed(kit: _Kit) -> str:
    order = kit.order("listed")
    kit.deliver(order)
    held = kit.held(order)
    if len(held) != 1:
        return f"list it under its order_day at once; it is listed {len(held)} times"
    lines = (HeldLine(order.lines[0].article_code, order.lines[0].accepted, order.lines[0].price_fen),)
    if (held[0].amount_fen, held[0].lines) != (order.amount_fen, lines):
        return f"list amount_fen and every line as they were sent; it lists {held[0].amount_fen}, {held[0].lines}"
    return ""


def _other_days(kit: _Kit) -> str:
    order = kit.order("other-day")
    kit.deliver(order)
    return "list only orders of the day asked for" if kit.held(order, kit.known.other_day) else ""


def _poisoned(kit: _Kit) -> str:
    order = kit.order("poisoned", 0)
    result = kit.deliver(order)
    if isinstance(result, Refused):
        return "do not keep what was refused" if kit.held(order) else ""
    return f"answer what can never be taken with 422 and a reason; it was {result}"


def _strangers(kit: _Kit) -> str:
    order = kit.order("stranger")
    stranger = SignedClient(replace(kit.settings, secret=secrets.token_bytes(32)))
    return _turned_away(kit, order, kit.post(order, stranger), "a wrong signature")


def _old_signatures(kit: _Kit) -> str:
    order = kit.order("old")
    late = SignedClient(kit.settings, now=lambda: time.time() - GOOD_FOR_S - 60)
    return _turned_away(kit, order, kit.post(order, late), f"a time stamp older than {GOOD_FOR_S} s")


def _turned_away(kit: _Kit, order: SalesOrder, status: int, what: str) -> str:
    if status not in (401, 403):
        return f"answer {what} with 401; it was {status}"
    return f"do not keep what came with {what}" if kit.held(order) else ""


TAKES_ORDERS = "takes an order and names its id"
_PROMISES: dict[str, Callable[[_Kit], str]] = {
    TAKES_ORDERS: _takes,
    "the same key is the same order": _same_key_same_order,
    "another content under an old key is refused": _changed_content,
    "eight deliveries at once are one order": _at_once,
    "an order is listed with its lines and total": _listed,
    "a day's list has no other day's orders": _other_days,
    "what can never be taken is refused with a reason": _poisoned,
    "strangers are turned away": _strangers,
    "old signatures are turned away": _old_signatures,
}
