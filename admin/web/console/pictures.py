"""Reports as pictures and as files: what is drawn is what can be downloaded."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

from flask import Blueprint, make_response, request
from werkzeug.wrappers import Response

from admin.web.console.access import allowed
from admin.web.console.call_days import CallDays
from admin.web.console.figures import MOST_DAYS, TABLES, Period
from admin.web.console.pages import console_texts, local, parts, reading, show
from admin.web.errors import web_error

USUAL_DAYS = 7


def picture_views(days: CallDays) -> Blueprint:
    """/pictures and the files behind them."""
    views = Blueprint("console_pictures", __name__)

    @views.get("/pictures")
    @allowed("pictures.see")
    def pictures() -> Response:
        period = _period()
        with reading() as session:
            tables = {name: figure(days, session, period) for name, figure in TABLES.items()}
            return show("pictures.html", "pictures", period=period, tables=tables)

    @views.get("/pictures/<name>.csv")
    @allowed("pictures.see")
    def download(name: str) -> Response:
        """The rows of one picture, in UTF-8 with a mark, as spreadsheets want it."""
        if name not in TABLES:
            raise web_error(404, "not_found")
        period, page = _period(), console_texts()
        with reading() as session:
            table = TABLES[name](days, session, period)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([page.t(f"column.{column}") for column in table.heading])
        for about, *numbers in table.rows:
            word = page.texts.get(f"{table.words}.{about}", str(about))
            writer.writerow([_safe(word), *numbers])
        answer = make_response("\ufeff" + text.getvalue())
        answer.mimetype = "text/csv"
        file = f"{name}_{period.first}_{period.last}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return answer

    return views


def _safe(cell: str) -> str:
    """A spreadsheet would run what begins like a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


def _period() -> Period:
    """The days asked for, bounded; the last week otherwise."""
    today = local(parts().now()).date()
    last = _day("last", today)
    first = _day("first", last - timedelta(days=USUAL_DAYS - 1))
    first, last = min(first, last), max(first, last)
    return Period(max(first, last - timedelta(days=MOST_DAYS - 1)), last)


def _day(name: str, otherwise: date) -> date:
    try:
        found = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise
    return found if 2000 <= found.year <= 2100 else otherwise
