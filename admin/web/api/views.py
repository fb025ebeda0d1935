"""The operations of the API: token checked, parameters checked, one page of what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from importlib.metadata import version
from typing import ParamSpec

import msgspec
from flask import Blueprint, Response, g, request
from flask_limiter import Limiter
from msgspec import Struct
from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from admin.staff.tokens import Scope, program_of
from admin.web.api import intake, shapes
from admin.web.api.care import CARE, CARE_ANSWERS
from admin.web.api.document import Operation, Parameter, document
from admin.web.console.call_record import transcript_of
from admin.web.console.live import MOST_EVENTS
from admin.web.console.pages import parts, reading
from admin.web.errors import web_error
from orders.finding import find_retailers
from orders.models import Article, Call, CallEvent, Order, OutboxRow, Retailer

Arguments = ParamSpec("Arguments")
AT_MOST = "600 per minute"
USUAL, MOST = 100, 500

_AFTER = Parameter("after", "`next` of the page before")
_LIMIT = Parameter("limit", f"how many, {USUAL} unless told, {MOST} at most", kind="integer")
_STATUS = Parameter("status", "registered, accepted, awaiting_debit, debited or rejected")
OPERATIONS = (
    Operation(
        "orders",
        "/orders",
        "Orders of a day, or since a moment, in the order in which they were placed",
        "orders.read",
        shapes.OrderPage,
        (
            Parameter("day", "the order day", form="date"),
            Parameter("since", "placed at or after this moment", form="date-time"),
            _STATUS,
            _AFTER,
            _LIMIT,
        ),
    ),
    Operation(
        "order",
        "/orders/{order_no}",
        "One order",
        "orders.read",
        shapes.OrderShape,
        (Parameter("order_no", "its number", where="path"),),
    ),
    Operation(
        "retailers",
        "/retailers",
        "Retailers, all or those found as staff type: licence, phone, name, pinyin initials",
        "retailers.read",
        shapes.RetailerPage,
        (Parameter("q", "what to look for"), _AFTER, _LIMIT),
    ),
    Operation(
        "retailer",
        "/retailers/{licence_no}",
        "One retailer",
        "retailers.read",
        shapes.RetailerShape,
        (Parameter("licence_no", "its 12 digits", where="path"),),
    ),
    Operation("articles", "/articles", "The catalogue with stock", "catalogue.read", shapes.ArticleList),
    Operation(
        "calls",
        "/calls",
        "Calls since a moment, or those going on",
        "calls.read",
        shapes.CallPage,
        (
            Parameter("since", "began at or after this moment", form="date-time"),
            Parameter("open", "true: only those going on", kind="boolean"),
            _AFTER,
            _LIMIT,
        ),
    ),
    Operation(
        "call",
        "/calls/{id}",
        "One call with what was said and keyed",
        "calls.read",
        shapes.CallWithTranscript,
        (Parameter("id", "its id", where="path"),),
    ),
    Operation(
        "online_orders",
        "/online-orders",
        "Take in online orders: a retailer who has one is not reminded; again changes nothing",
        "online_orders.write",
        intake.IntakeReport,
        body=intake.OnlineOrders,
    ),
    Operation(
        "settlements",
        "/settlements",
        "Take in what became of orders; a state never leads back, again changes nothing",
        "settlements.write",
        intake.IntakeReport,
        body=intake.Settlements,
    ),
    *CARE,
)


def api_views(limiter: Limiter) -> Blueprint:
    """/api/v1."""
    views = Blueprint("api", __name__, url_prefix="/api/v1")
    described = document(OPERATIONS, version("orderline"))
    answers: dict[str, Callable[..., Struct]] = {
        "orders": orders,
        "order": order,
        "retailers": retailers,
        "retailer": retailer,
        "articles": articles,
        "calls": calls,
        "call": call,
        "online_orders": intake.take_online_orders,
        "settlements": intake.take_settlements,
        **CARE_ANSWERS,
    }
    for operation in OPERATIONS:
        rule = operation.path.replace("{", "<").replace("}", ">")
        view = limiter.limit(AT_MOST, key_func=_who)(_for(operation.scope, answers[operation.name]))
        views.add_url_rule(rule, operation.name, view, methods=[operation.method.upper()])

    @views.get("/openapi.json")
    def openapi() -> Response:
        return _json(described)

    return views


def orders() -> shapes.OrderPage:
    limit, after = _limit(), _number("after")
    query = _orders().order_by(Order.id).where(Order.id > after).limit(limit + 1)
    if "day" in request.args:
        query = query.where(Order.order_day == _day("day"))
    if "since" in request.args:
        query = query.where(Order.placed_at >= _moment("since"))
    if status := request.args.get("status"):
        query = query.where(Order.status == status)
    with reading() as session:
        rows = session.execute(query).unique().all()
        found = [shapes.order_shape(*row) for row in rows[:limit]]
        return shapes.OrderPage(found, str(rows[limit - 1][0].id) if len(rows) > limit else None)


def order(order_no: str) -> shapes.OrderShape:
    with reading() as session:
        row = session.execute(_orders().where(Order.order_no == order_no)).unique().first()
        if row is None:
            raise web_error(404, "not_found")
        return shapes.order_shape(*row)


def retailers() -> shapes.RetailerPage:
    limit, text, after = _limit(), request.args.get("q", ""), request.args.get("after", "")[:12]
    with reading() as session:
        found = find_retailers(session, text, scope=None, most=limit, after=after)
        rows = [shapes.retailer_shape(one) for one in found.retailers]
        return shapes.RetailerPage(rows, rows[-1].licence_no if found.more else None)


def retailer(licence_no: str) -> shapes.RetailerShape:
    with reading() as session:
        one = session.scalar(select(Retailer).where(Retailer.licence_no == licence_no))
        if one is None:
            raise web_error(404, "not_found")
        return shapes.retailer_shape(one)


def articles() -> shapes.ArticleList:
    with reading() as session:
        rows = session.scalars(select(Article).order_by(Article.code))
        return shapes.ArticleList([shapes.article_shape(one) for one in rows])


def calls() -> shapes.CallPage:
    """Page by page along the time of their beginning; `after` is that time and the id."""
    limit = _limit()
    query = (
        select(Call, Retailer.licence_no)
        .outerjoin(Retailer, Retailer.id == Call.retailer_id)
        .order_by(Call.started_at, Call.id)
        .limit(limit + 1)
    )
    if "since" in request.args:
        query = query.where(Call.started_at >= _moment("since"))
    if request.args.get("open") == "true":
        query = query.where(Call.ended_at.is_(None))
    if after := request.args.get("after", ""):
        text, _, last = after.partition("~")
        began = _moment_of(text)
        query = query.where((Call.started_at > began) | ((Call.started_at == began) & (Call.id > last)))
    with reading() as session:
        rows = session.execute(query).all()
        found = [shapes.call_shape(*row) for row in rows[:limit]]
        last_one = found[-1] if len(rows) > limit else None
        return shapes.CallPage(found, f"{last_one.started_at.isoformat()}~{last_one.id}" if last_one else None)


def call(id: str) -> shapes.CallWithTranscript:
    with reading() as session:
        query = select(Call, Retailer.licence_no).outerjoin(Retailer, Retailer.id == Call.retailer_id)
        row = session.execute(query.where(Call.id == id)).first()
        if row is None:
            raise web_error(404, "not_found")
        events = select(CallEvent).where(CallEvent.call_id == id).order_by(CallEvent.sequence).limit(MOST_EVENTS)
        heard = transcript_of(session.scalars(events), parts().wording)
        return shapes.CallWithTranscript(shapes.call_shape(*row), [shapes.transcript_line(one) for one in heard])


def _for(scope: Scope, answer: Callable[Arguments, Struct]) -> Callable[Arguments, Response]:
    @wraps(answer)
    def view(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Response:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        program = program_of(parts().store, given.strip(), parts().now()) if kind.lower() == "bearer" else None
        if program is None:
            raise web_error(401, "no_token")
        if scope not in program.scopes:
            raise web_error(403, "no_scope", scope=scope)
        g.program = program.name
        answered = answer(*args, **kwargs)
        return _json(answered, answered.status if isinstance(answered, intake.IntakeReport) else 200)

    return view


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, mimetype="application/json")


def _who() -> str:
    """Each token has its own share; what comes without one shares by address."""
    return request.headers.get("Authorization", "")[:100] or request.remote_addr or ""


def _orders() -> Select[Order, Retailer, OutboxRow]:
    return (
        select(Order, Retailer, OutboxRow)
        .join(Retailer, Retailer.id == Order.retailer_id)
        .outerjoin(OutboxRow, OutboxRow.order_id == Order.id)
        .options(selectinload(Order.lines))
    )


def _limit() -> int:
    limit = _number("limit") or USUAL
    if limit > MOST:
        raise web_error(400, "bad_parameter", parameter="limit")
    return limit


def _number(name: str) -> int:
    text = request.args.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise web_error(400, "bad_parameter", parameter=name)
    return int(text)


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.args[name])
    except ValueError:
        raise web_error(400, "bad_parameter", parameter=name) from None


def _moment(name: str) -> datetime:
    # In a query, "+" stands for a space: a zone written plainly arrives with one.
    return _moment_of(request.args[name].replace(" ", "+"))


def _moment_of(text: str) -> datetime:
    wrong = web_error(400, "bad_parameter", parameter="since")
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise wrong from None
    if moment.tzinfo is None:
        raise wrong
    return moment
