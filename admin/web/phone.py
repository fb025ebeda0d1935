"""The browser phone's page and its wire: dialling in, keys, reports, the long question for commands, and clips.

Bodies are JSON of fixed shape, read by msgspec; what does not fit is refused before the line hears of it. Which words
are said, and what keys mean, is none of this module's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from flask import Blueprint, Response, jsonify, render_template, request, send_file
from msgspec import Meta, Struct

from admin.web.errors import error_answer, web_error
from admin.web.guard import Allowance
from admin.web.languages import page_texts
from admin.web.settings import WebSettings
from ivr.lines.browser import BrowserLine
from ivr.lines.browser_call import HangUpCommand, as_json
from ivr.lines.browser_terms import BadKey, KeysMissing, LineFull, UnknownCall, clean_number

ClipFile = Callable[[str], Path | None]
"""The WAV file of a clip's key, or None when there is no such clip."""

_CLIP_KEY = re.compile(r"[0-9A-Za-z_-]{4,128}")
_YEAR_S = 31_536_000


class Dialling(Struct, forbid_unknown_fields=True):
    """The page dials in; `caller` "" means that the number is withheld."""

    caller: Annotated[str, Meta(max_length=40)] = ""


class Pressed(Struct, forbid_unknown_fields=True):
    """The `seq`-th key of the call; `tag` names the sound it interrupted, after `heard_ms` of it."""

    key: Annotated[str, Meta(min_length=1, max_length=1)]
    seq: Annotated[int, Meta(ge=1, le=100_000)]
    heard_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 0
    tag: int | None = None


class Played(Struct, forbid_unknown_fields=True):
    """The sound of this tag was heard to its end."""

    tag: int


class Nothing(Struct, forbid_unknown_fields=True):
    """An empty object."""


Body = TypeVar("Body", bound=Struct)


def phone_views(settings: WebSettings, line: BrowserLine, clip_file: ClipFile, allowance: Allowance) -> Blueprint:
    """The phone's page at /phone, its calls under /phone/calls, and /clips."""
    views = Blueprint("phone", __name__)
    views.register_error_handler(UnknownCall, _no_call)

    @views.get("/phone")
    def page() -> str:
        return render_template("phone.html", page=page_texts(request), settings=settings)

    @views.post("/phone/calls")
    def dial() -> tuple[Response, int]:
        body = _body(Dialling)
        caller = clean_number(body.caller)
        if body.caller.strip() and not caller:
            raise web_error(400, "bad_request")
        if not allowance.take(request.remote_addr or ""):
            raise web_error(429, "too_many_calls")
        try:
            call = line.arrive(caller, settings.called_number)
        except LineFull:
            raise web_error(503, "line_full") from None
        return jsonify({"call": call}), 201

    @views.post("/phone/calls/<call>/keys")
    def key(call: str) -> tuple[str, int]:
        body = _body(Pressed)
        try:
            line.key(call, body.key, body.heard_ms, body.seq, body.tag)
        except BadKey:
            raise web_error(400, "bad_key") from None
        except KeysMissing as missing:
            raise web_error(409, "keys_missing", expected=missing.expected) from None
        return "", 204

    @views.post("/phone/calls/<call>/played")
    def played(call: str) -> tuple[str, int]:
        line.play_ended(call, _body(Played).tag)
        return "", 204

    @views.post("/phone/calls/<call>/hang-up")
    def hang_up(call: str) -> tuple[str, int]:
        _body(Nothing)
        line.hung_up(call)
        return "", 204

    @views.get("/phone/calls/<call>/commands")
    def commands(call: str) -> Response:
        after, wait_s = _number("after", 10**9), _number("wait", 60)
        found = line.commands_after(call, after, wait_s)
        over = any(isinstance(command, HangUpCommand) for command in found)
        return jsonify({"commands": [as_json(command) for command in found], "over": over})

    @views.get("/clips/<name>.wav")
    def clip(name: str) -> Response:
        path = clip_file(name) if _CLIP_KEY.fullmatch(name) else None
        if path is None or not path.is_file():
            raise web_error(404, "not_found")
        answer = send_file(path.resolve(), mimetype="audio/wav", etag=False, conditional=False)
        # A key names its content: what was fetched once never changes.
        answer.headers["Cache-Control"] = f"private, max-age={_YEAR_S}, immutable"
        return answer

    return views


def _no_call(_: UnknownCall) -> Response:
    return error_answer(web_error(404, "no_call"))


def _body(shape: type[Body]) -> Body:
    try:
        return msgspec.json.decode(request.get_data(cache=False), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise web_error(400, "bad_request") from None


def _number(name: str, most: int) -> int:
    text = request.args.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
        raise web_error(400, "bad_request")
    return int(text)
