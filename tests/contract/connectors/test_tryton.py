"""Tryton keeps the connector contract, and what only Tryton brings: drafts, people at its desk, a server that dies."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from orders.connectors.port import Accepted, Refused, SalesOrder, Unknown
from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.rpc import Declined, TrytonRpc
from orders.connectors.tryton.sales import Sales
from tests.contract.connectors.killed import DeathContract
from tests.contract.connectors.relay import Fault
from tests.contract.connectors.suite import ORDER, ConnectorContract, Note, SalesSide
from tests.contract.connectors.tryton_side import TrytonSide, running_side

pytestmark = [
    pytest.mark.peer("tryton", "postgres"),
    pytest.mark.xdist_group("connectors"),
    # Setting up Tryton's company takes a minute or two, once a machine.
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def running() -> Iterator[TrytonSide]:
    with running_side() as side:
        yield side


@pytest.fixture
def tryton(running: TrytonSide) -> TrytonSide:
    running.arm(Fault())
    return running


class TestOnTryton(ConnectorContract, DeathContract):
    @pytest.fixture
    def side(self, tryton: TrytonSide) -> SalesSide:
        return tryton


def order_of(key: str) -> SalesOrder:
    return replace(ORDER, order_key=key)


@pytest.mark.parametrize("seed", range(3))
def test_the_server_killed_anywhere_and_started_again(tryton: TrytonSide, seed: int) -> None:
    chance, note, order = random.Random(seed), Note(), order_of(f"killed-{seed}")
    # At the seeded answer of the delivery the wire stalls, and the server dies with the call in hand.
    tryton.arm(Fault("stall", chance.randrange(tryton.most_answers)))
    killer = threading.Timer(chance.random() * 0.5, tryton.server.kill)
    killer.start()
    first = tryton.connector.deliver(order, note)
    killer.join()
    tryton.arm(Fault())
    assert isinstance(first, Unknown | Accepted)
    if isinstance(first, Unknown):
        assert isinstance(tryton.connector.deliver(order, note), Unknown), "nobody is there"
    tryton.server.start()
    assert isinstance(tryton.connector.deliver(order, note), Accepted)
    assert tryton.times_held(order.order_key) == 1


def test_two_nodes_at_once(tryton: TrytonSide) -> None:
    with tryton.other() as one, tryton.other() as other, ThreadPoolExecutor(2) as pool:
        for number in range(12):
            order, note = order_of(f"two-nodes-{number}"), Note()
            results = list(pool.map(lambda node: node.deliver(order, note), [one, other]))  # noqa: B023 — done within
            assert any(result == Accepted(note.id) for result in results), results
            assert all(isinstance(result, Accepted | Unknown) for result in results), results
            assert tryton.times_held(order.order_key) == 1


def test_a_draft_that_came_late_is_swept(tryton: TrytonSide) -> None:
    order, note = order_of("late-draft"), Note()
    accepted = tryton.connector.deliver(order, note)
    assert isinstance(accepted, Accepted)
    late = tryton.administrator.call(
        "model.sale.sale.copy", [int(accepted.external_id)], {"reference": order.order_key, "sale_date": None}
    )
    assert tryton.drafts(order.order_key) == late
    tryton.administrator.call("model.sale.sale.write", late, {"sale_date": None, "description": "orderline 1"})
    list(tryton.connector.held(order.order_day))
    assert tryton.drafts(order.order_key) == late, "of no day: a person's own copy is left alone"
    _date(tryton, late)
    assert [one.order_key for one in tryton.connector.held(order.order_day)].count(order.order_key) == 1
    assert tryton.drafts(order.order_key) == []
    assert tryton.times_held(order.order_key) == 1


def _date(tryton: TrytonSide, sales: object) -> None:
    day = {"__class__": "date", "year": 2026, "month": 11, "day": 23}
    tryton.administrator.call("model.sale.sale.write", sales, {"sale_date": day})


def test_only_the_noted_draft_is_confirmed(tryton: TrytonSide) -> None:
    """Another node noted its own draft between our search and our note."""
    order, theirs = order_of("noted-first"), Note()
    assert isinstance(tryton.connector.deliver(order_of("pattern"), theirs), Accepted)
    copy = {"reference": order.order_key, "sale_date": None}
    (first,) = _ids(tryton.administrator.call("model.sale.sale.copy", [int(theirs.id)], copy))
    (second,) = _ids(tryton.administrator.call("model.sale.sale.copy", [int(theirs.id)], copy))
    note = Note()
    note.note(str(second))
    assert tryton.connector.deliver(order, note) == Accepted(str(second))
    assert tryton.drafts(order.order_key) == [first]


def _ids(answer: object) -> list[int]:
    assert isinstance(answer, list)
    return answer


@pytest.mark.parametrize("steps", [["quote"], ["quote", "confirm"]])
def test_a_sale_confirmed_by_hand_meanwhile(tryton: TrytonSide, steps: list[str]) -> None:
    order, note = order_of(f"by-hand-{len(steps)}"), Note()
    for answers in range(4 * tryton.most_answers):
        # One answer later each time, until the draft is noted and nothing more is known.
        tryton.arm(Fault("lose_answer", answers))
        result = tryton.connector.deliver(order, note)
        if note.id:
            break
        assert isinstance(result, Unknown)
    tryton.arm(Fault())
    # The answer that was lost may be that of our own quotation, or of the confirmation.
    if tryton.drafts(order.order_key):
        todo = steps
    else:
        todo = steps[1:] if tryton.sales(order.order_key, "state = 'quotation'") else []
    for step in todo:
        tryton.administrator.call(f"model.sale.sale.{step}", [int(note.id)])
    assert tryton.connector.deliver(order, note) == Accepted(note.id)
    assert tryton.times_held(order.order_key) == 1


def cancelled_by_hand(tryton: TrytonSide) -> tuple[SalesOrder, Note]:
    """A sale of ours that a person has taken back and cancelled, before Tryton's queue worker had processed it."""
    for attempt in range(20):
        order, note = replace(order_of(f"cancelled-{attempt}"), order_day="2026-11-26"), Note()
        assert isinstance(tryton.connector.deliver(order, note), Accepted)
        with contextlib.suppress(Declined):
            for step in ("draft", "cancel"):
                tryton.administrator.call(f"model.sale.sale.{step}", [int(note.id)])
            return order, note
    raise AssertionError("the queue worker was faster twenty times")


def test_a_sale_cancelled_by_hand_is_refused_and_told(tryton: TrytonSide) -> None:
    order, note = cancelled_by_hand(tryton)
    refused = tryton.connector.deliver(order, note)
    assert isinstance(refused, Refused)
    assert "was cancelled" in refused.reason
    held = {one.order_key: one.status for one in tryton.connector.held("2026-11-26")}
    assert held[order.order_key] == "rejected"


def test_a_draft_deleted_by_hand_is_not_made_again_unasked(tryton: TrytonSide) -> None:
    order, note = order_of("deleted"), Note()
    note.note("987654321")
    refused = tryton.connector.deliver(order, note)
    assert isinstance(refused, Refused)
    assert "orderline sales retry" in refused.reason
    assert isinstance(tryton.connector.deliver(order, Note()), Accepted), "asked: the note is forgotten"


def test_what_is_confirmed_meanwhile_can_not_be_undone(tryton: TrytonSide) -> None:
    """What the connector relies on when it refuses an order that another node delivers at the same time."""
    order, note = order_of("undone"), Note()
    assert isinstance(tryton.connector.deliver(order, note), Accepted)
    settings = tryton.server.settings
    with closing(TrytonRpc(settings)) as rpc:
        sales = Sales(CompanyRecords(rpc, settings))
        with contextlib.suppress(Declined):
            sales.cancel(int(note.id), rpc.deadline())
        with pytest.raises(Declined):
            sales.delete([int(note.id)], rpc.deadline())
    assert tryton.times_held(order.order_key) == 1


def test_a_quotation_changed_by_hand_is_refused_and_undone(tryton: TrytonSide) -> None:
    order, note = order_of("changed"), Note()
    for answers in range(tryton.most_answers):
        tryton.arm(Fault("lose_answer", answers))
        assert isinstance(tryton.connector.deliver(order, note), Unknown)
        if note.id:
            break
    line = tryton.administrator.ids("sale.line", [["sale", "=", int(note.id)]])[0]
    if not tryton.drafts(order.order_key):
        tryton.administrator.call("model.sale.sale.draft", [int(note.id)])
    tryton.administrator.call("model.sale.line.write", [line], {"quantity": 500})
    refused = tryton.connector.deliver(order, note)
    assert isinstance(refused, Refused)
    assert "content" in refused.reason
    assert tryton.sales(order.order_key) == []
