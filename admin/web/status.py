"""The status page: lines, calls in progress, latest orders, the way to the sales system, who waits for a call-back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog
from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from admin.web.errors import MESSAGES
from admin.web.languages import PageTexts, page_texts
from admin.web.queries import Queries, Status
from admin.web.settings import WebSettings
from admin.web.sight import Sight
from orders.store import explain

log = structlog.get_logger(__name__)


def status_views(settings: WebSettings, queries: Queries, now: Callable[[], datetime]) -> Blueprint:
    """The page at / and, for its script, the part of it that changes at /status."""
    views = Blueprint("status", __name__)
    zone = ZoneInfo(settings.time_zone)

    def shown(template: str) -> Response:
        page = page_texts(request)
        at = now().astimezone(zone)
        status, trouble = _read(queries, at, page)
        sight = Sight(page, zone, at)
        body = render_template(template, page=page, status=status, trouble=trouble, see=sight)
        return make_response(body, 503 if trouble else 200)

    @views.get("/")
    def start_page() -> Response:
        return shown("status.html")

    @views.get("/status")
    def changing_part() -> Response:
        return shown("status_part.html")

    return views


def _read(queries: Queries, at: datetime, page: PageTexts) -> tuple[Status | None, str]:
    """The status, or what is wrong with the database and what to do."""
    try:
        return queries.status(at.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)), ""
    except SQLAlchemyError as error:
        log.warning("status_not_read", reason=explain(error))
        message = MESSAGES["no_data"]
        return None, (message.zh if page.language == "zh" else message.en) + explain(error)
