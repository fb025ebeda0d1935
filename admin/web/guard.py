"""What no request gets past: host names, foreign origins, content types; and the headers every answer carries.

The phone page needs no cookies and no login on loopback; what protects it is that no other site's page can reach it:
by name (DNS rebinding), by form or by script. The console has sign-in on top (`admin.web.console.access`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, request

from admin.web.errors import web_error

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
CONSOLE_POLICY = CONTENT_POLICY.replace("form-action 'none'", "form-action 'self'")
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
JSON = frozenset({"application/json"})
# Forms of other sites could send these too: the console's views ask for a CSRF token besides.
FORMS = JSON | {"application/x-www-form-urlencoded", "multipart/form-data"}


def register_guard(
    app: Flask, allowed_hosts: tuple[str, ...], signed_under: tuple[str, ...] = (), *, https: bool = False
) -> None:
    """Put the checks before every request and the headers on every answer.

    What begins with one of `signed_under` is asked for by programs outside, not by pages: its views check signatures,
    which cover the address and all that is posted.
    """
    names = LOOPBACK_NAMES | {host.lower().strip("[]") for host in allowed_hosts}

    def check() -> None:
        if signed_under and request.path.startswith(signed_under):
            return
        if _host_name(request.headers.get("Host", "")) not in names:
            raise web_error(403, "forbidden_host")
        if request.method in UNSAFE:
            _check_origin()
            if request.mimetype not in (FORMS if _is_console() else JSON):
                raise web_error(415, "not_json")

    app.before_request(check)
    app.after_request(_with_headers)
    if https:
        app.after_request(_only_https)


def _is_console() -> bool:
    return (request.blueprint or "").startswith("console_")


def _host_name(host: str) -> str:
    """The name of a Host header without its port; "" for what is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _check_origin() -> None:
    """Browsers name the origin of every POST; programs without one can't be tricked by a page and may pass."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        raise web_error(403, "foreign_origin")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise web_error(403, "foreign_origin")


def _with_headers(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers[name] = value
    if _is_console():
        answer.headers["Content-Security-Policy"] = CONSOLE_POLICY
        # With no-referrer, browsers hide the origin of the page's own forms too ("Origin: null").
        answer.headers["Referrer-Policy"] = "same-origin"
    if "Cache-Control" not in answer.headers:
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _only_https(answer: Response) -> Response:
    answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return answer


class Allowance:
    """At most `most` in any `per_s` seconds for each name; keeps no more than `names` of them."""

    def __init__(
        self, most: int, per_s: float = 60.0, names: int = 1000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._per_s, self._names, self._clock = most, per_s, names, clock
        self._taken: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> bool:
        """Take one; False when none is left."""
        now = self._clock()
        with self._lock:
            times = self._taken.pop(name, deque())
            while times and now - times[0] >= self._per_s:
                times.popleft()
            allowed = len(times) < self._most
            if allowed:
                times.append(now)
            # Put back at the end: the name not heard of for longest is the first to be forgotten.
            self._taken[name] = times
            if len(self._taken) > self._names:
                del self._taken[next(iter(self._taken))]
            return allowed
