"""Tokens of programs: made, shown once, revoked."""

from __future__ import annotations

from flask import Blueprint, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin.staff.accounts import AccountError
from admin.staff.tokens import SCOPES, make_token, revoke_token
from admin.web.console.access import allowed, person
from admin.web.console.pages import back_to, complained, console_texts, parts, reading, show, told
from orders.models import ApiToken

views = Blueprint("console_tokens", __name__)


@views.get("/tokens")
@allowed("tokens.manage")
def tokens() -> Response:
    return _page(None)


@views.post("/tokens")
@allowed("tokens.manage")
def make() -> Response:
    """The token is on this answer and nowhere else."""
    days = request.form.get("days", "").strip()
    try:
        with parts().store.transaction() as session:
            made = make_token(
                session,
                request.form.get("name", ""),
                request.form.getlist("scope"),
                _days(days),
                actor=person().name,
                now=parts().now(),
            )
    except AccountError:
        complained(console_texts().t("tokens.wrong"))
        return back_to("/tokens")
    return _page(made)


@views.post("/tokens/<int:number>/revoke")
@allowed("tokens.manage")
def revoke(number: int) -> Response:
    with parts().store.transaction() as session:
        revoke_token(session, number, actor=person().name, now=parts().now())
    told("token_revoked")
    return back_to("/tokens")


def _days(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise AccountError("days are a whole number")
    return int(text)


def _page(made: str | None) -> Response:
    with reading() as session:
        rows = session.scalars(select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())).all()
        return show("tokens.html", "tokens", tokens=rows, made=made, scopes=SCOPES, now=parts().now())
