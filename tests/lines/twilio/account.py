"""The account's REST API, as Twilio's own client asks for it: calls begun, changed, ended and listed; and its moods."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from requests.exceptions import ConnectionError as Unreachable
from twilio.http import HttpClient
from twilio.http.response import Response

from tests.lines.twilio.cloud import ACCOUNT, NUMBER

_SIDS = itertools.count(1)
Mood = str
"""What happens to the next calls begun: "well", "lost" (placed, but the answer never comes), "down" (nothing is done),
"fast" (429), "refused" (400, code 21211)."""


@dataclass
class Begun:
    """A call that was asked for."""

    sid: str
    asked: dict[str, str]
    status: str = "queued"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Account(HttpClient):  # type: ignore[misc]
    """Implements the client's HTTP. `moods` are used up, one a call begun; `lag`: how often the list is behind."""

    moods: list[Mood] = field(default_factory=list)
    lag: int = 0
    numbers: dict[str, dict[str, str]] = field(default_factory=dict)
    ring: Callable[[Begun], None] = lambda _: None
    changed: Callable[[str, str], None] = lambda _, __: None
    ended: Callable[[str], None] = lambda _: None
    begun: dict[str, Begun] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        assert auth, "without credentials"
        base = f"/2010-04-01/Accounts/{ACCOUNT}/"
        path = urlsplit(url).path
        assert path.startswith(base), path
        with self.lock:
            self.asked.append((method, path.removeprefix(base)))
        match method, path.removeprefix(base):
            case "POST", "Calls.json":
                return self._begin(data or {})
            case "GET", "Calls.json":
                return self._list(params or {})
            case "GET", "IncomingPhoneNumbers.json":
                return self._numbers(params or {})
            case _, one if found := re.fullmatch(r"Calls/(CA[0-9a-f]{32})\.json", one):
                return self._one(method, found[1], data or {})
        return _answer(404, {"code": 20404, "message": "not found", "status": 404})

    def _begin(self, asked: dict[str, Any]) -> Response:
        with self.lock:
            mood = self.moods.pop(0) if self.moods else "well"
        if mood == "down":
            raise Unreachable("nobody answers")
        if mood == "fast":
            return _answer(429, {"code": 20429, "message": "Too Many Requests", "status": 429})
        if mood == "refused" or not re.fullmatch(r"\+[1-9][0-9]{6,14}", str(asked["To"])):
            return _answer(400, {"code": 21211, "message": "The 'To' number is not valid", "status": 400})
        one = Begun(f"CA{next(_SIDS):016x}{0xD1A1:016x}", {k: str(v) for k, v in asked.items()}, created_at=self.now())
        self.begun[one.sid] = one
        self.ring(one)
        if mood == "lost":
            raise Unreachable("the answer was lost")
        return _answer(201, _written(one))

    def _list(self, params: dict[str, Any]) -> Response:
        if self.lag > 0:
            self.lag -= 1
            calls: list[dict[str, Any]] = []
        else:
            found = [one for one in self.begun.values() if one.asked["To"] == params.get("To")]
            calls = [_written(one) for one in sorted(found, key=lambda one: one.created_at, reverse=True)]
        return _answer(200, {"calls": calls, "next_page_uri": None, "page": 0, "page_size": 50})

    def _one(self, method: str, sid: str, data: dict[str, Any]) -> Response:
        one = self.begun.get(sid) or Begun(sid, {"To": NUMBER, "From": ""}, "in-progress")
        if method == "POST" and "Twiml" in data:
            self.changed(sid, str(data["Twiml"]))
        elif method == "POST":
            assert data["Status"] == "completed"
            one.status = "completed"
            self.ended(sid)
        return _answer(200, _written(one))

    def _numbers(self, params: dict[str, Any]) -> Response:
        found = [
            {"sid": "PN" + "1" * 32, **about}
            for number, about in self.numbers.items()
            if number == params.get("PhoneNumber")
        ]
        return _answer(200, {"incoming_phone_numbers": found, "next_page_uri": None, "page": 0, "page_size": 50})


def _written(one: Begun) -> dict[str, Any]:
    created = format_datetime(one.created_at)
    return {"sid": one.sid, "to": one.asked["To"], "status": one.status, "date_created": created}


def _answer(status: int, body: dict[str, Any]) -> Response:
    return Response(status, json.dumps(body))
