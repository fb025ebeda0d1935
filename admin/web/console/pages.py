"""How a console page is shown: language, person, navigation, and values as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Response, current_app, flash, make_response, redirect, render_template, request, session
from sqlalchemy.orm import Session

from admin.staff.signing_in import SignedIn
from admin.web.console.access import signed_in, still_asked
from admin.web.console.parts import ConsoleParts
from admin.web.languages import LANGUAGES, PageTexts, page_texts
from admin.web.sight import Sight

NAVIGATION = (
    # what stands at the side: text, path, permission
    ("live", "/live", "live.see"),
    ("desk", "/desk", "desk.use"),
    ("callbacks", "/callbacks", "callbacks.work"),
    ("retailers", "/retailers", "retailers.see"),
    ("orders", "/orders", "orders.see"),
    ("goods", "/goods", "goods.see"),
    ("allocation", "/allocation", "goods.see"),
    ("days", "/days", "days.see"),
    ("imports", "/imports", "imports.run"),
    ("pictures", "/pictures", "pictures.see"),
    ("audit", "/audit", "audit.see"),
    ("users", "/users", "users.manage"),
    ("tokens", "/tokens", "tokens.manage"),
)


@dataclass(frozen=True, slots=True)
class NavigationItem:
    name: str
    path: str


def parts() -> ConsoleParts:
    return cast(ConsoleParts, current_app.extensions["orderline_console"])


def console_texts() -> PageTexts:
    """As any page's; what `?lang=` says is kept for the pages after it."""
    if request.args.get("lang", "") in LANGUAGES:
        session["lang"] = request.args["lang"]
    return page_texts(request)


def show(template: str, here: str = "", status: int = 200, **values: object) -> Response:
    """A page of the console; `here` is its place in the navigation."""
    page = console_texts()
    found = signed_in()
    who = found.person if found else None
    zone = ZoneInfo(str(parts().zone))
    body = render_template(
        f"console/{template}",
        page=page,
        here=here,
        who=who,
        navigation=_navigation(found),
        see=Sight(page, zone, parts().now().astimezone(zone)),
        **values,
    )
    return make_response(body, status)


def first_page() -> str:
    """Where somebody begins after signing in."""
    items = _navigation(signed_in())
    return items[0].path if items else "/account"


def _navigation(found: SignedIn | None) -> list[NavigationItem]:
    """What this person may open; nothing while something is still asked of it."""
    if found is None or still_asked(found):
        return []
    return [NavigationItem(name, path) for name, path, may in NAVIGATION if found.person.may(may)]


def other_language() -> str:
    """This page's query, in the other language."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return urlencode([*kept, ("lang", page_texts(request).other)])


def told(name: str, /, **values: object) -> None:
    """One sentence shown on the next page: "said.<name>" of the texts."""
    flash(console_texts().t(f"said.{name}", **values), "good")


def complained(message: str) -> None:
    """What went wrong, shown on the next page."""
    flash(message, "bad")


def back_to(path: str) -> Response:
    """After a change: the page again, by GET, so that reloading repeats nothing."""
    return cast(Response, redirect(path, 303))


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads: no call waits for it."""
    with parts().store.session() as session:
        session.connection(execution_options={"reading": True})
        yield session
        session.rollback()


def local(at: datetime) -> datetime:
    return at.astimezone(parts().zone)
