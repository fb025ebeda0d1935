"""The desk of `orders.desk`, put together from the domain's modules. Holds the rules and the clock, no state.

`at` of a call (when it got a line) decides about order day and cut-off; `now` is only for leases, locks and records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders import baskets, identification, placing, standing
from orders.calling.desk import CallingDesk
from orders.models import AuditEntry, CallbackRequest, Order
from orders.supply import article_on_sale
from orders.values import (
    AllocationLine,
    Basket,
    LineVerdict,
    Offer,
    OrderSummary,
    PinVerdict,
    Placement,
    RetailerCard,
    Standing,
)

MOST_ORDERS_HEARD = 3


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DomainOrderDesk:
    """`orders.desk.OrderDesk` over the models. `pin_key` is the secret under which PINs were hashed."""

    pin_key: bytes
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    rules: baskets.BasketRules = field(default_factory=baskets.BasketRules)
    now: Callable[[], datetime] = _utc_now
    calling: CallingDesk = field(default_factory=CallingDesk)

    def retailers_by_phone(self, session: Session, number: str) -> tuple[RetailerCard, ...]:
        return identification.by_phone(session, number)

    def retailers_by_licence(self, session: Session, digits: str) -> tuple[RetailerCard, ...]:
        return identification.by_licence(session, digits)

    def check_pin(self, session: Session, retailer_id: int, pin: str) -> PinVerdict:
        return identification.check_pin(session, retailer_id, pin, self.pin_key, self.now())

    def standing(self, session: Session, retailer_id: int, at: datetime) -> Standing:
        return standing.standing_of(session, retailer_id, at, self.zone)

    def open_draft(
        self, session: Session, retailer_id: int, order_day: str, owner: str, *, take_over: bool, anew: bool
    ) -> Basket:
        day = date.fromisoformat(order_day)
        return baskets.open_draft(session, retailer_id, day, owner, self.now(), take_over=take_over, anew=anew)

    def release_draft(self, session: Session, owner: str) -> None:
        baskets.release(session, owner)

    def fill_usual(self, session: Session, owner: str) -> tuple[Basket, int]:
        return baskets.fill_usual(session, baskets.owned_draft(session, owner, self.now()), self.rules)

    def offer(self, session: Session, owner: str, code: str) -> Offer | None:
        draft = baskets.owned_draft(session, owner, self.now())
        article = article_on_sale(session, code)
        return baskets.offer_of(article, draft) if article else None

    def put_line(
        self, session: Session, owner: str, code: str, requested: int, *, settle: Literal["ask", "limit"], replaces: str
    ) -> LineVerdict:
        draft = baskets.owned_draft(session, owner, self.now())
        return baskets.put_line(session, draft, code, requested, settle=settle, replaces=replaces, rules=self.rules)

    def basket(self, session: Session, owner: str) -> Basket:
        return baskets.basket_of(session, baskets.owned_draft(session, owner, self.now()))

    def place_order(self, session: Session, owner: str, version: int, amount_fen: int, at: datetime) -> Placement:
        blocked = standing.blocked_for(session, owner, at, self.zone)
        if blocked:
            return Placement("refused", None, placing.sales_open(session), Basket(version), blocked)
        return placing.place(session, owner, version, amount_fen, self.now(), self.rules)

    def recent_orders(self, session: Session, retailer_id: int) -> tuple[OrderSummary, ...]:
        query = (
            select(Order)
            .where(Order.retailer_id == retailer_id)
            .order_by(Order.placed_at.desc(), Order.id.desc())
            .limit(MOST_ORDERS_HEARD)
        )
        return tuple(placing.summary_of(order) for order in session.scalars(query))

    def allocation(self, session: Session, retailer_id: int, at: datetime) -> tuple[AllocationLine, ...]:
        return standing.allocation_of(session, retailer_id, at.astimezone(self.zone).date())

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
        query = select(CallbackRequest).where(
            CallbackRequest.call_id == owner, CallbackRequest.reason == reason, CallbackRequest.state == "open"
        )
        request = session.scalar(query)
        if request is None:
            request = CallbackRequest(
                call_id=owner, retailer_id=retailer_id, number=number, reason=reason, stage=stage, requested_at=at
            )
            session.add(request)
            session.flush()
        return request.id


def unlock(session: Session, licence_no: str, actor: str) -> bool:
    """Lift a PIN lock by hand; see `identification.unlock_pin`."""
    return identification.unlock_pin(session, licence_no, actor, _utc_now())


def audit(session: Session, actor: str, what: str, about: str, detail: str = "") -> None:
    """Write one line into the append-only audit."""
    session.add(AuditEntry(at=_utc_now(), actor=actor, what=what, about=about, detail=detail))
