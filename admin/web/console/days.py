"""When retailers order: batches with their weekdays and cut-off, holidays, suspensions of regions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, console_texts, local, parts, reading, show, told
from admin.web.console.sheet_form import cells_from, form_fields, general_trouble, known_choices
from admin.web.errors import web_error
from orders.calendar import is_order_day
from orders.imports.reading import batch_cells, cells_of
from orders.imports.single import ChangedMeanwhile, NotAccepted, change, mark_of
from orders.models import Batch, Holiday, Region, Retailer, SuspensionNotice
from orders.order_days import lift_suspension, remove_holiday

views = Blueprint("console_days", __name__)
SHOWN_DAYS = 14
KINDS = frozenset({"batches", "holidays", "suspensions"})


@views.get("/days")
@allowed("days.see")
def days() -> Response:
    with reading() as session:
        return _page(session)


@views.post("/days/<kind>")
@allowed("days.change")
def save(kind: str) -> Response:
    """A batch, holiday or suspension, new or changed."""
    if kind not in KINDS:
        raise web_error(404, "not_found")
    cells = cells_from(kind, request.form)
    try:
        with parts().store.transaction() as session:
            seen = request.form.get("seen")
            if seen is None:
                # Short forms without a mark replace what is there: they name the whole record.
                seen = mark_of(cells_of(session, kind, _key(kind, cells)))
            changed = change(session, kind, cells, seen=seen, actor=person().name, now=parts().now())
    except NotAccepted as wrong:
        with reading() as session:
            return _page(session, wrong_kind=kind, cells=cells, faults=wrong.faults)
    except ChangedMeanwhile:
        complained(console_texts().t("trouble.changed_meanwhile"))
        return back_to("/days")
    told("saved" if changed else "nothing_changed")
    return back_to("/days")


@views.post("/days/holidays/<day>/remove")
@allowed("days.change")
def remove(day: str) -> Response:
    try:
        removed = date.fromisoformat(day)
    except ValueError:
        raise web_error(404, "not_found") from None
    with parts().store.transaction() as session:
        remove_holiday(session, removed, person().name, parts().now())
    told("holiday_removed")
    return back_to("/days")


@views.post("/days/suspensions/<int:number>/lift")
@allowed("days.change")
def lift(number: int) -> Response:
    with parts().store.transaction() as session:
        lift_suspension(session, number, person().name, parts().now())
    told("suspension_lifted")
    return back_to("/days")


def _key(kind: str, cells: dict[str, str]) -> dict[str, str]:
    names = {"batches": ("code",), "holidays": ("day",), "suspensions": ("region", "starts_on")}[kind]
    key = {name: cells.get(name, "").strip() for name in names}
    for name in ("day", "starts_on"):
        if name in key:
            try:
                date.fromisoformat(key[name])
            except ValueError:
                raise NotAccepted((name, "is no day")) from None
    return key


def _page(session: Session, *, wrong_kind: str = "", cells: Any = None, faults: Any = ()) -> Response:
    page, today = console_texts(), local(parts().now()).date()
    counts = (
        select(Retailer.batch_id, func.count().label("retailers"))
        .where(Retailer.status == "active")
        .group_by(Retailer.batch_id)
    )
    by_batch = {row.batch_id: row.retailers for row in session.execute(counts)}
    batches = session.scalars(select(Batch).order_by(Batch.code)).all()
    holidays = session.scalars(select(Holiday).where(Holiday.day >= today - timedelta(days=30)).order_by(Holiday.day))
    moved = {one.day: one.moved_to for one in session.scalars(select(Holiday))}
    notices = select(SuspensionNotice, Region).join(Region).order_by(SuspensionNotice.starts_on.desc()).limit(30)
    ahead = [today + timedelta(days=number) for number in range(SHOWN_DAYS)]
    choices = known_choices(session, page)
    wrong = {wrong_kind: (cells or {}, faults)}

    def form(kind: str) -> Any:
        filled, blamed = wrong.get(kind, ({}, ()))
        return form_fields(kind, filled, page, choices, blamed)

    return show(
        "days.html",
        "days",
        400 if faults else 200,
        today=today,
        ahead=ahead,
        batches=[
            (
                batch,
                by_batch.get(batch.id, 0),
                [is_order_day(day, batch.weekdays, moved) for day in ahead],
                mark_of(batch_cells(batch)),
                form_fields("batches", batch_cells(batch), page, choices, leave_out=("code",)),
            )
            for batch in batches
        ],
        holidays=holidays.all(),
        moved=moved,
        notices=session.execute(notices).all(),
        new_batch=form("batches"),
        new_holiday=form("holidays"),
        new_suspension=form("suspensions"),
        trouble=general_trouble(faults),
        wrong_kind=wrong_kind,
    )
