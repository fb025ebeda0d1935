"""The REST API: tokens with scopes, pages, errors for programs, and a document that says what is answered."""

from __future__ import annotations

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource

from ivr.plant_registry import write_plant
from orders.faults.clauses import Fault, Terms
from orders.faults.tickets import open_ticket
from tests.console.conftest import NOON, Console, call
from tests.orders.lines.test_registry import PLANT

ZONE = ZoneInfo("Asia/Shanghai")

ALL = ("orders.read", "retailers.read", "catalogue.read", "calls.read", "lines.read", "tickets.read")
PATHS = {
    "/orders": "/orders?day=2026-11-22&limit=2",
    "/orders/{order_no}": "",
    "/retailers": "/retailers?limit=3",
    "/retailers/{licence_no}": "/retailers/420102100001",
    "/articles": "/articles",
    "/calls": "/calls?since=2026-11-01T00:00:00Z",
    "/calls/{id}": "/calls/c1",
    "/lines": "/lines",
    "/lines/{name}": "/lines/carrier",
    "/slots": "/slots",
    "/tickets": "/tickets?closed=true",
    "/tickets/{number}": "/tickets/1",
}


class Program:
    """A program with a token."""

    def __init__(self, console: Console, *scopes: str, days: str = "") -> None:
        admin = console.as_("administrator")
        form = {"name": "bi", "scope": list(scopes), "days": days}
        found = re.search(r"<code>(ol_[^<]+)</code>", admin.post("/tokens", form, page="/tokens").text)
        assert found
        self.token, self._client = found[1], console.app.test_client()

    def get(self, path: str) -> Any:
        return self._client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"})

    def post(self, path: str, body: object, mimetype: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._client.post(f"/api/v1{path}", data=data, headers=headers, content_type=mimetype)


def with_lines(console: Console) -> None:
    """A registry of lines, and one ticket."""
    with console.store.transaction() as session:
        write_plant(session, PLANT, NOON, "tests")
        open_ticket(session, Fault("board", "board:board-a", "no lamp is lit"), NOON, "tests", Terms(ZONE))


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_every_answer_is_as_the_document_says(console: Console) -> None:
    call(console, "c1", "13800000001", "11234#1")
    with_lines(console)
    program = Program(console, *ALL)
    document = program.get("/openapi.json").json
    validate(document)
    registry = Registry().with_resource("urn:api", Resource.from_contents(document, default_specification=_spec()))
    number = console.as_("auditor").get("/retailers/1").text
    found = re.search(r'href="/orders/(\d+)"', number)
    assert found
    assert {path for path, how in document["paths"].items() if "get" in how} == set(PATHS)
    for path, asked in PATHS.items():
        answer = program.get(asked or f"/orders/{found[1]}")
        assert answer.status_code == 200, answer.text
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        absolute = {"$ref": f"urn:api{schema['$ref']}"}
        assert list(Draft202012Validator(absolute, registry=registry).iter_errors(answer.json)) == []


def _spec() -> Any:
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    return DRAFT202012


def test_without_a_token_or_its_scope_nothing_is_told(console: Console) -> None:
    client = console.app.test_client()
    assert code_of(client.get("/api/v1/orders")) == (401, "no_token")
    for given in ("Bearer ol_wrong", "Basic abc", "Bearer ", "Bearer " + "x" * 5000):
        answer = client.get("/api/v1/orders", headers={"Authorization": given})
        assert code_of(answer) == (401, "no_token")
    program = Program(console, "catalogue.read")
    assert program.get("/articles").status_code == 200
    assert code_of(program.get("/orders")) == (403, "no_scope")


def test_a_console_session_is_no_token(console: Console) -> None:
    assert console.as_("administrator").client.get("/api/v1/orders").status_code == 401


def test_a_token_ends_and_can_be_revoked(console: Console) -> None:
    program, other = Program(console, "catalogue.read", days="30"), Program(console, "catalogue.read")
    console.as_("administrator").post("/tokens/2/revoke", page="/tokens")
    assert program.get("/articles").status_code == 200
    assert other.get("/articles").status_code == 401
    console.clock.pass_(days=31)
    assert program.get("/articles").status_code == 401


def test_pages_follow_one_another_without_gap_or_double(console: Console) -> None:
    program = Program(console, *ALL)
    licences: list[str] = []
    after = ""
    while True:
        answer = program.get(f"/retailers?limit=100&after={after}").json
        licences += [one["licence_no"] for one in answer["retailers"]]
        after = answer["next"]
        if after is None:
            break
    assert len(licences) == len(set(licences)) == 214
    assert "pin" not in program.get("/retailers?q=ygbl").text


@pytest.mark.parametrize(
    "path",
    [
        "/orders?day=yesterday",
        "/orders?since=2026-11-23",
        "/orders?limit=5000",
        "/orders?after=x",
        "/calls?since=noon",
        "/calls?after=~~",
    ],
)
def test_wrong_parameters_are_named(console: Console, path: str) -> None:
    answer = Program(console, *ALL).get(path)
    assert code_of(answer) == (400, "bad_parameter")
    assert answer.json["error"]["parameter"] in ("day", "since", "limit", "after")
