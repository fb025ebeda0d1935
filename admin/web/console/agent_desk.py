"""What an agent does with a retailer's draft: take, edit, confirm, give back; by the caller's own limits and locks.

Each taking makes an owner of its own, of the agent, the retailer and a tag: an agent may have several drafts open, and
what was read back of one can never be taken for another. Cut-off counts as it does for a caller: whoever asked to be
called back in time orders in time, once.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Literal

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from admin.staff.accounts import Person
from admin.web.console.parts import ConsoleParts
from admin.web.console.retailer_facts import open_draft_of
from orders.baskets import basket_of
from orders.desk import DraftTaken
from orders.models import AuditEntry, CallbackRequest, CallbackWork, Draft, Order, Retailer
from orders.values import Basket, LineVerdict, Placement, Standing


class NotDue(ValueError):
    """This retailer may not order now; the message is the word for why (`Standing.may_order`)."""


def owners_of(person: Person) -> str:
    """What all owners begin with that this agent writes as."""
    return f"agent:{person.name}:"


class AgentDesk:
    """One agent at one retailer, inside the caller's transaction."""

    def __init__(self, session: Session, parts: ConsoleParts, person: Person, retailer: Retailer) -> None:
        self._session, self._parts, self._person = session, parts, person
        self.retailer = retailer
        self._owners = f"{owners_of(person)}{retailer.id}:"

    def moment(self) -> datetime:
        """When the retailer got its place in the queue: now, or when it asked for the call-back this agent has."""
        now = self._parts.now()
        query = (
            select(CallbackRequest.requested_at)
            .join(CallbackWork, CallbackWork.request_id == CallbackRequest.id)
            .where(
                CallbackRequest.retailer_id == self.retailer.id,
                CallbackRequest.state == "open",
                CallbackWork.taken_by == self._person.name,
                # One wish, one order: what is ordered after it takes its own place in the queue.
                ~exists().where(
                    Order.retailer_id == CallbackRequest.retailer_id, Order.placed_at >= CallbackRequest.requested_at
                ),
            )
            .order_by(CallbackRequest.requested_at)
            .limit(1)
        )
        asked = self._session.scalar(query)
        zone = self._parts.zone
        return asked if asked and asked.astimezone(zone).date() == now.astimezone(zone).date() else now

    def standing(self) -> Standing:
        return self._parts.desk.standing(self._session, self.retailer.id, self.moment())

    def draft(self) -> Draft | None:
        return open_draft_of(self._session, self.retailer.id, date.fromisoformat(self.standing().order_day))

    def basket(self) -> Basket | None:
        """The draft as it stands, whoever writes it; None when there is none."""
        draft = self.draft()
        return basket_of(self._session, draft) if draft else None

    def held_by(self) -> str:
        """Who writes the draft now: an owner with a lease, "" for nobody."""
        draft = self.draft()
        is_held = bool(draft and draft.owner and draft.owned_until and draft.owned_until > self._parts.now())
        return draft.owner if draft and is_held else ""

    def is_mine(self) -> bool:
        """Whether this agent writes the draft now."""
        return self.held_by().startswith(self._owners)

    def take(self, *, take_over: bool) -> Basket:
        """Own the draft. Raises NotDue, DraftHeldElsewhere."""
        standing = self.standing()
        if standing.may_order != "yes":
            raise NotDue(standing.may_order)
        held = self.held_by()
        owner = held if self.is_mine() else f"{self._owners}{secrets.token_hex(3)}"
        basket = self._parts.desk.open_draft(
            self._session, self.retailer.id, standing.order_day, owner, take_over=take_over, anew=False
        )
        if held != owner:
            self._note("draft_taken", f"from {held}" if held else "")
        return basket

    def put(self, code: str, requested: int, *, settle: Literal["ask", "limit"], replaces: str) -> LineVerdict:
        """Set a line; see `orders.desk.OrderDesk.put_line`. Raises DraftTaken, KeyError."""
        return self._parts.desk.put_line(
            self._session, self._owner(), code, requested, settle=settle, replaces=replaces
        )

    def fill_usual(self) -> int:
        """The usual basket; how many of its lines could not be had in full. Raises DraftTaken."""
        return self._parts.desk.fill_usual(self._session, self._owner())[1]

    def confirm(self, owner: str, version: int, amount_fen: int) -> Placement:
        """Place what was read back of the draft that was taken as `owner`. Raises DraftTaken."""
        if not owner.startswith(self._owners):
            raise DraftTaken("this was read back by somebody else")
        placed = self._parts.desk.place_order(self._session, owner, version, amount_fen, self.moment())
        if placed.outcome == "placed" and placed.order:
            self._note("order_placed", placed.order.order_no)
        return placed

    def release(self) -> None:
        """Give the draft back: its lines stay for the next call."""
        if self.is_mine():
            self._parts.desk.release_draft(self._session, self.held_by())
            self._note("draft_released", "")

    def _owner(self) -> str:
        """As whom this agent has the draft of the day, though the lease may have run out; nobody took it since."""
        draft = self.draft()
        if draft is None or not draft.owner.startswith(self._owners):
            raise DraftTaken("this agent has no draft of this retailer and day")
        return draft.owner

    def _note(self, what: str, detail: str) -> None:
        about = f"retailer {self.retailer.id}"
        at, actor = self._parts.now(), self._person.name
        self._session.add(AuditEntry(at=at, actor=actor, what=what, about=about, detail=detail))
