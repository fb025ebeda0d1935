"""Lines and fault tickets by the API: what the command line does, under the same rules, in the program's name."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from admin.web.console.parts import ConsoleParts
from ivr.lines.asterisk.trial_call import CantTry
from orders.models import FaultTicket, LineChange, PhoneLine
from tests.console.conftest import Console
from tests.console.test_api import Program, code_of, with_lines

BOTH = ("lines.read", "lines.write", "tickets.read", "tickets.write")


@pytest.fixture
def program(console: Console) -> Program:
    with_lines(console)
    return Program(console, *BOTH)


def test_a_line_goes_out_of_service_and_back(console: Console, program: Program) -> None:
    answer = program.post("/lines/carrier/out", {"reason": "cable work"})
    assert (answer.status_code, answer.json) == (200, {"lines": ["carrier"]})
    told = program.get("/lines/carrier").json
    assert (told["line"]["service"], told["line"]["out_reason"]) == ("out", "cable work")
    assert [(one["what"], one["by"]) for one in told["changes"]][:1] == [("out of service", "token bi")]
    again = program.post("/lines/carrier/out", {"reason": "cable work"})
    assert code_of(again) == (409, "cannot")
    assert "cable work" in again.json["error"]["problem"]
    assert program.post("/lines/carrier/in", {}).json == {"lines": ["carrier"]}
    with console.store.session() as session:
        assert session.scalars(select(PhoneLine.service).where(PhoneLine.name == "carrier")).one() == "in"


def test_a_board_goes_out_with_all_its_lines(program: Program) -> None:
    taken = program.post("/lines/board-a/out", {"reason": "smoke"}).json["lines"]
    assert len(taken) > 1
    out = {one["name"] for one in program.get("/lines").json["lines"] if one["service"] == "out"}
    assert out >= set(taken)


def test_a_failed_modules_lines_are_moved(console: Console, program: Program) -> None:
    before = program.get("/lines").json["spare_slots"]["outside"]
    assert before
    used = next(one for one in program.get("/slots").json["slots"] if one["use"] == "used" and one["side"] == "outside")
    answer = program.post("/slots/move", {"source": used["place"], "target": before[0]})
    assert answer.json["lines"] == used["lines"]
    assert program.get("/lines").json["spare_slots"]["outside"] == before[1:]
    assert code_of(program.post("/slots/move", {"source": "nowhere/1", "target": before[0]})) == (409, "cannot")
    with console.store.session() as session:
        changes = session.scalars(select(LineChange.what).where(LineChange.by == "token bi")).all()
    assert "moved" in changes


def test_a_test_call_says_what_was_heard(console: Console, program: Program) -> None:
    parts: ConsoleParts = console.app.extensions["orderline_console"]
    dialled: list[tuple[str, str]] = []

    def heard(line: str, number: str) -> tuple[str, str]:
        dialled.append((line, number))
        if number == "999":
            raise CantTry("999 is our own number")
        return "ok", "greeting after 1.2 s"

    console.app.extensions["orderline_console"] = dataclasses.replace(parts, try_line=heard)
    answer = program.post("/lines/carrier/test", {"number": "10086"})
    assert (answer.status_code, answer.json) == (200, {"result": "ok", "detail": "greeting after 1.2 s"})
    assert program.post("/lines/carrier/test", {"number": "999"}).json["error"]["problem"] == "999 is our own number"
    assert dialled == [("carrier", "10086"), ("carrier", "999")]
    assert program.post("/lines/carrier/test", {"number": "500&PJSIP/x"}).status_code == 400
    assert program.post("/lines/nowhere/test", {}).status_code == 404
    assert len(dialled) == 2


def test_a_node_without_asterisk_tests_nothing(program: Program) -> None:
    assert code_of(program.post("/lines/carrier/test", {})) == (409, "cannot")


def test_a_ticket_is_opened_once_noted_and_closed(console: Console, program: Program) -> None:
    wish = {"cause": "carrier", "about": "trunk:carrier", "summary": "dead since noon"}
    first, second = (program.post("/tickets", wish) for _ in range(2))
    assert (first.json["is_new"], second.json["is_new"]) == (True, False)
    number = first.json["ticket"]["number"]
    assert second.json["ticket"]["number"] == number
    assert "due_at" in first.json["ticket"]
    noted = program.post(f"/tickets/{number}/notes", {"text": "carrier called"}).json
    assert [one["what"] for one in noted["entries"]] == ["opened", "note"]
    closed = program.post(f"/tickets/{number}/close", {"why": "cable mended"})
    assert closed.json["ticket"]["state"] == "closed"
    assert code_of(program.post(f"/tickets/{number}/close", {"why": "again"})) == (409, "cannot")
    assert [one["number"] for one in program.get("/tickets").json["tickets"]] == [1]
    assert len(program.get("/tickets?closed=true").json["tickets"]) == 2
    with console.store.session() as session:
        assert session.get_one(FaultTicket, number).closed_by == "token bi"


def test_a_board_is_not_closed_before_somebody_was_on_site(program: Program) -> None:
    refused = program.post("/tickets/1/close", {"why": "fine again"})
    assert code_of(refused) == (409, "cannot")
    assert "on site" in refused.json["error"]["problem"]
    assert code_of(program.post("/tickets/1/notes", {"spare": "VB-1"})) == (409, "cannot")
    program.post("/tickets/1/notes", {"arrived": True, "spare": "VB-1"})
    assert program.post("/tickets/1/close", {"why": "exchanged"}).json["ticket"]["spare_serial"] == "VB-1"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tickets", {"cause": "weather", "about": "x", "summary": "y"}, 400),
        ("/tickets", {"cause": "node", "about": "x" * 81, "summary": "y"}, 400),
        ("/tickets", {"cause": "node", "about": "", "summary": "y"}, 400),
        ("/tickets/9/notes", {"text": "x"}, 404),
        ("/tickets/99999999999/close", {"why": "x"}, 404),
        ("/tickets/x/close", {"why": "x"}, 404),
        ("/tickets/1/notes", {}, 409),
        ("/lines/carrier/out", {"reason": ""}, 400),
        ("/lines/carrier/out", {}, 400),
        ("/lines/nowhere/out", {"reason": "x"}, 409),
    ],
)
def test_nonsense_changes_nothing(program: Program, path: str, body: dict[str, object], status: int) -> None:
    before = program.get("/tickets?closed=true").json, program.get("/lines").json
    assert program.post(path, body).status_code == status
    assert (program.get("/tickets?closed=true").json, program.get("/lines").json) == before


def test_reading_is_not_writing(console: Console) -> None:
    with_lines(console)
    reader = Program(console, "lines.read", "tickets.read")
    for path in ("/lines/carrier/out", "/lines/carrier/in", "/lines/carrier/test", "/slots/move", "/tickets/1/close"):
        assert code_of(reader.post(path, {})) == (403, "no_scope")
