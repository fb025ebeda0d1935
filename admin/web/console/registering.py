"""Puts the console's subjects into the application, and makes sure that each of their views asks who is there."""

from __future__ import annotations

from flask import Flask, redirect
from werkzeug.wrappers import Response

from admin.web.api.views import api_views
from admin.web.console import callbacks, days, desk, goods, imports, order_list, retailers, staff, tokens
from admin.web.console.access import every_view_guarded, exempt_from_csrf, open_to_all, register_access
from admin.web.console.call_days import CallDays
from admin.web.console.live import live_views
from admin.web.console.live_board import LiveBoards
from admin.web.console.pages import first_page, other_language
from admin.web.console.parts import ConsoleParts
from admin.web.console.pictures import picture_views
from admin.web.console.sign_in import sign_in_views
from admin.web.settings import WebSettings

SUBJECTS = (
    desk.views,
    retailers.views,
    goods.views,
    days.views,
    callbacks.views,
    order_list.views,
    imports.views,
    staff.views,
    tokens.views,
)


def register_console(app: Flask, console: ConsoleParts, settings: WebSettings) -> None:
    """Sign-in and all pages behind it."""
    app.extensions["orderline_console"] = console
    app.jinja_env.globals["other_language"] = other_language
    limiter = register_access(app, console, settings)
    call_days = CallDays(console.zone, console.now)
    boards = LiveBoards(console.store, console.zone, console.now, console.lines)
    subjects = [sign_in_views(limiter), live_views(boards), picture_views(call_days), *SUBJECTS]
    subjects[0].add_url_rule("/console", "console", _begin)
    for subject in subjects:
        app.register_blueprint(subject)
    api = api_views(limiter)
    exempt_from_csrf(app, api)
    app.register_blueprint(api)
    every_view_guarded(app, *(subject.name for subject in subjects))


@open_to_all
def _begin() -> Response:
    """Where the page's own name in the header leads."""
    return redirect(first_page())
