"""How the domain answers a conversation: each `Ask` of the dialogue becomes one call of the desk and one event.

Runs inside the runner's transaction. No decision is taken here; the only knowledge is which question belongs to which
method of the desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ivr.dialogue import actions as wanted
from ivr.dialogue import events as told
from ivr.dialogue.actions import Ask
from ivr.dialogue.events import Answer
from orders.desk import Calls, DraftHeldElsewhere, DraftTaken, OrderDesk


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the call (owner of its draft), when it got a line, and the PIN keyed just now ("" at other stages)."""

    call: str
    at: datetime
    pin: str = ""


def answer(desk: OrderDesk, session: Session, asking: Asking, ask: Ask) -> Answer | told.LineResumed | None:
    """The domain's answer, or None for the actions that have none."""
    try:
        return (
            _identity(desk, session, asking, ask)
            or _basket(desk, session, asking, ask)
            or _errand(desk.calling, session, asking.call, ask)
        )
    except DraftHeldElsewhere:
        return told.DraftHeld()
    except DraftTaken:
        return told.DraftLost()


def _identity(desk: OrderDesk, session: Session, asking: Asking, ask: Ask) -> Answer | told.LineResumed | None:
    match ask:
        case wanted.FindRetailersByPhone(number):
            return told.RetailersFound(desk.retailers_by_phone(session, number))
        case wanted.FindRetailersByLicence(digits):
            return told.RetailersFound(desk.retailers_by_licence(session, digits))
        case wanted.CheckPin(_, keys) if keys != len(asking.pin):
            # The keys were typed to a process that is gone: no wrong PIN, so it is not counted, but asked for again.
            return told.LineResumed("keys lost")
        case wanted.CheckPin(retailer_id):
            return told.PinChecked(desk.check_pin(session, retailer_id, asking.pin))
        case wanted.LearnStanding(retailer_id):
            return told.StandingLearnt(desk.standing(session, retailer_id, asking.at))
        case wanted.FindOrders(retailer_id):
            return told.OrdersFound(desk.recent_orders(session, retailer_id))
        case wanted.FindAllocation(retailer_id):
            return told.AllocationFound(desk.allocation(session, retailer_id, asking.at))
        case wanted.RequestCallback(retailer_id, number, reason, stage):
            stored = desk.request_callback(
                session,
                owner=asking.call,
                retailer_id=retailer_id or None,
                number=number,
                reason=reason,
                stage=stage,
                at=asking.at,
            )
            return told.CallbackStored(stored)
    return None


def _basket(desk: OrderDesk, session: Session, asking: Asking, ask: Ask) -> Answer | told.LineResumed | None:
    owner = asking.call
    match ask:
        case wanted.OpenDraft(retailer_id, order_day, take_over, anew):
            opened = desk.open_draft(session, retailer_id, order_day, owner, take_over=take_over, anew=anew)
            return told.DraftOpened(opened)
        case wanted.FillUsual():
            return told.UsualFilled(*desk.fill_usual(session, owner))
        case wanted.FindArticle(code):
            offer = desk.offer(session, owner, code)
            return told.ArticleFound(offer) if offer else told.ArticleUnknown(code)
        case wanted.PutLine(code, requested, settle, replaces):
            verdict = desk.put_line(session, owner, code, requested, settle=settle, replaces=replaces)
            return told.LinePut(verdict)
        case wanted.ReviewBasket():
            return told.BasketReviewed(desk.basket(session, owner))
        case wanted.PlaceOrder(version, amount_fen):
            return told.OrderDecided(desk.place_order(session, owner, version, amount_fen, asking.at))
        case wanted.ReleaseDraft():
            desk.release_draft(session, owner)
    return None


def _errand(desk: Calls, session: Session, call: str, ask: Ask) -> Answer | None:
    match ask:
        case wanted.CheckErrand():
            return told.ErrandChecked(desk.answered(session, call))
        case wanted.PromiseCall():
            return told.CallPromised(desk.promise(session, call))
        case wanted.RefuseCalls():
            desk.refuse(session, call)
            return told.CallsRefused()
        case wanted.SettleErrand(result):
            desk.settle(session, call, result)
    return None
