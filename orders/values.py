"""Plain values of the domain that other packages may hold: frozen, JSON-able, free of the database.

No SQLAlchemy here, no clock, no text that is spoken (wording is data of `speech`). Money is whole fen (1/100 yuan),
quantities are cartons (条), days are ISO dates ("2026-11-27"), so that each value survives a round trip through JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]
Category = Literal["tight", "supplementary", "regular"]
LimitReason = Literal["", "allocation", "retailer_limit", "order_limit", "stock"]
OrderStatus = Literal["registered", "accepted", "awaiting_debit", "debited", "rejected"]
CallResult = Literal[
    "ordered",
    "not_ordered",  # talked to us, did not order
    "asked_later",
    "opted_out",
    "wants_agent",
    "heard",  # a notice, and said so
    "hung_up_early",
    "no_key",  # heard it all and pressed nothing: a machine, or nobody at the telephone
    "voicemail",
    "called_off",  # it rang or answered when there was no reason to call any more
    "no_answer",
    "busy",
    "declined",
    "bad_number",
    "line_failed",  # our side: it never rang
    "not_known",  # our node died while dialling
]
"""What can come of one call to a retailer."""


@dataclass(frozen=True, slots=True)
class Names:
    """One name in each language; English falls back to Chinese where none was entered."""

    zh: str
    en: str

    def said_in(self, language: Language) -> str:
        return self.en if language == "en" and self.en else self.zh


@dataclass(frozen=True, slots=True)
class RetailerCard:
    """What a caller may learn of a retailer before its PIN: the shop's name, in which language to speak."""

    retailer_id: int
    shop: Names
    language: Language


@dataclass(frozen=True, slots=True)
class PinVerdict:
    """What became of one PIN entry; a lock holds across calls and lines until staff lift it."""

    outcome: Literal["accepted", "rejected", "locked"]
    tries_left: int = 0


@dataclass(frozen=True, slots=True)
class BasketSize:
    """How many kinds and cartons, for 「三种二十二条」."""

    kinds: int
    cartons: int


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order as its retailer may hear it; `tail` is the last four digits of the order number."""

    order_no: str
    tail: str
    order_day: str
    kinds: int
    cartons: int
    amount_fen: int
    status: OrderStatus


@dataclass(frozen=True, slots=True)
class Suspension:
    """Why an area does not order now (3.2.1, 3.2.2) and from which day it orders again ("" = not yet known)."""

    reason: Literal["weather", "system", "licence", "other"]
    area: Names
    resumes_on: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What an identified retailer may do on this call; read once after the PIN and again before each order.

    `may_order` is decided by the moment the caller got a line, not by the moment of the question.
    """

    retailer_id: int
    shop: Names
    language: Language
    assisted: bool
    may_order: Literal["yes", "not_due", "past_cutoff", "suspended"]
    order_day: str
    cutoff: str
    next_order_day: str
    suspension: Suspension | None = None
    draft: BasketSize | None = None
    usual: BasketSize | None = None
    placed: OrderSummary | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """An article as it may be offered to this retailer now; `in_basket` is the accepted quantity in its draft."""

    code: str
    name: Names
    category: Category
    price_fen: int
    in_basket: int = 0


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One accepted line; `position` counts from 1 as the caller hears it."""

    position: int
    code: str
    name: Names
    requested: int
    accepted: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Basket:
    """A draft's accepted lines, in the order they were entered. `version` grows with each change of the draft."""

    version: int
    lines: tuple[BasketLine, ...] = ()

    @property
    def kinds(self) -> int:
        return len(self.lines)

    @property
    def cartons(self) -> int:
        return sum(line.accepted for line in self.lines)

    @property
    def amount_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines)

    def line_at(self, position: int) -> BasketLine | None:
        return next((line for line in self.lines if line.position == position), None)


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What became of one requested quantity. The demand is stored in every case (D5-12), also when nothing is accepted.

    accepted      the line stands with `accepted` cartons (the quantity asked for)
    limited       nothing changed yet: at most `limit` cartons can be had, because of `reason`; the caller decides
    out_of_stock  nothing changed: no stock; `substitute` is a same-grade article with stock and allowance, if any
    not_supplied  nothing changed: this retailer gets none of it this period (tight or controlled goods)
    removed       the line is gone (quantity 0)
    """

    outcome: Literal["accepted", "limited", "out_of_stock", "not_supplied", "removed"]
    offer: Offer
    requested: int
    accepted: int
    limit: int
    reason: LimitReason
    substitute: Offer | None
    basket: Basket


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of the wish to place the draft as an order.

    placed   `order` exists and its outbox row with it, in this transaction; `sales_open` tells whether the sales
             system takes orders at present: if not, the caller hears "registered", never "accepted"
    changed  stock, limits or prices moved since the review: `basket` is what can be had now; nothing was placed
    refused  this draft can't be placed on this call (empty, cut-off, suspension)
    """

    outcome: Literal["placed", "changed", "refused"]
    order: OrderSummary | None
    sales_open: bool
    basket: Basket
    refusal: Literal["", "empty", "past_cutoff", "suspended"] = ""


@dataclass(frozen=True, slots=True)
class AllocationLine:
    """One article of the retailer's own supply publication (货源公开): its limit this period and what is used of it."""

    code: str
    name: Names
    category: Category
    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class Errand:
    """Why we call a retailer, as its conversation needs it. Nothing in here may be said to a machine but the number.

    `cutoff` is "16:00", `words` are a notice's sentences; `callback_number` is told to a voicemail, or "".
    """

    kind: Literal["reminder", "notice"]
    retailer_id: int
    language: Language
    assisted: bool
    cutoff: str
    words: tuple[str, ...] = ()
    callback_number: str = ""
    by_machine: bool = False
