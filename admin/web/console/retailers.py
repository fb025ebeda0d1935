"""Retailers: found as staff type, shown whole, changed by the same rules as an import; consent; PIN lock."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, console_texts, parts, reading, show, told
from admin.web.console.retailer_facts import RetailerFacts, facts_of
from admin.web.console.sheet_form import cells_from, form_fields, general_trouble, grades_of, known_choices
from admin.web.errors import web_error
from orders.calling.consents import set_consent
from orders.finding import find_retailers
from orders.identification import unlock_pin
from orders.imports.reading import retailer_cells
from orders.imports.single import ChangedMeanwhile, NotAccepted, change, mark_of
from orders.models import Manager, Retailer

PAGE = 50
views = Blueprint("console_retailers", __name__)


@views.get("/retailers")
@allowed("retailers.see")
def retailers() -> Response:
    """The list, or the one retailer when only one fits."""
    text, after = request.args.get("q", ""), request.args.get("after", "")
    with reading() as session:
        found = find_retailers(session, text, scope=person().scope, most=PAGE, after=after)
        if text and not after and len(found.retailers) == 1:
            return back_to(f"/retailers/{found.retailers[0].id}")
        return show("retailers.html", "retailers", rows=found.retailers, find=text, more=found.more)


@views.get("/retailers/<int:number>")
@allowed("retailers.see")
def retailer(number: int) -> Response:
    with reading() as session:
        one = _known(session, number)
        facts = facts_of(session, one, parts())
        return _page(session, one, facts, retailer_cells(session, one), ())


@views.post("/retailers/<int:number>")
@allowed("retailers.change")
def save(number: int) -> Response:
    cells = cells_from("retailers", request.form, leave_out=("licence_no",))
    try:
        with parts().store.transaction() as session:
            cells["licence_no"] = _known(session, number).licence_no
            changed = _change(session, cells, request.form.get("seen", ""))
    except NotAccepted as wrong:
        with reading() as session:
            one = _known(session, number)
            return _page(session, one, facts_of(session, one, parts()), cells, wrong.faults)
    except ChangedMeanwhile:
        complained(console_texts().t("trouble.changed_meanwhile"))
        return back_to(f"/retailers/{number}")
    told("saved" if changed else "nothing_changed")
    return back_to(f"/retailers/{number}")


@views.get("/retailers/new")
@allowed("retailers.change")
def new() -> Response:
    with reading() as session:
        return _form(session, {}, ())


@views.post("/retailers/new")
@allowed("retailers.change")
def add() -> Response:
    cells = cells_from("retailers", request.form)
    try:
        with parts().store.transaction() as session:
            _change(session, cells, "")
            found = find_retailers(session, cells["licence_no"], scope=None, most=1)
            number = found.retailers[0].id
    except NotAccepted as wrong:
        with reading() as session:
            return _form(session, cells, wrong.faults)
    except ChangedMeanwhile:
        complained(console_texts().t("retailers.known_already"))
        return back_to(f"/retailers?q={cells['licence_no']}")
    told("saved")
    return back_to(f"/retailers/{number}")


@views.post("/retailers/<int:number>/consent")
@allowed("retailers.change")
def consent(number: int) -> Response:
    state = "given" if request.form.get("state") == "given" else "refused"
    try:
        with parts().store.transaction() as session:
            set_consent(
                session,
                _known(session, number),
                "given" if state == "given" else "refused",
                request.form.get("proof", ""),
                covers_more=bool(request.form.get("covers_more")),
                actor=person().name,
                now=parts().now(),
                zone=parts().zone,
            )
    except ValueError:
        complained(console_texts().t("trouble.proof_missing"))
        return back_to(f"/retailers/{number}")
    told(f"consent_{state}")
    return back_to(f"/retailers/{number}")


@views.post("/retailers/<int:number>/unlock")
@allowed("retailers.change")
def unlock(number: int) -> Response:
    with parts().store.transaction() as session:
        unlock_pin(session, _known(session, number).licence_no, person().name, parts().now())
    told("unlocked")
    return back_to(f"/retailers/{number}")


def _known(session: Session, number: int) -> Retailer:
    """The retailer, if this person may see it at all."""
    one = session.get(Retailer, number)
    scope = person().scope
    if one is None or (scope is not None and one.manager_id != scope):
        raise web_error(404, "not_found")
    return one


def _change(session: Session, cells: dict[str, str], seen: str) -> bool:
    """Write it; what a customer manager writes stays with that manager. `seen` "": only if there is none yet."""
    scope = person().scope
    if scope is not None:
        own = session.get(Manager, scope)
        cells["manager"] = own.name if own else ""
    return change(
        session,
        "retailers",
        cells,
        seen=seen,
        actor=person().name,
        now=parts().now(),
        pin_key=parts().desk.pin_key,
    )


def _page(session: Session, one: Retailer, facts: RetailerFacts, cells: dict[str, str], faults: Any) -> Response:
    page = console_texts()
    choices = {**known_choices(session, page), "grade": grades_of(session, Retailer)}
    return show(
        "retailer.html",
        "retailers",
        status=400 if faults else 200,
        retailer=one,
        facts=facts,
        fields=form_fields("retailers", cells, page, choices, faults, leave_out=("licence_no",)),
        trouble=general_trouble(faults),
        seen=request.form.get("seen") or mark_of(cells),
    )


def _form(session: Session, cells: dict[str, str], faults: Any) -> Response:
    page = console_texts()
    choices = {**known_choices(session, page), "grade": grades_of(session, Retailer)}
    fields = form_fields("retailers", cells, page, choices, faults)
    trouble = general_trouble(faults)
    return show("retailer_new.html", "retailers", 400 if faults else 200, fields=fields, trouble=trouble)
