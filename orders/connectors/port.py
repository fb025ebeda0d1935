"""What every sales system must be able to do for us, and the plain order it is given.

The order key is the promise: the same key is the same order for ever, however often it is delivered. A connector
never guesses: what it does not know to be delivered or refused is `Unknown`, and will be delivered again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class SalesLine:
    """One line as sold: accepted cartons at the price of the moment of placing, in fen a carton."""

    position: int
    article_code: str
    requested: int
    accepted: int
    price_fen: int


@dataclass(frozen=True, slots=True)
class SalesOrder:
    """A confirmed order as a sales system gets it; days and times are ISO text."""

    order_key: str
    order_no: str
    order_day: str
    placed_at: str
    channel: str
    licence_no: str
    retailer: str
    amount_fen: int
    lines: tuple[SalesLine, ...]


def order_from_payload(payload: str) -> SalesOrder:
    """The order of an outbox row. Raises ValueError for a payload that is none: such a row is dead at once."""
    try:
        fields: dict[str, Any] = json.loads(payload)
        lines = tuple(SalesLine(**line) for line in fields.pop("lines"))
        return SalesOrder(lines=lines, **fields)
    except (TypeError, KeyError, json.JSONDecodeError, AttributeError) as error:
        raise ValueError(f"the outbox payload is no order: {error}") from error


@dataclass(frozen=True, slots=True)
class Accepted:
    """The sales system has the order, now or from before, under this id of its own."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The sales system will never take this order as it is; a person must look at the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It is not known whether the order arrived, or the system can't take orders now: deliver again later."""

    reason: str


Delivery = Accepted | Refused | Unknown


class Connector(Protocol):
    """One sales system. `deliver` may block, but must give up by itself; it is called from the dispatcher's threads."""

    name: str

    def deliver(self, order: SalesOrder) -> Delivery:
        """Hand one order over. Any exception counts as Unknown."""

    def close(self) -> None:
        """Let go of connections."""
