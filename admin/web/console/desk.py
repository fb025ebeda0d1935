"""The agent desk's pages. Every answer is the changing part of the page for its script, the whole page without one."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from flask import Blueprint, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.web.console.access import allowed, person
from admin.web.console.agent_desk import AgentDesk, NotDue, owners_of
from admin.web.console.pages import back_to, console_texts, local, parts, reading, show, told
from admin.web.errors import web_error
from admin.web.sight import Sight
from orders.desk import DraftHeldElsewhere, DraftTaken
from orders.models import Article, CallbackRequest, CallbackWork, Draft, Retailer
from orders.standing import allocation_of
from orders.values import LineVerdict

views = Blueprint("console_desk", __name__)
MOST_CARTONS = 99_999


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last thing done has led to: a verdict to decide on, a message, or the read-back."""

    verdict: LineVerdict | None = None
    message: str = ""
    tone: str = "good"
    reviewing: bool = False
    replaces: str = ""


@views.get("/desk")
@allowed("desk.use")
def start() -> Response:
    """What this agent has open: drafts and call-backs."""
    mine, today = owners_of(person()), local(parts().now()).date()
    with reading() as session:
        drafts = session.execute(
            select(Draft, Retailer)
            .join(Retailer, Retailer.id == Draft.retailer_id)
            .where(Draft.owner.startswith(mine, autoescape=True), Draft.state == "open", Draft.order_day >= today)
        ).all()
        wishes = session.execute(
            select(CallbackRequest, Retailer)
            .join(CallbackWork, CallbackWork.request_id == CallbackRequest.id)
            .outerjoin(Retailer, Retailer.id == CallbackRequest.retailer_id)
            .where(CallbackWork.taken_by == person().name, CallbackRequest.state == "open")
        ).all()
        return show("desk_start.html", "desk", drafts=drafts, wishes=wishes)


@views.get("/desk/<int:number>")
@allowed("desk.use")
def desk(number: int) -> Response:
    with reading() as session:
        return _shown(session, number, Outcome())


@views.post("/desk/<int:number>/take")
@allowed("desk.use")
def take(number: int) -> Response:
    page = console_texts()
    with parts().store.transaction() as session:
        try:
            _at(session, number).take(take_over=bool(request.form.get("take_over")))
            outcome = Outcome(message=page.t("desk.taken"))
        except DraftHeldElsewhere:
            outcome = Outcome(message=page.t("desk.held"), tone="wait")
        except NotDue as why:
            outcome = Outcome(message=page.t(f"may.{why}"), tone="bad")
    return _now_shown(number, outcome)


@views.post("/desk/<int:number>/lines")
@allowed("desk.use")
def put(number: int) -> Response:
    """One line: `code` and `quantity`; with `settle` the limit is taken, `replaces` is what a substitute stands for."""
    code, quantity = request.form.get("code", "").strip().split(" ")[0], request.form.get("quantity", "").strip()
    settle: Literal["ask", "limit"] = "limit" if request.form.get("settle") else "ask"
    replaces = request.form.get("replaces", "").strip()
    page = console_texts()
    if not re.fullmatch(r"\d{1,5}", quantity, re.ASCII) or not re.fullmatch(r"\d{2,6}", code, re.ASCII):
        with reading() as session:
            return _shown(session, number, Outcome(message=page.t("desk.write_so"), tone="bad"), 400)
    if replaces and not re.fullmatch(r"\d{2,6}", replaces, re.ASCII):
        raise web_error(400, "bad_request")
    with parts().store.transaction() as session:
        try:
            verdict = _at(session, number).put(code, int(quantity), settle=settle, replaces=replaces)
            outcome = Outcome(verdict=verdict, replaces=replaces)
        except KeyError:
            outcome = Outcome(message=page.t("desk.no_article", code=code), tone="bad")
        except DraftTaken:
            outcome = Outcome(message=page.t("desk.lost"), tone="bad")
    return _now_shown(number, outcome)


@views.post("/desk/<int:number>/usual")
@allowed("desk.use")
def usual(number: int) -> Response:
    page = console_texts()
    with parts().store.transaction() as session:
        try:
            short = _at(session, number).fill_usual()
            text = page.t("desk.usual_short", number=short) if short else page.t("desk.usual")
            outcome = Outcome(message=text, tone="wait" if short else "good")
        except DraftTaken:
            outcome = Outcome(message=page.t("desk.lost"), tone="bad")
    return _now_shown(number, outcome)


@views.post("/desk/<int:number>/review")
@allowed("desk.use")
def review(number: int) -> Response:
    """The read-back: what is to be confirmed, word for word."""
    with reading() as session:
        basket = _at(session, number).basket()
        if basket is None or not basket.lines:
            return _shown(session, number, Outcome(message=console_texts().t("desk.empty"), tone="bad"))
        return _shown(session, number, Outcome(reviewing=True))


@views.post("/desk/<int:number>/confirm")
@allowed("desk.use")
def confirm(number: int) -> Response:
    """Place the order that was read back: this taking's draft, this version, this amount, or nothing."""
    owner = request.form.get("owner", "")
    try:
        version, amount = int(request.form.get("version", "")), int(request.form.get("amount", ""))
    except ValueError:
        raise web_error(400, "bad_request") from None
    page, placed = console_texts(), None
    with suppress(DraftTaken), parts().store.transaction() as session:
        placed = _at(session, number).confirm(owner, version, amount)
    if placed is None:
        return _now_shown(number, Outcome(message=page.t("desk.lost"), tone="bad"))
    if placed.order is None:
        reason = placed.refusal or "changed"
        return _now_shown(number, Outcome(message=page.t(f"desk.{reason}"), tone="wait", reviewing=reason == "changed"))
    # Only now: the commit holds the order and its outbox row.
    parts().order_placed()
    told("placed" if placed.sales_open else "registered", tail=placed.order.tail)
    return _gone_to(f"/orders/{placed.order.order_no}")


@views.post("/desk/<int:number>/release")
@allowed("desk.use")
def release(number: int) -> Response:
    with parts().store.transaction() as session:
        _at(session, number).release()
    told("draft_released")
    return _gone_to("/desk")


def _at(session: Session, number: int) -> AgentDesk:
    retailer = session.get(Retailer, number)
    if retailer is None:
        raise web_error(404, "not_found")
    return AgentDesk(session, parts(), person(), retailer)


def _now_shown(number: int, outcome: Outcome) -> Response:
    """As it stands after the transaction: no call waits while a page is made."""
    with reading() as session:
        return _shown(session, number, outcome)


def _shown(session: Session, number: int, outcome: Outcome, status: int = 200) -> Response:
    """The changing part for the page's script, or the whole page."""
    at = _at(session, number)
    values = {
        "retailer": at.retailer,
        "standing": at.standing(),
        "basket": at.basket(),
        "held_by": at.held_by(),
        "mine": at.is_mine(),
        "outcome": outcome,
    }
    if request.headers.get("X-Part"):
        page = console_texts()
        see = Sight(page, parts().zone, local(parts().now()))
        return make_response(
            render_template("console/desk_part.html", page=page, see=see, who=person(), **values), status
        )
    values["articles"] = session.scalars(select(Article).where(Article.on_sale).order_by(Article.code)).all()
    values["allocation"] = allocation_of(session, number, local(parts().now()).date())
    return show("desk.html", "desk", status, **values)


def _gone_to(path: str) -> Response:
    """Elsewhere: the page's script is told where, a browser is sent."""
    if request.headers.get("X-Part"):
        answer = make_response("", 204)
        answer.headers["X-Go-To"] = path
        return answer
    return back_to(path)
