"""The web side without a socket: who is let in, what bodies are taken, what the phone's wire answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from admin.web.app import create_app
from admin.web.guard import Allowance
from ivr.lines.browser import BrowserLine
from ivr.lines.browser_terms import BrowserSettings
from ivr.lines.port import Arrived, Gone, Key, PlayEnded
from tests.web.conftest import EMPTY, NOON, SETTINGS, FixedQueries
from tests.web.scripted import Conversation


@pytest.fixture
def line(conversation: Conversation) -> BrowserLine:
    return conversation.open_line(BrowserSettings(most_calls=3))


@pytest.fixture
def client(conversation: Conversation, line: BrowserLine, queries: FixedQueries) -> FlaskClient:
    app = create_app(
        dataclasses.replace(SETTINGS, allowed_hosts=("orders.example.org",)),
        browser_line=line,
        queries=queries,
        clip_file=conversation.clip_file,
        now=lambda: NOON,
        allowance=Allowance(10, clock=lambda: 0.0),
    )
    return app.test_client()


@pytest.fixture
def call(client: FlaskClient) -> str:
    """The path of a call that was answered and is being greeted."""
    return f"/phone/calls/{client.post('/phone/calls', json={'caller': '13800000001'}).json['call']}"


def code_of(answer: TestResponse) -> tuple[int, str]:
    """Status and code of an error; its messages must be in both languages."""
    error = answer.json["error"]
    assert error["message"]["zh"] != error["message"]["en"]
    assert all(error["message"].values())
    return answer.status_code, error["code"]


def commands(client: FlaskClient, call: str, after: int = 0) -> list[dict[str, Any]]:
    return list(client.get(f"{call}/commands?after={after}&wait=0").json["commands"])


# -- who is let in


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:9", "[::1]:8080", "orders.example.org", "ORDERS.example.org:1"]
)
def test_known_host_names_are_let_in(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.test:80", "[", "x@y"])
@pytest.mark.parametrize("path", ["/", "/phone", "/static/phone.js", "/clips/clip-welcome.wav", "/nothing"])
def test_other_host_names_are_not(client: FlaskClient, host: str, path: str) -> None:
    """A page of another site whose name was pointed at this machine (DNS rebinding) reads nothing."""
    assert code_of(client.get(path, headers={"Host": host})) == (403, "forbidden_host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_foreign_pages_cannot_dial(client: FlaskClient, conversation: Conversation, headers: dict[str, str]) -> None:
    assert code_of(client.post("/phone/calls", json={}, headers=headers)) == (403, "foreign_origin")
    assert conversation.heard == []


def test_the_own_page_and_programs_can(client: FlaskClient) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/phone/calls", json={}, headers=own).status_code == 201
    assert client.post("/phone/calls", json={}).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_forms_are_no_calls(client: FlaskClient, kind: str) -> None:
    assert code_of(client.post("/phone/calls", data="{}", content_type=kind)) == (415, "not_json")


def test_every_answer_carries_the_protecting_headers(client: FlaskClient) -> None:
    for path in ("/", "/phone", "/static/phone.js", "/clips/clip-welcome.wav", "/nothing"):
        answer = client.get(path)
        headers = answer.headers
        answer.close()
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers


def test_pages_hold_no_inline_scripts_styles_or_outside_addresses() -> None:
    for path in Path("admin/web/templates").glob("*.html"):
        html = path.read_text("utf-8")
        assert "style=" not in html
        assert " onclick" not in html
        assert "<script>" not in html
        assert "http://" not in html
        assert "https://" not in html


# -- bodies


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        '{"caller": 5}',
        '{"caller": "' + "1" * 41 + '"}',
        '{"called": "1"}',
        '{"caller": "anonymous"}',
        "\ud800".encode("utf-8", "surrogatepass"),
        "[" * 3000,
    ],
)
def test_bodies_of_another_shape_are_refused(
    client: FlaskClient, conversation: Conversation, body: str | bytes
) -> None:
    answer = client.post("/phone/calls", data=body, content_type="application/json")
    assert code_of(answer) == (400, "bad_request")
    assert conversation.heard == []


def test_large_bodies_are_refused(client: FlaskClient) -> None:
    answer = client.post("/phone/calls", data=b" " * 5000 + b"{}", content_type="application/json")
    assert code_of(answer) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"key": "1"}, (400, "bad_request")),
        ({"key": "1", "seq": 0}, (400, "bad_request")),
        ({"key": "1", "seq": "1"}, (400, "bad_request")),
        ({"key": "1", "seq": 1.5}, (400, "bad_request")),
        ({"key": "", "seq": 1}, (400, "bad_request")),
        ({"key": "12", "seq": 1}, (400, "bad_request")),
        ({"key": "1", "seq": 1, "heard_ms": -1}, (400, "bad_request")),
        ({"key": "E", "seq": 1}, (400, "bad_key")),
        ({"key": "1", "seq": 2}, (409, "keys_missing")),
    ],
)
def test_keys_no_keypad_can_send(client: FlaskClient, call: str, body: Any, expected: tuple[int, str]) -> None:
    assert code_of(client.post(f"{call}/keys", json=body)) == expected


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1e3", "wait=-1", "wait=99", "after=٣", "after=99999999999"]
)
def test_questions_out_of_range(client: FlaskClient, call: str, query: str) -> None:
    assert code_of(client.get(f"{call}/commands?{query}")) == (400, "bad_request")


# -- a call


def test_a_call_goes_from_dialling_to_its_end(client: FlaskClient, conversation: Conversation, call: str) -> None:
    answer, play = commands(client, call)
    assert answer == {"n": 1, "do": "answer"}
    assert [clip["name"] for clip in play["clips"]] == ["welcome", "shop_choice"]
    assert play["clips"][0]["text"] == "您好，烟草订货热线。"
    client.post(f"{call}/keys", json={"key": "1", "seq": 1, "heard_ms": 321, "tag": play["tag"]})
    (pin,) = commands(client, call, 2)
    assert pin["secret"] is True
    for seq, key in enumerate("1234#11#", start=2):
        assert client.post(f"{call}/keys", json={"key": key, "seq": seq}).status_code == 204
    last = commands(client, call, 3)[-1]
    assert client.post(f"{call}/played", json={"tag": last["tag"]}).status_code == 204
    over = client.get(f"{call}/commands?after={last['n']}&wait=0").json
    assert over == {"commands": [{"n": last["n"] + 1, "do": "hang_up", "cause": "we_hung_up"}], "over": True}
    told = [event for _, event in conversation.heard]
    assert told[0] == Arrived("13800000001", "100", told[0].at)
    assert [(event.key, event.heard_ms) for event in told if isinstance(event, Key)][:2] == [("1", 321), ("1", 0)]
    assert told[-2:] == [PlayEnded(last["tag"]), Gone("we_hung_up")]


def test_the_page_hangs_up(client: FlaskClient, conversation: Conversation, call: str) -> None:
    assert client.post(f"{call}/hang-up", json={}).status_code == 204
    assert client.post(f"{call}/hang-up", json={}).status_code == 204
    assert conversation.heard[-1][1] == Gone("caller_hung_up")
    assert commands(client, call)[-1]["do"] == "hang_up"


@pytest.mark.parametrize("name", ["web-unknown", "..%2f..", "%00", "x" * 300])
def test_calls_that_are_not_there(client: FlaskClient, name: str) -> None:
    assert code_of(client.get(f"/phone/calls/{name}/commands")) in ((404, "no_call"), (404, "not_found"))
    assert client.post(f"/phone/calls/{name}/keys", json={"key": "1", "seq": 1}).status_code == 404
    assert client.post(f"/phone/calls/{name}/hang-up", json={}).status_code == 404


def test_a_full_line_says_so(client: FlaskClient) -> None:
    for _ in range(3):
        assert client.post("/phone/calls", json={}).status_code == 201
    assert code_of(client.post("/phone/calls", json={})) == (503, "line_full")


def test_nobody_dials_without_end(client: FlaskClient, conversation: Conversation) -> None:
    for _ in range(10):
        call = client.post("/phone/calls", json={}).json["call"]
        client.post(f"/phone/calls/{call}/hang-up", json={})
    assert code_of(client.post("/phone/calls", json={})) == (429, "too_many_calls")
    assert len([1 for _, event in conversation.heard if isinstance(event, Arrived)]) == 10


def test_an_allowance_comes_back_and_is_kept_by_name() -> None:
    at = 0.0
    allowance = Allowance(2, per_s=60, names=2, clock=lambda: at)
    assert [allowance.take("a") for _ in range(3)] == [True, True, False]
    assert allowance.take("b")
    at = 60.0
    assert allowance.take("a")


# -- clips


def test_a_clip_is_served_to_be_kept_for_ever(client: FlaskClient, conversation: Conversation) -> None:
    answer = client.get("/clips/clip-welcome.wav")
    assert answer.data == conversation.clips["welcome"].wav.read_bytes()
    assert answer.mimetype == "audio/wav"
    assert "immutable" in answer.headers["Cache-Control"]
    answer.close()


@pytest.mark.parametrize(
    "path",
    ["clip-none.wav", "..%2f..%2fpyproject.wav", "%2e%2e/x.wav", "clip-welcome.json", "a.wav", "clip%00.wav", ".wav"],
)
def test_nothing_but_clips_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(f"/clips/{path}").status_code == 404


def test_only_what_may_be_a_key_is_asked_of_the_prompt_store(line: BrowserLine, queries: FixedQueries) -> None:
    asked: list[str] = []

    def clip_file(key: str) -> None:
        asked.append(key)

    client = create_app(SETTINGS, browser_line=line, queries=queries, clip_file=clip_file).test_client()
    for name in ("..", "a b", "a.b", "abc", "x" * 129, "%00abcd", "~root", "good-key"):
        assert client.get(f"/clips/{name}.wav").status_code == 404
    assert asked == ["good-key"]


def test_a_clip_whose_file_is_gone_is_not_found(client: FlaskClient, conversation: Conversation) -> None:
    conversation.clips["welcome"].wav.unlink()
    assert code_of(client.get("/clips/clip-welcome.wav")) == (404, "not_found")


# -- pages


@pytest.mark.parametrize(
    ("path", "accepted", "tag"),
    [
        ("/phone", "zh-CN,zh;q=0.9", "zh-CN"),
        ("/phone", "en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("/phone", "de", "zh-CN"),
        ("/phone", "", "zh-CN"),
        ("/phone?lang=en", "zh", "en"),
        ("/?lang=zh", "en", "zh-CN"),
        ("/?lang=<script>", "en", "en"),
    ],
)
def test_the_language_is_the_one_asked_for(client: FlaskClient, path: str, accepted: str, tag: str) -> None:
    html = client.get(path, headers={"Accept-Language": accepted}).text
    assert f'<html lang="{tag}">' in html
    assert "<script>" not in html


def test_the_phone_page_offers_the_demo_callers_only_in_a_demo(
    client: FlaskClient, conversation: Conversation, line: BrowserLine, queries: FixedQueries
) -> None:
    assert "13800000003" in client.get("/phone").text
    production = dataclasses.replace(SETTINGS, suggested_callers=(), demo_pin="")
    app = create_app(production, browser_line=line, queries=queries, clip_file=conversation.clip_file)
    html = app.test_client().get("/phone").text
    assert "1234" not in html
    assert "13800000" not in html


def test_errors_are_pages_for_people_and_json_for_programs(client: FlaskClient) -> None:
    browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
    page = client.get("/nothing?lang=en", headers={"Accept": browsers})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "go back to the start page" in page.text
    for accepted in ("", "*/*", "application/json"):
        assert code_of(client.get("/nothing", headers={"Accept": accepted})) == (404, "not_found")
    assert "没有这个地址" in client.get("/nothing").text
    refused = client.post("/phone", json={})
    assert code_of(refused) == (405, "wrong_method")
    assert "GET" in refused.headers["Allow"]


def test_a_fault_of_ours_tells_nothing_of_the_inside(client: FlaskClient, queries: FixedQueries) -> None:
    queries.held = RuntimeError("secret path /etc/orderline")
    answer = client.get("/")
    assert code_of(answer) == (500, "fault")
    assert "secret" not in answer.text


def test_texts_are_whole_in_both_languages() -> None:
    zh, en = (json.loads(Path(f"admin/web/texts/{name}.json").read_text("utf-8")) for name in ("zh", "en"))
    assert list(zh) == list(en)
    for name in zh:
        assert [part.split("}")[0] for part in zh[name].split("{")[1:]] == [
            part.split("}")[0] for part in en[name].split("{")[1:]
        ]


def test_without_a_browser_phone_there_is_neither_page_nor_link() -> None:
    settings = dataclasses.replace(SETTINGS, phone=False)
    line = BrowserLine(BrowserSettings(), lambda _call, _event: None)
    app = create_app(settings, browser_line=line, queries=FixedQueries(EMPTY), clip_file=lambda _key: None)
    client = app.test_client()
    assert client.get("/phone").status_code == 404
    assert client.post("/phone/calls", json={"caller": "13800000001"}).status_code in (403, 404)
    assert "/phone" not in client.get("/").get_data(as_text=True)
