"""What programs post: JSON of a described shape, of a size that fits, or a clear refusal."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from flask import request
from msgspec import Struct

from admin.web.errors import web_error

Body = TypeVar("Body", bound=Struct)


def read_body(kind: type[Body], most_bytes: int) -> Body:
    """The body of this request; raises WebError for what can't be read."""
    request.max_content_length = most_bytes
    if not request.is_json:
        raise web_error(415, "not_json")
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise web_error(400, "bad_body", problem=str(error)[:300]) from None
