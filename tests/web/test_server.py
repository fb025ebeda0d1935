"""The web server on a real loopback socket: it begins, ends at once, and names a port that is taken."""

from __future__ import annotations

import dataclasses
import http.client
import socket
import threading
import time

import httpx
import pytest
from flask import Flask, request
from waitress.trigger import trigger

from admin.web.server import WebServer, WebServerError
from tests.web.conftest import SETTINGS, Site


def test_a_page_over_the_wire(site: Site) -> None:
    answer = httpx.get(f"{site.address}phone", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert "Browser phone" in answer.text
    assert answer.headers["Server"] == "orderline"


def test_a_taken_port_is_named_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = WebServer(Flask("empty"), dataclasses.replace(SETTINGS, port=port))
        with pytest.raises(WebServerError, match=f"web port {port} on 127.0.0.1 is taken.*web.port"):
            server.start()


def test_a_foreign_address_is_named() -> None:
    with pytest.raises(WebServerError, match=r"change web\.host"):
        WebServer(Flask("empty"), dataclasses.replace(SETTINGS, host="192.0.2.1")).start()


def test_stopping_ends_waiting_questions_and_frees_the_port(site: Site) -> None:
    call = httpx.post(f"{site.address}phone/calls", json={}).json()["call"]
    answers: list[httpx.Response] = []
    url = f"{site.address}phone/calls/{call}/commands?after=2&wait=8"
    asking = threading.Thread(target=lambda: answers.append(httpx.get(url)))
    asking.start()
    site.conversation.wait_for(lambda events: len(events) == 1)
    began = time.monotonic()
    line = site.conversation.line
    assert line is not None
    line.stop()
    asking.join(5)
    assert answers[0].json()["over"] is True
    assert time.monotonic() - began < 4


def test_a_stopped_server_leaves_no_thread_and_no_socket() -> None:
    server = WebServer(Flask("empty"), SETTINGS)
    server.start()
    port = server.port
    kept = http.client.HTTPConnection("127.0.0.1", port)
    kept.request("GET", "/")
    kept.getresponse().read()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(("web-server", "waitress"))]
    server.stop()
    server.stop()
    kept.close()
    for thread in threads:
        thread.join(5)  # waitress counts a worker as gone a moment before it is
    assert threads
    assert not any(thread.is_alive() for thread in threads)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_loop_that_is_woken_early_is_not_closed_under_its_waker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's loop may wake for another reason, just before the wake-up call of the stop is written."""
    pull = trigger._physical_pull

    def woken_before(self: trigger) -> None:
        pull(self)
        time.sleep(0.1)
        pull(self)

    server = WebServer(Flask("empty"), SETTINGS)
    server.start()
    httpx.get(server.address)
    monkeypatch.setattr(trigger, "_physical_pull", woken_before)
    server.stop()


def test_many_waiting_pages_leave_room_for_others(site: Site) -> None:
    """As many calls as allowed, each with its question waiting: pages and keys are answered all the same."""
    calls = [httpx.post(f"{site.address}phone/calls", json={}).json()["call"] for _ in range(SETTINGS.most_phone_calls)]
    urls = [f"{site.address}phone/calls/{call}" for call in calls]
    waiting = [threading.Thread(target=httpx.get, args=(f"{url}/commands?after=2&wait=8",)) for url in urls]
    for thread in waiting:
        thread.start()
    began = time.monotonic()
    assert httpx.get(f"{site.address}phone").status_code == 200
    assert httpx.post(f"{urls[0]}/keys", json={"key": "7", "seq": 1}).status_code == 204
    assert time.monotonic() - began < 4
    line = site.conversation.line
    assert line is not None
    line.stop()
    for thread in waiting:
        thread.join()


@pytest.mark.parametrize(
    ("proxy", "told", "believed"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9", "127.0.0.1"),
    ],
    ids=["no proxy", "by the proxy", "what the asker wrote itself", "by somebody else"],
)
def test_who_asks_is_believed_of_the_proxy_only(proxy: str, told: str, believed: str) -> None:
    app = Flask("who")
    app.add_url_rule("/", view_func=lambda: request.remote_addr or "")
    server = WebServer(app, dataclasses.replace(SETTINGS, proxy=proxy))
    server.start()
    try:
        assert httpx.get(server.address, headers={"X-Forwarded-For": told}).text == believed
    finally:
        server.stop()
