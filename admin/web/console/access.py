"""Who may see a page: sign-in by Flask-Login, a permission on every view, CSRF by Flask-WTF, limits by Flask-Limiter.

A view without `allowed(...)` or `open_to_all` can't be registered: forgetting a permission is a fault at start, not a
hole.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar, cast
from urllib.parse import quote, urlsplit

from flask import Blueprint, Flask, current_app, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFError, CSRFProtect

from admin.staff.accounts import Person
from admin.staff.permissions import PERMISSIONS
from admin.staff.signing_in import LONGEST, SignedIn, SigningIn
from admin.web.console.parts import ConsoleParts
from admin.web.errors import error_answer, web_error
from admin.web.settings import WebSettings

Arguments = ParamSpec("Arguments")
View = TypeVar("View", bound=Callable[..., object])
REMEMBERED_S = 2.0
"""How long a session found in the database holds without asking again: a closed account works on for so long."""

OPEN = ""
FILES_PATH = "/imports"


class _Seat(UserMixin):  # type: ignore[misc]
    """A signed-in browser, as Flask-Login wants it."""

    def __init__(self, signed_in: SignedIn) -> None:
        self.signed_in = signed_in

    def get_id(self) -> str:
        return self.signed_in.token


class _Recent:
    """Sessions found lately; fifty live views ask every two seconds."""

    def __init__(self, signing_in: SigningIn, clock: Callable[[], float] = time.monotonic) -> None:
        self._signing_in, self._clock = signing_in, clock
        self._found: dict[str, tuple[float, SignedIn]] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> SignedIn | None:
        now = self._clock()
        with self._lock:
            at, known = self._found.get(token, (0.0, None))
        if known is not None and now - at < REMEMBERED_S and request.method == "GET":
            return known
        found = self._signing_in.find(token)
        with self._lock:
            if found is None:
                self._found.pop(token, None)
            else:
                self._found[token] = (now, found)
                if len(self._found) > 1000:
                    self._found.clear()
        return found

    def forget(self, token: str) -> None:
        with self._lock:
            self._found.pop(token, None)


def register_access(app: Flask, parts: ConsoleParts, settings: WebSettings) -> Limiter:
    """Sign-in, CSRF and limits for the whole application; returns the limiter for views with limits of their own."""
    app.secret_key = hmac.digest(parts.key, b"cookies", "sha256")
    app.config.update(
        SESSION_COOKIE_NAME="orderline",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        # Signed anew with every answer it would only cost time: the database knows when a session is over.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=LONGEST.total_seconds()),
        # The guard looks at Origin and Sec-Fetch-Site, for our answers carry no referrer.
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_HEADERS_ENABLED=False,
    )
    recent = _Recent(parts.signing_in)
    login = LoginManager()
    login.session_protection = "basic"
    login.user_loader(lambda token: _Seat(found) if (found := recent.find(token)) else None)
    login.init_app(app)
    app.extensions["orderline_recent"] = recent
    app.before_request(lambda: _room_for_files(settings.most_upload_bytes))
    app.extensions["orderline_csrf"] = CSRFProtect(app)
    app.register_error_handler(CSRFError, lambda _: error_answer(web_error(400, "form_too_old")))
    return Limiter(get_remote_address, app=app, storage_uri="memory://", default_limits=[])


def _room_for_files(most_bytes: int) -> None:
    """Before the form is read for its CSRF token: only who may bring in files may send as much as a file."""
    if request.method == "POST" and request.path == FILES_PATH:
        found = signed_in()
        if found and not still_asked(found) and found.person.may("imports.run"):
            request.max_content_length = most_bytes


def exempt_from_csrf(app: Flask, views: Blueprint) -> None:
    """For views that no cookie opens: the browser phone, webhooks, the API with its tokens."""
    csrf = app.extensions.get("orderline_csrf")
    if csrf is not None:
        csrf.exempt(views)


def allowed(permission: str) -> Callable[[View], View]:
    """Only for people with this permission, signed in with all that is asked of them."""
    if permission not in PERMISSIONS:
        raise AssertionError(f"no such permission: {permission}")

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: object, **kwargs: object) -> object:
            refused = _refusal(permission)
            return view(*args, **kwargs) if refused is None else refused

        guarded.permission = permission  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def open_to_all(view: View) -> View:
    """For the pages by which one signs in."""
    view.permission = OPEN  # type: ignore[attr-defined]
    return view


def only_signed_in() -> ResponseReturnValue | None:
    """For views without a permission of their own that are not open to all on this installation."""
    return _refusal(OPEN)


def every_view_guarded(app: Flask, *blueprints: str) -> None:
    """Raises AssertionError when a view of these blueprints has no permission."""
    for endpoint, view in app.view_functions.items():
        if endpoint.partition(".")[0] in blueprints and not hasattr(view, "permission"):
            raise AssertionError(f"{endpoint} has no permission")


def signed_in() -> SignedIn | None:
    """The session of this request, whatever is still asked of it."""
    return current_user.signed_in if current_user.is_authenticated else None


def person() -> Person:
    """Who asks; only behind `allowed`."""
    found = signed_in()
    if found is None:
        raise web_error(401, "not_signed_in")
    return found.person


def sign_in_here(token: str) -> None:
    """Give this browser the session: what the cookie held before is gone, its CSRF token too."""
    found = cast(ConsoleParts, current_app.extensions["orderline_console"]).signing_in.find(token)
    kept = session.get("lang")
    session.clear()
    session.permanent = True
    if found is not None:
        session["lang"] = kept or found.person.language
        login_user(_Seat(found))


def sign_out_here() -> None:
    found = signed_in()
    if found is not None:
        current_app.extensions["orderline_recent"].forget(found.token)
        cast(ConsoleParts, current_app.extensions["orderline_console"]).signing_in.sign_out(found.token)
    logout_user()
    session.clear()


def forget_recent() -> None:
    """The person of this request has changed: ask the database the next time."""
    found = signed_in()
    if found is not None:
        current_app.extensions["orderline_recent"].forget(found.token)


def still_asked(found: SignedIn) -> str:
    """The page that must come first: the code, an own password, the second factor; "" when nothing is missing."""
    parts = cast(ConsoleParts, current_app.extensions["orderline_console"])
    if not found.verified:
        return "/sign-in/code"
    if found.person.must_change:
        return "/account"
    if parts.signing_in.second_factor_for_all and not found.person.has_second_factor:
        return "/account/second-factor"
    return ""


def safe_next(target: str) -> str:
    """A path on this site, or "": nobody is sent elsewhere after signing in."""
    split = urlsplit(target)
    is_path = target.startswith("/") and not target.startswith(("//", "/\\")) and not split.scheme and not split.netloc
    return target if is_path and "\\" not in target and target.isprintable() else ""


def _refusal(permission: str) -> ResponseReturnValue | None:
    found = signed_in()
    wants_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
    if found is None:
        if wants_page:
            return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'))}")
        raise web_error(401, "not_signed_in")
    first = still_asked(found)
    if first:
        if wants_page:
            return redirect(first)
        raise web_error(403, "not_verified")
    if permission and not found.person.may(permission):
        raise web_error(403, "not_allowed")
    return None
