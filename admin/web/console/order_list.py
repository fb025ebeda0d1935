"""Orders and what became of them at the sales system; dead letters with their reason and the button to send again."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, request
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, console_texts, local, parts, reading, show, told
from admin.web.errors import web_error
from orders.models import Article, AuditEntry, Order, OutboxRow, Retailer, SalesLink
from orders.outbox import retry_dead
from orders.placing import SALES_LINK

views = Blueprint("console_orders", __name__)
PAGE, MOST_DEAD = 50, 1000
STATUSES = ("registered", "accepted", "awaiting_debit", "debited", "rejected")


@views.get("/orders")
@allowed("orders.see")
def orders() -> Response:
    """One order day, newest first; or found by number; or the dead letters of any day."""
    wanted, status, dead = request.args.get("no", "").strip(), request.args.get("status", ""), "dead" in request.args
    day = _day(request.args.get("day", ""))
    query = _listed()
    if wanted:
        query = query.where(Order.order_no == wanted if len(wanted) > 4 else Order.order_no.endswith(wanted[-4:]))
    if dead:
        query = query.where(Order.id.in_(_dead_orders()))
    elif not wanted or len(wanted) <= 4:
        query = query.where(Order.order_day == day)
    if status in STATUSES:
        query = query.where(Order.status == status)
    before = request.args.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 12:
        query = query.where(Order.id < int(before))
    dead_count = select(func.count()).select_from(OutboxRow).where(OutboxRow.state == "dead")
    with reading() as session:
        rows = session.execute(query.limit(PAGE + 1)).unique().all()
        return show(
            "orders.html",
            "orders",
            rows=rows[:PAGE],
            more=len(rows) > PAGE,
            day=day,
            no=wanted,
            chosen_status=status,
            dead=dead,
            statuses=STATUSES,
            dead_letters=session.scalar(dead_count) or 0,
            link=session.get(SalesLink, SALES_LINK),
        )


@views.get("/orders/<order_no>")
@allowed("orders.see")
def order(order_no: str) -> Response:
    with reading() as session:
        found = session.execute(_listed().where(Order.order_no == order_no)).unique().first()
        if found is None:
            raise web_error(404, "not_found")
        codes = [line.article_code for line in found[0].lines]
        articles = {one.code: one for one in session.scalars(select(Article).where(Article.code.in_(codes)))}
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.about == found[0].order_key).order_by(AuditEntry.id.desc()).limit(20)
        ).all()
        values: dict[str, Any] = {"order": found[0], "retailer": found[1], "outbox": found[2]}
        return show("order.html", "orders", articles=articles, entries=entries, **values)


@views.post("/orders/<order_no>/retry")
@allowed("orders.retry")
def retry(order_no: str) -> Response:
    """Send a dead order again: the same key never makes a second order over there."""
    with parts().store.transaction() as session:
        one = session.scalar(select(Order).where(Order.order_no == order_no))
        if one is None:
            raise web_error(404, "not_found")
        sent = retry_dead(session, one.order_key, parts().now())
        if sent:
            actor, about = person().name, one.order_key
            session.add(AuditEntry(at=parts().now(), actor=actor, what="order_sent_again", about=about))
    if sent:
        parts().order_placed()
        told("sent_again", order_no=order_no)
    else:
        complained(console_texts().t("trouble.not_dead"))
    return back_to(f"/orders/{order_no}")


def _dead_orders() -> list[int]:
    """By their ids, in two steps: else SQLite, which sees that almost all rows are alike, reads a whole table."""
    dead = select(OutboxRow.id).where(OutboxRow.state == "dead").limit(MOST_DEAD)
    with reading() as session:
        rows = session.scalars(dead).all()
        return list(session.scalars(select(OutboxRow.order_id).where(OutboxRow.id.in_(rows))))


def _listed() -> Any:
    scope = person().scope
    query = (
        select(Order, Retailer, OutboxRow)
        .join(Retailer, Retailer.id == Order.retailer_id)
        .outerjoin(OutboxRow, OutboxRow.order_id == Order.id)
        .options(selectinload(Order.lines))
        .order_by(Order.id.desc())
    )
    return query if scope is None else query.where(Retailer.manager_id == scope)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return local(parts().now()).date()
