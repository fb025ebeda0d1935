"""The catalogue, its stock, and the allocation by grade: seen by all, changed by the information centre."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, console_texts, local, parts, reading, show, told
from admin.web.console.sheet_form import cells_from, form_fields, general_trouble, grades_of
from admin.web.errors import web_error
from orders.imports.reading import article_cells, cells_of
from orders.imports.single import ChangedMeanwhile, NotAccepted, change, mark_of
from orders.models import Allocation, Article, Retailer, RetailerLimit
from orders.supply import period_of

views = Blueprint("console_goods", __name__)
MOST_LIMITS = 200


@views.get("/goods")
@allowed("goods.see")
def goods() -> Response:
    with reading() as session:
        articles = session.scalars(select(Article).order_by(Article.on_sale.desc(), Article.code)).all()
        return show("goods.html", "goods", articles=articles)


@views.get("/goods/new")
@allowed("goods.change")
def new() -> Response:
    with reading() as session:
        return _form(session, {}, (), None)


@views.post("/goods/new")
@allowed("goods.change")
def add() -> Response:
    cells = cells_from("catalogue", request.form)
    return _saved(cells, "", None) or back_to(f"/goods/{cells['code'].strip()}")


@views.get("/goods/<code>")
@allowed("goods.see")
def article(code: str) -> Response:
    with reading() as session:
        one = _known(session, code)
        return _form(session, article_cells(one), (), one)


@views.post("/goods/<code>")
@allowed("goods.change")
def save(code: str) -> Response:
    cells = cells_from("catalogue", request.form, leave_out=("stock",)) | {"code": code}
    return _saved(cells, request.form.get("seen", ""), code) or back_to(f"/goods/{code}")


@views.post("/goods/<code>/stock")
@allowed("goods.change")
def stock(code: str) -> Response:
    """Cartons that came in or went out: added to whatever callers have left of it by now."""
    found = re.fullmatch(r"([+-]?)(\d{1,7})", request.form.get("by", "").strip(), re.ASCII)
    if not found:
        complained(console_texts().t("hint.stock_by"))
        return back_to(f"/goods/{code}")
    by = int(f"{found[1]}{found[2]}")
    try:
        with parts().store.transaction() as session:
            cells = cells_of(session, "catalogue", {"code": _known(session, code).code})
            seen = mark_of(cells)
            cells["stock"] = str(int(cells["stock"]) + by)
            change(session, "catalogue", cells, seen=seen, actor=person().name, now=parts().now())
    except NotAccepted:
        complained(console_texts().t("hint.stock_left"))
        return back_to(f"/goods/{code}")
    told("stock", code=code, stock=cells["stock"])
    return back_to(f"/goods/{code}")


@views.get("/allocation")
@allowed("goods.see")
def allocation() -> Response:
    period = _period()
    with reading() as session:
        rows = session.scalars(
            select(Allocation)
            .where(Allocation.period == period)
            .order_by(Allocation.article_code, Allocation.retailer_grade)
        ).all()
        own = select(RetailerLimit, Retailer).join(Retailer, Retailer.id == RetailerLimit.retailer_id)
        if (scope := person().scope) is not None:
            own = own.where(Retailer.manager_id == scope)
        limits = session.execute(own.where(RetailerLimit.period == period).limit(MOST_LIMITS)).all()
        articles = {one.code: one for one in session.scalars(select(Article).order_by(Article.code))}
        by_article: dict[str, dict[str, int]] = {}
        for row in rows:
            by_article.setdefault(row.article_code, {})[row.retailer_grade] = row.cartons
        grades = sorted({*(row.retailer_grade for row in rows), *(grade for grade, _ in grades_of(session, Retailer))})
        return show(
            "allocation.html",
            "allocation",
            period=period,
            by_article=by_article,
            limits=limits,
            articles=articles,
            grades=grades,
        )


@views.post("/allocation")
@allowed("goods.change")
def allocate() -> Response:
    """One limit: of a grade, or of one retailer with its reason."""
    cells = {
        name: request.form.get(name, "") for name in ("period", "code", "grade", "licence_no", "cartons", "reason")
    }
    cells = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    key = {name: cells.get(name, "") for name in ("period", "code", "grade", "licence_no")}
    try:
        with parts().store.transaction() as session:
            seen = mark_of(cells_of(session, "allocation", key))
            change(session, "allocation", cells, seen=seen, actor=person().name, now=parts().now())
    except NotAccepted as wrong:
        page = console_texts()
        columns = [page.texts.get(f"hint.{column}", problem) for column, problem in wrong.faults]
        complained("; ".join(columns))
        return back_to(f"/allocation?period={_period()}")
    told("saved")
    return back_to(f"/allocation?period={cells['period']}")


def _known(session: Session, code: str) -> Article:
    found = session.get(Article, code)
    if found is None:
        raise web_error(404, "not_found")
    return found


def _period() -> str:
    wanted = request.values.get("period", "")
    return (
        wanted if re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", wanted, re.ASCII) else period_of(local(parts().now()).date())
    )


def _saved(cells: dict[str, str], seen: str, code: str | None) -> Response | None:
    """Write it; `code` None for a new one. None when that is done or it has to be looked at again, else the form."""
    try:
        with parts().store.transaction() as session:
            if code is not None:
                # The stock of this very moment, locked: the form knows only an older one.
                cells["stock"] = cells_of(session, "catalogue", {"code": _known(session, code).code})["stock"]
            changed = change(session, "catalogue", cells, seen=seen, actor=person().name, now=parts().now())
    except NotAccepted as wrong:
        with reading() as session:
            return _form(session, cells, wrong.faults, _known(session, code) if code is not None else None)
    except ChangedMeanwhile:
        complained(console_texts().t("trouble.changed_meanwhile"))
        return None
    told("saved" if changed else "nothing_changed")
    return None


def _form(session: Session, cells: dict[str, str], faults: Any, one: Article | None) -> Response:
    page = console_texts()
    leave_out = ("code", "stock") if one is not None else ()
    return show(
        "article.html",
        "goods",
        400 if faults else 200,
        article=one,
        fields=form_fields(
            "catalogue", cells, page, {"grade": grades_of(session, Article)}, faults, leave_out=leave_out
        ),
        trouble=general_trouble(faults),
        seen=request.form.get("seen") or mark_of(cells),
    )
