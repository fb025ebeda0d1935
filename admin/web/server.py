"""Serves the web side with waitress on a thread of its own: begin, end, and a clear word when the port is taken."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

import structlog
from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from admin.web.settings import WebSettings

log = structlog.get_logger(__name__)


class WebServerError(RuntimeError):
    """The web port can't be opened; the message names it and the setting to change."""


class WebServer:
    """One waitress server. `port` is the bound one once started (settings may say 0: any free port)."""

    def __init__(self, app: Flask, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings
        self._server: Any = None
        self._sockets: dict[int, Any] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.port = settings.port

    @property
    def address(self) -> str:
        """What to open in a browser on this machine."""
        host = self._settings.host
        if host in ("", "0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
            host = "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def start(self) -> None:
        """Bind and serve. Raises WebServerError."""
        listening = self._bind()
        self._ending.clear()
        self._server = create_server(
            self._app,
            sockets=[listening],
            map=self._sockets,
            threads=self._settings.threads,
            connection_limit=200,
            channel_timeout=60,
            # The body limit of the application counts; this one keeps floods from ever being read.
            max_request_body_size=self._settings.most_upload_bytes + (1 << 16),
            clear_untrusted_proxy_headers=True,
            **_proxy(self._settings.proxy),
            ident="orderline",
        )
        self.port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="web-server", daemon=True)
        self._thread.start()
        log.info("web_started", address=self.address)

    def stop(self) -> None:
        """Take no more requests, let those in progress end, close the port. The browser line is to be closed before."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        self._ending.set()
        server.trigger.pull_trigger()
        thread.join(timeout=5)
        # Only now: closed under the loop's hands, or while it is being woken, the descriptor could be somebody else's.
        wasyncore.close_all(self._sockets, ignore_all=True)
        self._server = self._thread = None

    def _serve(self) -> None:
        # poll, not select: descriptors beyond 1023 are nothing unusual on a node full of calls.
        while not self._ending.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)

    def _bind(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except socket.gaierror as error:
            raise WebServerError(f"web.host {host!r} is no address of this machine: change web.host") from error
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen(128)
        except OSError as error:
            listening.close()
            raise WebServerError(_why(error, host, port)) from error
        return listening


def _proxy(address: str) -> dict[str, Any]:
    """Only the last address the proxy adds is believed: what stands before it, anybody may have written."""
    return {"trusted_proxy": address, "trusted_proxy_headers": {"x-forwarded-for"}} if address else {}


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"web port {port} on {host} is taken: stop the program that has it, or change web.port"
    if error.errno == errno.EACCES:
        return f"web port {port} needs root: choose one above 1023 in web.port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: change web.host"
    return f"web port {port} on {host} can't be opened ({error.strerror}): change web.host or web.port"
