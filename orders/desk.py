"""What a conversation may ask of the domain: one port, answered inside the caller's own transaction.

Every method takes the open SQLAlchemy session of the step that asks, so that state, event, basket and outbox commit
together or not at all. Nothing here speaks, waits or commits. The implementation is `orders.order_desk`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from orders.values import (
    AllocationLine,
    Basket,
    CallResult,
    LineVerdict,
    Offer,
    OrderSummary,
    PinVerdict,
    Placement,
    RetailerCard,
    Standing,
)


class DraftHeldElsewhere(Exception):
    """Another call (or agent) is writing this retailer's draft; `take_over=True` takes it from there."""


class DraftTaken(Exception):
    """This call no longer owns the draft: somebody took it over. Nothing was changed."""


class Calls(Protocol):
    """What a conversation may ask when it is we who called; `call` is the call's id."""

    def answered(self, session: Session, call: str) -> str:
        """Somebody has picked up: "" when we may talk to it, else why there is no reason to any more."""

    def refuse(self, session: Session, call: str) -> None:
        """The retailer wants no more calls: final from this moment on, for every campaign and number."""

    def promise(self, session: Session, call: str) -> str:
        """When it is called again as it asked ("15:30", local time), or "" when the rules allow no time."""

    def settle(self, session: Session, call: str, outcome: CallResult) -> None:
        """The call is over: note what came of it. Once only; later ones change nothing."""


class OrderDesk(Protocol):
    """Retailers, drafts and orders as a phone call may use them. `owner` is the call's id, `at` when it got a line."""

    @property
    def calling(self) -> Calls:
        """What a conversation may ask when it is we who called."""

    def retailers_by_phone(self, session: Session, number: str) -> tuple[RetailerCard, ...]:
        """Active retailers that registered this number (primary or backup), at most 5; normalised first."""

    def retailers_by_licence(self, session: Session, digits: str) -> tuple[RetailerCard, ...]:
        """Retailers whose licence number ends in these 6 digits, or is these 12."""

    def check_pin(self, session: Session, retailer_id: int, pin: str) -> PinVerdict:
        """Count the failure or clear the count; the third failure in a row locks the account for the keypad."""

    def standing(self, session: Session, retailer_id: int, at: datetime) -> Standing:
        """Due or not, suspended or not, draft, usual basket and today's order."""

    def open_draft(
        self, session: Session, retailer_id: int, order_day: str, owner: str, *, take_over: bool, anew: bool
    ) -> Basket:
        """Own the draft of this order day (created when missing; emptied when `anew`).

        Raises DraftHeldElsewhere when another live owner has it and `take_over` is false.
        """

    def release_draft(self, session: Session, owner: str) -> None:
        """Give up whatever draft this owner holds; the lines stay until cut-off."""

    def fill_usual(self, session: Session, owner: str) -> tuple[Basket, int]:
        """Replace the owner's draft with the usual basket under today's limits and stock.

        Returns the basket and how many lines could not be had as usual. Raises DraftTaken.
        """

    def offer(self, session: Session, owner: str, code: str) -> Offer | None:
        """The article of this short code, or None when none is on sale. Raises DraftTaken."""

    def put_line(
        self, session: Session, owner: str, code: str, requested: int, *, settle: Literal["ask", "limit"], replaces: str
    ) -> LineVerdict:
        """Set the line of this article to `requested` cartons; 0 removes it.

        settle="ask" changes nothing when less can be had and says so; "limit" accepts what can be had.
        `replaces` is the code that this article is a substitute for, or "". Raises DraftTaken; KeyError for a code
        that is not on sale.
        """

    def basket(self, session: Session, owner: str) -> Basket:
        """The owner's draft as it stands. Raises DraftTaken."""

    def place_order(self, session: Session, owner: str, version: int, amount_fen: int, at: datetime) -> Placement:
        """Turn the owner's draft, as reviewed in `version` at the total heard, into an order with its outbox row.

        `amount_fen` 0 leaves the total unchecked. What moved meanwhile (stock, limits, prices) is "changed": nothing is
        placed, and the basket is to be heard again.

        The same draft gives the same order for ever, however often this is asked. Raises DraftTaken.
        """

    def recent_orders(self, session: Session, retailer_id: int) -> tuple[OrderSummary, ...]:
        """The retailer's last three orders, newest first."""

    def allocation(self, session: Session, retailer_id: int, at: datetime) -> tuple[AllocationLine, ...]:
        """The retailer's own limits of this period: articles with a limit, tight goods first."""

    def request_callback(
        self,
        session: Session,
        *,
        owner: str,
        retailer_id: int | None,
        number: str,
        reason: str,
        stage: str,
        at: datetime,
    ) -> int:
        """Store the wish to be called back (one open request a call) and return its number."""
