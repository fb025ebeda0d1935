"""Tryton's JSON-RPC: one POST a call, one session for all threads, and what each kind of answer means.

Never sends a call twice, but for one whose session had lapsed: the server says so before it does anything. Whatever
comes back is hostile until it has the shape asked for.
"""

from __future__ import annotations

import base64
import itertools
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
import msgspec

from orders.connectors.tryton.settings import TrytonSettings

LARGEST_ANSWER = 64 * 1024 * 1024
KEPT_OPEN_S = 1.5
"""Below the 2 s after which gunicorn closes an idle connection: a call sent into a closing one would be Unknown."""

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """It is not known whether the call was carried out, or the server can't take calls now."""


class Declined(Exception):
    """The server did not do it and says why: a rule of its own (UserError), or a question to people (UserWarning)."""


class ServerFault(Exception):
    """The server stumbled over this very call; another one may do."""


class _Lapsed(Exception):
    """The session is over; nothing was done."""


class _Envelope(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None


class TrytonRpc:
    """Calls to one database as one user. Used by several threads at once."""

    def __init__(
        self,
        settings: TrytonSettings,
        *,
        now: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self.now = now
        self._path = f"{settings.url.rstrip('/')}/{settings.database}/rpc/"
        verify: ssl.SSLContext | bool = True
        if settings.ca_file:
            verify = ssl.create_default_context(cafile=settings.ca_file)
        self._http = httpx.Client(
            transport=transport,
            verify=verify,
            trust_env=False,  # the sales system is a neighbour: no proxy between
            follow_redirects=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=KEPT_OPEN_S),
        )
        self._login_lock = threading.Lock()
        self._session = ""
        self._numbers = itertools.count(1)

    def deadline(self) -> float:
        """When a delivery that begins now must have ended."""
        return self.now() + self._settings.gives_up_after_s

    def call(self, answer: type[Answer], until: float, method: str, *arguments: object) -> Answer:
        """Call `method` and read its result as `answer`. Raises NoAnswer, Declined, ServerFault."""
        session = self._session or self._logged_in("", until)
        try:
            return self._post(answer, until, method, arguments, session)
        except _Lapsed:
            session = self._logged_in(session, until)
        try:
            return self._post(answer, until, method, arguments, session)
        except _Lapsed:
            raise NoAnswer(
                "Tryton ends each new session at once: compare the clocks and [session] of its nodes"
            ) from None

    def close(self) -> None:
        self._http.close()

    def _logged_in(self, lapsed: str, until: float) -> str:
        """A session; of several threads that lost the same one, the first logs in for all."""
        with self._login_lock:
            if self._session != lapsed:
                return self._session
            user, parameters = self._settings.user, {"password": self._settings.password}
            try:
                number, token, *_ = self._post(list[Any], until, "common.db.login", (user, parameters, "en"), "")
            except _Lapsed:
                raise NoAnswer(f"Tryton refuses user {user!r} or its password: correct the settings") from None
            except ValueError:
                raise NoAnswer("Tryton's answer to the login is none: is this a Tryton server?") from None
            self._session = "Session " + base64.b64encode(f"{user}:{number}:{token}".encode()).decode()
            return self._session

    def _post(
        self, answer: type[Answer], until: float, method: str, arguments: tuple[object, ...], session: str
    ) -> Answer:
        body = msgspec.json.encode({"id": next(self._numbers), "method": method, "params": arguments})
        headers = {"Content-Type": "application/json", **({"Authorization": session} if session else {})}
        status, content = self._exchange(body, headers, until)
        if status == HTTPStatus.UNAUTHORIZED:
            raise _Lapsed
        if status != HTTPStatus.OK:
            raise _by_status(status, method, self._settings)
        return _read(content, answer, method)

    def _exchange(self, body: bytes, headers: dict[str, str], until: float) -> tuple[int, bytes]:
        allowed = min(self._settings.timeout_s, until - self.now())
        if allowed <= 0:
            raise NoAnswer("Tryton is too slow: out of time before the delivery was done")
        ends, content = self.now() + allowed, bytearray()
        try:
            with self._http.stream("POST", self._path, content=body, headers=headers, timeout=allowed) as response:
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > LARGEST_ANSWER:
                        raise NoAnswer(f"Tryton's answer is larger than {LARGEST_ANSWER // 1024**2} MB")
                    if self.now() > ends:
                        raise NoAnswer(f"Tryton has not finished its answer within {allowed:.1f} s")
        except httpx.TimeoutException:
            raise NoAnswer(f"Tryton has not answered within {allowed:.1f} s") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            raise NoAnswer(
                f"no connection to Tryton at {self._settings.url}: {error or type(error).__name__}"
            ) from None
        return response.status_code, bytes(content)


def _by_status(status: int, method: str, settings: TrytonSettings) -> Exception:
    match status:
        case HTTPStatus.FORBIDDEN:
            return NoAnswer(f"Tryton does not allow {method}: is this its address, and is the module sale active?")
        case HTTPStatus.NOT_FOUND:
            return NoAnswer(f"Tryton has no database {settings.database!r} at {settings.url}, or can't reach it now")
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.REQUEST_ENTITY_TOO_LARGE | HTTPStatus.BAD_REQUEST:
            return ServerFault(f"Tryton does not understand {method} (HTTP {status})")
        case HTTPStatus.TOO_MANY_REQUESTS:
            return NoAnswer(f"Tryton has had too many failed logins of {settings.user!r}; it lets it in again later")
    return NoAnswer(f"Tryton answered HTTP {status}")


def _read(content: bytes, answer: type[Answer], method: str) -> Answer:
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
    except msgspec.DecodeError as error:
        raise NoAnswer(f"no whole answer from Tryton to {method}: {error}") from None
    if envelope.error is not None:
        raise _error(envelope.error, method)
    try:
        return msgspec.json.decode(envelope.result, type=answer)
    except msgspec.DecodeError as error:
        raise ServerFault(f"Tryton's answer to {method} is not of the expected form: {error}") from None


def _error(error: object, method: str) -> Exception:
    """What the server reports: [kind, [message, …]] for errors of its own, else [text, traceback]."""
    match error:
        case ["UserError" | "UserWarning" as kind, [*words]]:
            said = " - ".join(str(word) for word in (words[1:] if kind == "UserWarning" else words[:2]) if word)
            asks = "; Tryton asks a person this: let its user answer it once with 'always'"
            return Declined(said + (asks if kind == "UserWarning" else ""))
        case ["ConcurrencyException", _]:
            return ServerFault("somebody else changed the same record in Tryton at this moment")
        case [str(text), *_]:
            return ServerFault(f"Tryton stumbled over {method}: {text[:200]}")
    return ServerFault(f"Tryton stumbled over {method}")
