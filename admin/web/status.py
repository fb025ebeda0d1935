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
from orders.store import explain
from orders.values import Names

log = structlog.get_logger(__name__)


def status_views(settings: WebSettings, queries: Queries, now: Callable[[], datetime]) -> Blueprint:
    """The page at / and, for its script, the part of it that changes at /status."""
    views = Blueprint("status", __name__)
    zone = ZoneInfo(settings.time_zone)

    def shown(template: str) -> Response:
        page = page_texts(request)
        at = now().astimezone(zone)
        status, trouble = _read(queries, at, page)
        sight = _Sight(page, zone, at)
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


class _Sight:
    """How values look on the page: times in the zone, money in yuan, names in the page's language."""

    def __init__(self, page: PageTexts, zone: ZoneInfo, at: datetime) -> None:
        self._page, self._zone, self._at = page, zone, at

    def now(self) -> str:
        return self._at.strftime("%Y-%m-%d %H:%M:%S")

    def time(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        return local.strftime("%H:%M:%S" if local.date() == self._at.date() else "%m-%d %H:%M")

    def lasting(self, since: datetime) -> str:
        """Minutes and seconds, or hours and minutes from one hour on."""
        seconds = max(0, int((self._at - since).total_seconds()))
        if seconds >= 3600:
            return f"{seconds // 3600} h {seconds // 60 % 60:02d} min"
        return f"{seconds // 60}:{seconds % 60:02d}"

    def money(self, fen: int) -> str:
        return f"¥{fen // 100:,}.{fen % 100:02d}"

    def name(self, names: Names | None) -> str:
        return names.said_in(self._page.language) if names else "—"

    def word(self, kind: str, value: str) -> str:
        """The page's word for one of our own values ("order.accepted"); the value itself when it has none."""
        return self._page.texts.get(f"{kind}.{value}", value.replace("_", " "))
