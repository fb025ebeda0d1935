"""The live view: rendered once a board and language, and sent only to browsers that don't have it yet."""

from __future__ import annotations

import hashlib
import threading

from flask import Blueprint, Response, current_app, make_response, render_template, request
from sqlalchemy import select

from admin.web.console.access import allowed, person
from admin.web.console.call_record import transcript_of
from admin.web.console.live_board import LiveBoard, LiveBoards
from admin.web.console.pages import console_texts, local, parts, reading, show
from admin.web.errors import web_error
from admin.web.queries import masked_number
from admin.web.sight import Sight
from orders.models import Call, CallEvent, Retailer

MOST_EVENTS = 2000


class _Rendered:
    """The newest board as HTML, by language and by what its reader may open."""

    def __init__(self, boards: LiveBoards) -> None:
        self._boards = boards
        self._kept: dict[tuple[str, bool], tuple[LiveBoard, bytes, str]] = {}
        self._lock = threading.Lock()

    def part(self) -> tuple[bytes, str]:
        """The part that changes, and its mark. Ages are counted by the page itself, so that rest is rest."""
        page, sees_calls = console_texts(), person().may("calls.see")
        board = self._boards.board()
        with self._lock:
            kept = self._kept.get((page.language, sees_calls))
        if kept is not None and kept[0] == board:
            return kept[1], kept[2]
        at = local(parts().now())
        see = Sight(page, parts().zone, at)
        text = render_template(
            "console/live_part.html", page=page, board=board, see=see, sees_calls=sees_calls, masked=masked_number
        )
        body = text.encode()
        mark = hashlib.sha256(body).hexdigest()[:20]
        with self._lock:
            self._kept[(page.language, sees_calls)] = (board, body, mark)
        return body, mark


def live_views(boards: LiveBoards) -> Blueprint:
    """/live and the calls behind it."""
    views = Blueprint("console_live", __name__)
    rendered = _Rendered(boards)

    @views.get("/live")
    @allowed("live.see")
    def live() -> Response:
        body, mark = rendered.part()
        return show("live.html", "live", part=body.decode(), mark=mark)

    @views.get("/live/part")
    @allowed("live.see")
    def changing_part() -> Response:
        body, mark = rendered.part()
        return _unless_known(body, mark)

    @views.get("/live/calls/<call>")
    @allowed("calls.see")
    def call(call: str) -> Response:
        with reading() as session:
            row = session.get(Call, call)
            if row is None:
                raise web_error(404, "not_found")
            retailer = session.get(Retailer, row.retailer_id) if row.retailer_id else None
            return show("call.html", "live", call=row, retailer=retailer, part=_transcript(call))

    @views.get("/live/calls/<call>/part")
    @allowed("calls.see")
    def transcript(call: str) -> Response:
        body = _transcript(call).encode()
        return _unless_known(body, hashlib.sha256(body).hexdigest()[:20])

    return views


def _transcript(call: str) -> str:
    with reading() as session:
        row = session.get(Call, call)
        if row is None:
            raise web_error(404, "not_found")
        query = select(CallEvent).where(CallEvent.call_id == call).order_by(CallEvent.sequence).limit(MOST_EVENTS)
        lines = transcript_of(session.scalars(query), parts().wording)
        see = Sight(console_texts(), parts().zone, local(parts().now()))
        page = console_texts()
        return render_template("console/call_part.html", page=page, see=see, lines=lines, call=row)


def _unless_known(body: bytes, mark: str) -> Response:
    if request.if_none_match.contains(mark):
        answer = make_response("", 304)
    else:
        answer = current_app.response_class(body, mimetype="text/html")
    answer.set_etag(mark)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
