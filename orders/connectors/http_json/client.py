"""One signed request and its bounded answer: no redirects, one connection each, and never longer than allowed."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from orders.connectors.http_json.addresses import checked_address
from orders.connectors.http_json.signing import SIGNATURE, TIMESTAMP, sign

MOST_ANSWER_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The other side: `url` of its API, the shared secret (bytes), and how long one request may take in all.

    `allow_private` lets it stand on this machine or in a private network; `ca_file` is its certificate authority when
    it is none of the public ones. Raises ValueError for a URL that is none.
    """

    url: str
    secret: bytes = field(repr=False)
    gives_up_after_s: float = 20.0
    allow_private: bool = False
    ca_file: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"sales.http.url {self.url!r}: write e.g. https://sales.example.com/orderline")
        if parts.username or parts.password:
            raise ValueError("sales.http.url names a user: the shared secret is what signs in here")
        if parts.scheme == "http" and not self.allow_private:
            raise ValueError("sales.http.url is not encrypted: use https, or allow_private for a test on this machine")
        if len(self.secret) < 16:
            raise ValueError("the shared secret of sales.http is shorter than 16 bytes: make a longer one")


class NotReached(Exception):
    """No whole answer came; whether the request arrived is not known. The message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body as received."""

    status: int
    body: bytes


class SignedClient:
    """Sends requests to one API, from any thread."""

    def __init__(self, settings: HttpSettings, *, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        parts = urlsplit(settings.url)
        self._host = str(parts.hostname)
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._scheme, self._base = parts.scheme, parts.path.rstrip("/")
        self._verify = _verifying(settings)

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """One request; `path` begins with "/" and may have a query. Raises NotReached, ForbiddenTarget."""
        deadline = time.monotonic() + self._settings.gives_up_after_s
        try:
            address = checked_address(self._host, self._port, allow_private=self._settings.allow_private)
        except OSError as error:
            raise NotReached(f"{self._host} is no known name here ({error.strerror or error})") from error
        target = self._base + path
        request = self._request(method, address, target, body, headers or {})
        try:
            # A connection of its own for each request: a kept one may be dead, and an order must not find out.
            with httpx.Client(verify=self._verify, trust_env=False) as client:
                answer = client.send(request, stream=True, follow_redirects=False)
                with contextlib.closing(answer):
                    return Answer(answer.status_code, _read(answer, deadline))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise NotReached(f"{self._host}: {str(error) or type(error).__name__}") from error

    def _request(self, method: str, address: str, target: str, body: bytes, headers: dict[str, str]) -> httpx.Request:
        at = int(self._now())
        where = f"[{address}]" if ":" in address else address
        host = self._host if self._port in (80, 443) else f"{self._host}:{self._port}"
        own = {
            "Host": host,
            "Content-Type": "application/json",
            "Accept": "application/json",
            TIMESTAMP: str(at),
            SIGNATURE: sign(self._settings.secret, at, method, target, body),
        }
        url = f"{self._scheme}://{where}:{self._port}{target}"
        # The certificate is checked against the name, though the address is connected to.
        patience = self._settings.gives_up_after_s
        times = {"connect": patience / 2, "read": patience, "write": patience, "pool": patience}
        extensions = {"sni_hostname": self._host, "timeout": times}
        return httpx.Request(method, url, content=body, headers=own | headers, extensions=extensions)


def _verifying(settings: HttpSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"sales.http.ca_file {settings.ca_file} can't be used ({error}): correct the path") from error


def _read(answer: httpx.Response, deadline: float) -> bytes:
    """The whole body. A side that sends a byte now and then would else hold us for ever."""
    pieces, size = [], 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MOST_ANSWER_BYTES:
            raise NotReached(f"its answer is larger than {MOST_ANSWER_BYTES // 1024**2} MB")
        if time.monotonic() > deadline:
            raise NotReached("its answer takes too long")
    return b"".join(pieces)
