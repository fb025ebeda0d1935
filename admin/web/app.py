"""Puts the Flask application together. Everything it needs comes in as arguments; it keeps no state of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import IntegerConverter, Map

from admin.web.console.access import exempt_from_csrf, only_signed_in
from admin.web.console.parts import ConsoleParts
from admin.web.console.registering import register_console
from admin.web.errors import register_errors
from admin.web.guard import Allowance, register_guard
from admin.web.languages import load_texts
from admin.web.phone import ClipFile, phone_views
from admin.web.queries import Queries
from admin.web.settings import WebSettings
from admin.web.status import status_views
from admin.web.twilio import TWILIO_PATH
from ivr.lines.browser import BrowserLine


class _Json(DefaultJSONProvider):
    """Chinese stays readable, and fields stay in the order in which they were written."""

    ensure_ascii = False
    sort_keys = False


class _RowNumber(IntegerConverter):
    """`<int:…>` of our addresses: what no row can have is not found, rather than a fault of the database."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=2**31 - 1)


def create_app(
    settings: WebSettings,
    *,
    browser_line: BrowserLine,
    queries: Queries,
    clip_file: ClipFile,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    allowance: Allowance | None = None,
    webhooks: Blueprint | None = None,
    console: ConsoleParts | None = None,
) -> Flask:
    """The web side as a WSGI application: `/` status, `/phone`, the console, signed `webhooks`, as far as wanted.

    Raises ValueError for broken texts.
    """
    load_texts()
    app = Flask("admin.web", static_folder="static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = settings.most_body_bytes
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 0
    app.json = _Json(app)
    app.url_map.converters["int"] = _RowNumber
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    register_guard(app, settings.allowed_hosts, (TWILIO_PATH,) if webhooks else (), https=settings.https)
    register_errors(app)
    allowance = allowance or Allowance(settings.calls_per_minute)
    app.jinja_env.globals["has_phone"] = settings.phone
    app.jinja_env.globals["has_console"] = console is not None
    if console is not None:
        register_console(app, console, settings)
    if settings.phone:
        phone = phone_views(settings, browser_line, clip_file, allowance)
        exempt_from_csrf(app, phone)
        app.register_blueprint(phone)
    if webhooks:
        exempt_from_csrf(app, webhooks)
        app.register_blueprint(webhooks)
    status = status_views(settings, queries, now)
    if console is not None and not settings.open_status:
        status.before_request(only_signed_in)
    app.register_blueprint(status)
    return app
