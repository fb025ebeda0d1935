"""Online orders and settlements by the API: checked whole, kept once, faults named by order and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.imports.writers import WRITERS, Values
from orders.models import AuditEntry, Order
from tests.console.conftest import Console
from tests.console.test_api import Program, code_of

BOTH = ("online_orders.write", "settlements.write")
LINES = [{"code": "101", "cartons": 3, "price_fen": 11_500}, {"code": "205", "cartons": 2, "price_fen": 20_050}]


def online(number: str, *lines: dict[str, object], **other: object) -> dict[str, object]:
    order = {"order_no": number, "licence_no": "420102100001", "order_day": "2026-11-23", "lines": list(lines or LINES)}
    return order | other


def kept(console: Console) -> list[tuple[str, str, int, str]]:
    with console.store.session() as session:
        orders = session.scalars(select(Order).where(Order.channel == "online").order_by(Order.id))
        return [(one.order_key, str(one.order_day), one.amount_fen, one.status) for one in orders]


def test_an_online_order_is_kept_once_and_settled(console: Console) -> None:
    program = Program(console, *BOTH)
    for _ in range(3):
        answer = program.post("/online-orders", {"orders": [online("W1")]})
        assert (answer.status_code, answer.json) == (200, {"received": 1, "kept": 1, "faults": []})
    assert kept(console) == [("online-W1", "2026-11-23", 74_600, "accepted")]
    settled = program.post("/settlements", {"settlements": [{"order_no": "W1", "status": "debited"}]})
    assert settled.json["kept"] == 1
    again = program.post("/settlements", {"settlements": [{"order_no": "W1", "status": "accepted"}]})
    assert again.status_code == 200
    assert [status for *_, status in kept(console)] == ["debited"], "a state never leads back"
    with console.store.session() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.what == "imported"))
        notes = {(one.actor, one.about) for one in entries}
    assert ("token bi", "online-orders by the API") in notes


def test_all_or_none_unless_the_good_ones_are_wanted(console: Console) -> None:
    program = Program(console, *BOTH)
    bad = online("W3", LINES[0], LINES[1] | {"code": "999"})
    answer = program.post("/online-orders", {"orders": [online("W2"), bad]})
    assert answer.status_code == 422
    assert answer.json["kept"] == 0
    assert [(one["order_no"], one["line"]) for one in answer.json["faults"]] == [("W3", 2)]
    assert "no article 999" in answer.json["faults"][0]["problem"]
    assert kept(console) == []
    good = program.post("/online-orders", {"orders": [online("W2"), bad], "keep_good": True})
    assert (good.status_code, good.json["kept"], len(good.json["faults"])) == (200, 1, 1)
    assert [key for key, *_ in kept(console)] == ["online-W2"], "half an order is none"


@pytest.mark.parametrize(
    ("order", "field", "problem"),
    [
        (online("W4", licence_no="42"), "licence_no", "12 digits"),
        (online("W4", licence_no="429999999999"), "", "no retailer"),
        (online("W4", order_day="tomorrow"), "order_day", "2026"),
        (online("W4", status="sold"), "status", "accepted"),
        (online("W4", LINES[0] | {"cartons": 0}), "cartons", "1"),
        (online("W4", LINES[0] | {"price_fen": 0}), "price_fen", "amount"),
        (online("W4", LINES[0], LINES[0]), "order_no", "twice"),
        (online("../W4"), "order_no", "letters"),
    ],
)
def test_each_fault_is_named(console: Console, order: dict[str, object], field: str, problem: str) -> None:
    answer = Program(console, *BOTH).post("/online-orders", {"orders": [order]})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json["faults"]} == {field}
    assert problem in answer.json["faults"][0]["problem"]
    assert kept(console) == []


def test_of_an_order_sent_again_the_lines_are_replaced_until_money_has_moved(console: Console) -> None:
    program = Program(console, *BOTH)
    program.post("/online-orders", {"orders": [online("W1")]})
    program.post("/online-orders", {"orders": [online("W1", LINES[1])]})
    assert kept(console) == [("online-W1", "2026-11-23", 40_100, "accepted")]
    program.post("/settlements", {"settlements": [{"order_no": "W1", "status": "debited"}]})
    answer = program.post("/online-orders", {"orders": [online("W1")]})
    assert answer.status_code == 422
    assert "its lines stay" in answer.json["faults"][0]["problem"]
    assert program.post("/online-orders", {"orders": [online("W1", LINES[1])]}).json["kept"] == 1
    assert kept(console) == [("online-W1", "2026-11-23", 40_100, "debited")]


def test_one_number_twice_is_neither(console: Console) -> None:
    program, twice = Program(console, *BOTH), [online("W1", LINES[0]), online("W1", LINES[1]), online("W2")]
    assert program.post("/online-orders", {"orders": twice}).status_code == 422
    assert kept(console) == []
    answer = program.post("/online-orders", {"orders": twice, "keep_good": True})
    assert [(one["order_no"], one["problem"]) for one in answer.json["faults"]] == [("W1", "comes twice; send it once")]
    assert [key for key, *_ in kept(console)] == ["online-W2"]


@pytest.mark.parametrize("keep_good", [True, False])
def test_a_death_in_the_middle_leaves_whole_orders_only(
    console: Console, keep_good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, written = WRITERS["online-orders"], []

    def dies(session: Session, lines: Sequence[Values]) -> None:
        written.append(str(lines[0]["order_no"]))
        # Each is rehearsed first where the good ones are wanted.
        if written.count("W30") == (2 if keep_good else 1):
            raise RuntimeError("the power is gone")
        writer.write(session, lines)

    monkeypatch.setitem(WRITERS, "online-orders", replace(writer, write=dies))
    console.app.config["PROPAGATE_EXCEPTIONS"] = False
    orders = [online(f"W{number}") for number in range(60)]
    answer = Program(console, *BOTH).post("/online-orders", {"orders": orders, "keep_good": keep_good})
    assert answer.status_code == 500
    assert {amount for _, _, amount, _ in kept(console)} <= {74_600}
    assert len(kept(console)) == (24 if keep_good else 0)


def test_too_many_lines_for_one_transaction(console: Console) -> None:
    many = [{"order_no": f"W{number}", "status": "debited"} for number in range(1_001)]
    answer = Program(console, *BOTH).post("/settlements", {"settlements": many})
    assert code_of(answer) == (413, "too_many_at_once")


def test_a_number_that_two_orders_have_is_asked_about(console: Console) -> None:
    program = Program(console, *BOTH)
    program.post("/online-orders", {"orders": [online("W1"), online("20261123000001")]})
    with console.store.transaction() as session:
        session.scalars(select(Order).where(Order.order_key == "online-W1")).one().order_no = "20261123000001"
    answer = program.post("/settlements", {"settlements": [{"order_no": "20261123000001", "status": "debited"}]})
    assert answer.status_code == 422
    assert "write the order key" in answer.json["faults"][0]["problem"]
    meant = {"settlements": [{"order_no": "online-W1", "status": "debited"}]}
    assert program.post("/settlements", meant).json["kept"] == 1
    assert [status for *_, status in kept(console)] == ["debited", "accepted"]


def test_good_settlements_are_kept_beside_bad_ones(console: Console) -> None:
    program = Program(console, *BOTH)
    program.post("/online-orders", {"orders": [online("W1"), online("W2")]})
    three = [{"order_no": number, "status": "debited"} for number in ("W1", "W9", "W2")]
    answer = program.post("/settlements", {"settlements": three, "keep_good": True})
    assert (answer.status_code, answer.json["kept"]) == (200, 2)
    assert [one["order_no"] for one in answer.json["faults"]] == ["W9"]
    assert [status for *_, status in kept(console)] == ["debited", "debited"]


def test_a_settlement_of_nothing_is_a_fault(console: Console) -> None:
    nothing = {"settlements": [{"order_no": "W9", "status": "debited"}]}
    answer = Program(console, *BOTH).post("/settlements", nothing)
    assert answer.status_code == 422
    assert "no order W9" in answer.json["faults"][0]["problem"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"orders": []}',
        b'{"orders": [{"order_no": "W1"}]}',
        b'{"orders": [], "more": 1}',
        b'{"orders": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
def test_rubbish_is_refused_with_a_reason(console: Console, body: bytes) -> None:
    answer = Program(console, *BOTH).post("/online-orders", body)
    assert code_of(answer) == (400, "bad_body")
    assert answer.json["error"]["problem"]


def test_what_is_too_large_or_no_json_is_refused(console: Console) -> None:
    program = Program(console, *BOTH)
    assert program.post("/settlements", b'{"settlements": [' + b" " * 5_000_000).status_code == 413
    assert program.post("/settlements", b"order_no=1", "application/x-www-form-urlencoded").status_code == 415


def test_each_scope_opens_its_own_door_only(console: Console) -> None:
    program = Program(console, "settlements.write")
    assert code_of(program.post("/online-orders", {"orders": [online("W1")]})) == (403, "no_scope")
    assert code_of(program.get("/orders")) == (403, "no_scope")
    assert program.get("/settlements").status_code == 405


def test_what_is_answered_is_as_the_document_says(console: Console) -> None:
    program = Program(console, *BOTH)
    document = program.get("/openapi.json").json
    validate(document)
    assert document["paths"]["/online-orders"]["post"]["requestBody"]["required"]
    shapes = {"components": {"schemas": document["components"]["schemas"]}}
    answer = program.post("/online-orders", {"orders": [online("W4", licence_no="42")]})
    told = Draft202012Validator({"$ref": "#/components/schemas/IntakeReport"} | shapes)
    assert list(told.iter_errors(answer.json)) == []
    asked = Draft202012Validator({"$ref": "#/components/schemas/OnlineOrders"} | shapes)
    assert list(asked.iter_errors({"orders": [online("W1")]})) == []
    assert list(asked.iter_errors({"orders": []}))
