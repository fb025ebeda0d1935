"""Who waits to be called back: taken, given back, done; the assisted ones first, then by waiting time."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, console_texts, parts, reading, show, told
from admin.web.errors import web_error
from orders.callbacks import CallbackTaken, close_callback, give_callback_back, take_callback
from orders.models import CallbackRequest, CallbackWork, Retailer

views = Blueprint("console_callbacks", __name__)
MOST = 100


@views.get("/callbacks")
@allowed("callbacks.work")
def callbacks() -> Response:
    done = request.args.get("show") == "done"
    query = (
        select(CallbackRequest, CallbackWork, Retailer)
        .outerjoin(CallbackWork, CallbackWork.request_id == CallbackRequest.id)
        .outerjoin(Retailer, Retailer.id == CallbackRequest.retailer_id)
        .limit(MOST)
    )
    if done:
        query = query.where(CallbackRequest.state != "open").order_by(CallbackRequest.id.desc())
    else:
        first = func.coalesce(Retailer.assisted, False).desc()
        query = query.where(CallbackRequest.state == "open").order_by(first, CallbackRequest.requested_at)
    with reading() as session:
        rows = session.execute(query).unique().all()
        waiting = session.scalar(
            select(func.count()).select_from(CallbackRequest).where(CallbackRequest.state == "open")
        )
        return show("callbacks.html", "callbacks", rows=rows, done=done, waiting=waiting)


@views.post("/callbacks/<int:number>/take")
@allowed("callbacks.work")
def take(number: int) -> Response:
    def work(session: Session) -> None:
        take_callback(session, number, person().name, parts().now())

    return _worked(work, "callback_taken")


@views.post("/callbacks/<int:number>/give-back")
@allowed("callbacks.work")
def give_back(number: int) -> Response:
    def work(session: Session) -> None:
        give_callback_back(session, number, person().name, parts().now())

    return _worked(work, "callback_given_back")


@views.post("/callbacks/<int:number>/done")
@allowed("callbacks.work")
def done(number: int) -> Response:
    result = request.form.get("result", "")

    def work(session: Session) -> None:
        close_callback(session, number, person().name, parts().now(), result)

    return _worked(work, "callback_closed")


def _worked(work: Callable[[Session], None], name: str) -> Response:
    try:
        with parts().store.transaction() as session:
            work(session)
    except CallbackTaken as taken:
        page = console_texts()
        who = str(taken)
        is_closed = who in ("", "closed")
        complained(page.t("trouble.callback_closed") if is_closed else page.t("trouble.callback_taken", who=who))
    except KeyError:
        raise web_error(404, "not_found") from None
    else:
        told(name)
    return back_to("/callbacks")
