"""What Tryton's answers mean, hostile ones too, and when a call is sent again: once, after a lapsed session."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from orders.connectors.tryton import rpc
from orders.connectors.tryton.rpc import Declined, NoAnswer, ServerFault, TrytonRpc
from orders.connectors.tryton.settings import TrytonSettings

SETTINGS = TrytonSettings("https://erp.example.com", "erp", "orderline", "secret", timeout_s=5, gives_up_after_s=10)
LOGIN = {"id": 1, "result": [7, "token", None]}


class Scripted:
    """Answers the login, then each call with the next of `answers`; keeps the methods asked."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[], httpx.Response]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.clock = 100.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        method = json.loads(request.content)["method"]
        self.asked.append(method)
        if method == "common.db.login":
            return httpx.Response(200, json=LOGIN)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer()

    def call(self, answer: type = list[int]) -> object:
        client = TrytonRpc(SETTINGS, now=lambda: self.clock, transport=httpx.MockTransport(self))
        return client.call(answer, client.deadline(), "model.sale.sale.search", [], {})


def says(**content: object) -> httpx.Response:
    return httpx.Response(200, json={"id": 1, **content})


def test_a_result_of_the_expected_form() -> None:
    assert Scripted(says(result=[1, 2])).call() == [1, 2]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (says(error=["UserError", ["No address.", "Add one.", None]]), Declined, "No address. - Add one."),
        (says(error=["UserWarning", ["late", "Really?", ""]]), Declined, "Really?; Tryton asks a person this"),
        (says(error=["ConcurrencyException", "changed"]), ServerFault, "same record"),
        (says(error=["'no.model'", "Traceback …"]), ServerFault, "no.model"),
        (says(error=3), ServerFault, "stumbled"),
        (says(result=["1"]), ServerFault, "expected form"),
        (says(result={"__class__": "Decimal"}), ServerFault, "expected form"),
        (httpx.Response(200, text="<html>Login</html>"), NoAnswer, "no whole answer"),
        (httpx.Response(200, content=b'{"id": 1, "resu'), NoAnswer, "no whole answer"),
        (httpx.Response(200, content=b"[" * 100_000), NoAnswer, "no whole answer"),
        (httpx.Response(302, headers={"Location": "http://127.0.0.1/"}), NoAnswer, "HTTP 302"),
        (httpx.Response(403), NoAnswer, "is the module sale active"),
        (httpx.Response(404), NoAnswer, "no database 'erp'"),
        (httpx.Response(422), ServerFault, "does not understand"),
        (httpx.Response(502, text="Bad Gateway"), NoAnswer, "HTTP 502"),
        (httpx.ReadTimeout("slow"), NoAnswer, "not answered within 5.0 s"),
        (httpx.ConnectError("refused"), NoAnswer, "no connection to Tryton at https://erp.example.com"),
        (httpx.RemoteProtocolError("gone"), NoAnswer, "no connection"),
    ],
)
def test_what_an_answer_means(answer: httpx.Response | Exception, error: type[Exception], said: str) -> None:
    server = Scripted(answer)
    with pytest.raises(error, match=re.escape(said)):
        server.call()
    assert server.asked == ["common.db.login", "model.sale.sale.search"], "sent once"


def test_a_lapsed_session_is_renewed_once() -> None:
    server = Scripted(httpx.Response(401), says(result=[5]))
    assert server.call() == [5]
    assert server.asked == ["common.db.login", "model.sale.sale.search"] * 2


def test_sessions_that_never_hold() -> None:
    with pytest.raises(NoAnswer, match="ends each new session"):
        Scripted(httpx.Response(401), httpx.Response(401)).call()


def test_an_answer_that_drips_is_given_up() -> None:
    server = Scripted()

    def dripping() -> Iterator[bytes]:
        while True:
            server.clock += 1
            yield b" "

    server.answers.append(httpx.Response(200, content=dripping()))
    with pytest.raises(NoAnswer, match=r"not finished its answer within 5\.0 s"):
        server.call()


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "LARGEST_ANSWER", 3 * 1024 * 1024)
    endless = (b" " * 65536 for _ in range(10_000))
    with pytest.raises(NoAnswer, match="larger than 3 MB"):
        Scripted(httpx.Response(200, content=endless)).call()


def test_the_password_shows_nowhere() -> None:
    assert "secret" not in repr(SETTINGS)
    with pytest.raises(NoAnswer) as caught:
        Scripted(httpx.ConnectError("refused")).call()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "erp.example.com"},
        {"database": "../etc"},
        {"mark": "100%"},
        {"timeout_s": 50.0},
        {"gives_up_after_s": 60.0},
        {"create_missing": True},
        {"calls_at_once": 0},
    ],
)
def test_settings_that_can_not_work(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"write|must be|set its name"):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type]
