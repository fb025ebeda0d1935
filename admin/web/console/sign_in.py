"""Signing in and out, the own password, the second factor: the pages that everybody may open."""

from __future__ import annotations

from flask import Blueprint, redirect, request, session
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from admin.staff.passwords import WeakPassword
from admin.staff.second_factor import new_secret, qr_svg
from admin.staff.signing_in import SignedIn
from admin.web.console.access import (
    forget_recent,
    open_to_all,
    safe_next,
    sign_in_here,
    sign_out_here,
    signed_in,
    still_asked,
)
from admin.web.console.pages import back_to, complained, console_texts, first_page, parts, show, told

TRIES_A_MINUTE = "10 per minute"
PENDING_SECRET = "second_factor_secret"  # noqa: S105 (the name of a field)


def sign_in_views(limiter: Limiter) -> Blueprint:
    """/sign-in, /sign-out, /account."""
    views = Blueprint("console_sign_in", __name__)

    @views.get("/sign-in")
    @open_to_all
    def sign_in() -> Response:
        found = signed_in()
        if found is not None:
            return redirect(still_asked(found) or first_page())
        return show("sign_in.html", first=parts().signing_in.nobody_yet(), next=safe_next(request.args.get("next", "")))

    @views.post("/sign-in")
    @limiter.limit(TRIES_A_MINUTE)
    @open_to_all
    def try_password() -> Response:
        name, password = request.form.get("name", "")[:40], request.form.get("password", "")
        where = safe_next(request.form.get("next", ""))
        tried = parts().signing_in.try_password(name, password, request.remote_addr or "")
        if tried.token:
            sign_in_here(tried.token)
        if tried.outcome == "second_factor":
            session["next"] = where
            return redirect("/sign-in/code", 303)
        if tried.outcome == "in":
            return _go_on(where)
        status = 429 if tried.outcome == "locked" else 401
        page = console_texts()
        return show("sign_in.html", status=status, trouble=page.t(f"sign_in.{tried.outcome}"), name=name, next=where)

    @views.get("/sign-in/code")
    @open_to_all
    def code() -> Response:
        found = signed_in()
        if found is None:
            return redirect("/sign-in")
        return redirect(still_asked(found) or first_page()) if found.verified else show("code.html")

    @views.post("/sign-in/code")
    @limiter.limit(TRIES_A_MINUTE)
    @open_to_all
    def try_code() -> Response:
        found = signed_in()
        if found is None or found.verified:
            return redirect("/sign-in", 303)
        tried = parts().signing_in.try_code(found.token, request.form.get("code", ""), request.remote_addr or "")
        if tried.outcome == "in":
            where = safe_next(session.get("next", ""))
            sign_in_here(tried.token)
            return _go_on(where)
        if tried.outcome == "second_factor":
            return show("code.html", status=401, trouble=console_texts().t("sign_in.wrong_code"))
        sign_out_here()
        return show("sign_in.html", status=429, trouble=console_texts().t("sign_in.locked"))

    @views.post("/sign-out")
    @open_to_all
    def sign_out() -> Response:
        sign_out_here()
        return redirect("/sign-in", 303)

    _account(views, limiter)
    return views


def _account(views: Blueprint, limiter: Limiter) -> None:
    @views.get("/account")
    @open_to_all
    def account() -> Response:
        found = _verified()
        return show("account.html", "account") if found else redirect("/sign-in")

    @views.post("/account/password")
    @limiter.limit(TRIES_A_MINUTE)
    @open_to_all
    def password() -> Response:
        found = _verified()
        if found is None:
            return redirect("/sign-in", 303)
        old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
        page = console_texts()
        if new != again:
            complained(page.t("account.not_alike"))
            return back_to("/account")
        try:
            outcome = parts().signing_in.change_password(found.token, old, new)
        except WeakPassword:
            complained(page.t("account.weak"))
            return back_to("/account")
        if outcome == "wrong":
            complained(page.t("account.wrong_old"))
            return back_to("/account")
        told("password")
        forget_recent()
        return redirect("/account" if not found.person.must_change else "/sign-in", 303)

    @views.get("/account/second-factor")
    @open_to_all
    def second_factor() -> Response:
        found = _verified()
        if found is None:
            return redirect("/sign-in")
        if found.person.has_second_factor:
            return redirect("/account")
        secret = session.setdefault(PENDING_SECRET, new_secret())
        return show("second_factor.html", "account", secret=secret, qr=qr_svg(secret, found.person.name))

    @views.post("/account/second-factor")
    @limiter.limit(TRIES_A_MINUTE)
    @open_to_all
    def enrol() -> Response:
        found, secret = _verified(), session.get(PENDING_SECRET, "")
        if found is None or not secret:
            return redirect("/sign-in", 303)
        if not parts().signing_in.enrol(found.token, secret, request.form.get("code", "")):
            complained(console_texts().t("sign_in.wrong_code"))
            return back_to("/account/second-factor")
        session.pop(PENDING_SECRET)
        forget_recent()
        told("second_factor")
        return back_to("/account")


def _verified() -> SignedIn | None:
    found = signed_in()
    return found if found and found.verified else None


def _go_on(where: str) -> Response:
    found = signed_in()
    first = still_asked(found) if found else "/sign-in"
    return redirect(first or where or first_page(), 303)
