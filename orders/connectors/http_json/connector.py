"""Implements `port.Connector` over the API that `docs/sales-api.yaml` describes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta

from orders.connectors.http_json.addresses import ForbiddenTarget
from orders.connectors.http_json.client import Answer, HttpSettings, NotReached, SignedClient
from orders.connectors.port import (
    HELD_STATUSES,
    Accepted,
    Claim,
    Delivery,
    HeldLine,
    HeldOrder,
    Refused,
    SalesOrder,
    Unknown,
    Unreachable,
)

MOST_PAGES = 10_000
Short = Annotated[str, Meta(min_length=1, max_length=80)]


class _Taken(msgspec.Struct):
    external_id: Short


class _Said(msgspec.Struct):
    reason: Annotated[str, Meta(max_length=2000)] = ""


class _Line(msgspec.Struct):
    article_code: Short
    accepted: int
    price_fen: int


class _Order(msgspec.Struct):
    order_key: Short
    external_id: Short
    amount_fen: int
    lines: list[_Line]
    status: Literal["accepted", "awaiting_debit", "debited", "rejected"] = "accepted"
    reason: str = ""


class _Page(msgspec.Struct):
    orders: list[_Order]
    next: str = ""


Body = TypeVar("Body", bound=msgspec.Struct)


class HttpJsonConnector:
    """One sales system behind one URL. Raises ValueError at once for settings that can't work."""

    name = "http_json"

    def __init__(self, settings: HttpSettings) -> None:
        self._client = SignedClient(settings)

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:  # noqa: ARG002 — the idempotency key does the claiming
        body = msgspec.json.encode(asdict(order))
        try:
            answer = self._client.send("POST", "/orders", body, {"Idempotency-Key": quote(order.order_key, safe="")})
        except (NotReached, ForbiddenTarget) as error:
            return Unknown(str(error))
        return _delivery(answer)

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        after = ""
        for _ in range(MOST_PAGES):
            page = self._page(order_day, after)
            yield from (_held(order) for order in page.orders)
            if not page.next:
                return
            if page.next == after:
                break
            after = page.next
        raise Unreachable("its list of orders has no end: `next` must lead on, and be empty on the last page")

    def close(self) -> None:
        """Nothing is kept open."""

    def _page(self, order_day: str, after: str) -> _Page:
        query = {"order_day": order_day} | ({"after": after} if after else {})
        try:
            answer = self._client.send("GET", f"/orders?{urlencode(query)}")
        except (NotReached, ForbiddenTarget) as error:
            raise Unreachable(str(error)) from error
        page = _parsed(answer, _Page) if answer.status == 200 else None
        if page is None:
            raise Unreachable(f"it answered the list of orders with {answer.status}{_reason(answer)}")
        return page


def _delivery(answer: Answer) -> Delivery:
    match answer.status:
        case 200 | 201:
            taken = _parsed(answer, _Taken)
            # Not understood is not refused: it may well have the order.
            return Accepted(taken.external_id) if taken else Unknown("its answer names no external_id", True)
        case 409:
            return Refused(f"it holds other content under this key{_reason(answer)}")
        case 422:
            return Refused(f"it refuses the order{_reason(answer)}")
        case 400 | 500:
            return Unknown(f"it answered {answer.status}{_reason(answer)}", about_this_order=True)
        case 401 | 403:
            return Unknown(f"it does not accept our signature ({answer.status}): check secret and clock on both sides")
    return Unknown(f"it answered {answer.status}{_reason(answer)}")


def _reason(answer: Answer) -> str:
    said = _parsed(answer, _Said)
    return f": {said.reason[:300]}" if said and said.reason else ""


def _parsed(answer: Answer, kind: type[Body]) -> Body | None:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def _held(order: _Order) -> HeldOrder:
    lines = tuple(HeldLine(line.article_code, line.accepted, line.price_fen) for line in order.lines)
    status = HELD_STATUSES[order.status]
    return HeldOrder(order.order_key, order.external_id, order.amount_fen, lines, status, order.reason)
