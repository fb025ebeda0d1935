"""Users and roles, and the audit trail: what administrators and auditors have before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.staff.accounts import AccountError, add_user, change_user, disable_user, known_user, reset_user
from admin.staff.permissions import ROLES
from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, parts, reading, show, told
from admin.web.errors import web_error
from orders.models import AuditEntry, Manager, StaffUser

views = Blueprint("console_staff", __name__)
PAGE = 100


@views.get("/users")
@allowed("users.manage")
def users() -> Response:
    return _everybody()


@views.post("/users")
@allowed("users.manage")
def add() -> Response:
    """The first password is shown on the answer itself and kept nowhere."""
    form = request.form
    try:
        with parts().store.transaction() as session:
            user, made = add_user(
                session,
                form.get("name", ""),
                form.get("full_name", ""),
                _roles(),
                actor=person().name,
                now=parts().now(),
                language=form.get("language", "zh"),
                manager=form.get("manager", ""),
            )
            name = user.name
    except AccountError as error:
        complained(str(error))
        return back_to("/users")
    return _everybody((name, made))


@views.get("/users/<name>")
@allowed("users.manage")
def user(name: str) -> Response:
    with reading() as session:
        return _page(session, "user.html", user=_known(session, name))


@views.post("/users/<name>")
@allowed("users.manage")
def save(name: str) -> Response:
    def work(session: Session) -> str:
        _known(session, name)
        full_name, manager = request.form.get("full_name", ""), request.form.get("manager", "")
        change_user(
            session,
            name,
            full_name=full_name,
            roles=_roles(),
            manager=manager,
            actor=person().name,
            now=parts().now(),
        )
        return "saved"

    return _done(work, f"/users/{name}")


@views.post("/users/<name>/disable")
@allowed("users.manage")
def disable(name: str) -> Response:
    def work(session: Session) -> str:
        _known(session, name)
        disable_user(session, name, actor=person().name, now=parts().now())
        return "user_disabled"

    return _done(work, f"/users/{name}")


@views.post("/users/<name>/reset")
@allowed("users.manage")
def reset(name: str) -> Response:
    with parts().store.transaction() as session:
        _known(session, name)
        made = reset_user(session, name, actor=person().name, now=parts().now())
    return _everybody((name, made))


@views.get("/audit")
@allowed("audit.see")
def audit_trail() -> Response:
    """Newest first; `actor`, `what` and `about` narrow it down."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(PAGE + 1)
    wanted = {name: request.args.get(name, "").strip() for name in ("actor", "what", "about")}
    for name, text in wanted.items():
        if text:
            query = query.where(getattr(AuditEntry, name).startswith(text, autoescape=True))
    before = request.args.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 12:
        query = query.where(AuditEntry.id < int(before))
    with reading() as session:
        entries = session.scalars(query).all()
        return show("audit.html", "audit", entries=entries[:PAGE], more=len(entries) > PAGE, wanted=wanted)


def _everybody(made: tuple[str, str] | None = None) -> Response:
    with reading() as session:
        query = select(StaffUser).order_by(StaffUser.disabled_at.is_not(None), StaffUser.name)
        return _page(session, "users.html", users=session.scalars(query).all(), made=made)


def _page(session: Session, template: str, **values: Any) -> Response:
    managers = session.scalars(select(Manager).order_by(Manager.name)).all()
    return show(template, "users", all_roles=ROLES, managers=managers, now=parts().now(), **values)


def _known(session: Session, name: str) -> StaffUser:
    try:
        return known_user(session, name)
    except AccountError:
        raise web_error(404, "not_found") from None


def _roles() -> dict[str, int | None]:
    limit = request.form.get("limit", "").strip()
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) < 7):
        raise AccountError("the limit is a number of cartons")
    chosen = request.form.getlist("role")
    return {role: int(limit) if limit and role == "approver" else None for role in chosen}


def _done(work: Callable[[Session], str], where: str) -> Response:
    try:
        with parts().store.transaction() as session:
            name = work(session)
    except AccountError as error:
        complained(str(error))
        return back_to(where)
    told(name)
    return back_to(where)
