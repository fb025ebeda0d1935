"""What every sales system must be able to do for us, and the plain order it is given.

The order key is the promise: the same key is the same order for ever, however often it is delivered. A connector
never guesses: what it does not know to be delivered or refused is `Unknown`, and will be delivered again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol


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
    """It is not known whether the order arrived, or the system can't take orders now: deliver again later.

    `about_this_order`: the trouble lies with this order, and says nothing about whether the system takes others.
    """

    reason: str
    about_this_order: bool = False


Delivery = Accepted | Refused | Unknown

HeldStatus = Literal["accepted", "awaiting_debit", "debited", "rejected"]
"""What became of an order there: booked (已入账), awaiting debit (待扣款), debited (已扣款), or taken out again."""
HELD_STATUSES: dict[str, HeldStatus] = {
    "accepted": "accepted",
    "awaiting_debit": "awaiting_debit",
    "debited": "debited",
    "rejected": "rejected",
}


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One line as the sales system holds it: cartons, fen a carton."""

    article_code: str
    accepted: int
    price_fen: int


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order as the sales system holds it, known by our key; its lines in any order."""

    order_key: str
    external_id: str
    amount_fen: int
    lines: tuple[HeldLine, ...]
    status: HeldStatus
    reason: str = ""


class Unreachable(Exception):
    """The sales system can't be asked now; the message says why. Ask again later."""


class Claim(Protocol):
    """Which object of the sales system this order is to become, kept on our side.

    For systems that know no unique key: two deliveries may each make an unbinding draft there; the first to note its
    id here wins, and only that one is made binding. Each call is a transaction of its own.
    """

    def standing(self) -> str:
        """The id noted, "" while there is none."""

    def note(self, external_id: str) -> str:
        """Note this id unless another stands; returns the one that stands."""


class Connector(Protocol):
    """One sales system. Every method may block, but must give up by itself within `outbox.LEASE`; it is called from
    several threads at once, though never for two orders of one retailer.
    """

    name: str

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:
        """Hand one order over. Any exception counts as Unknown about this order."""

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        """Every order of ours of that day (ISO) which the sales system holds. Raises Unreachable."""

    def close(self) -> None:
        """Let go of connections."""
