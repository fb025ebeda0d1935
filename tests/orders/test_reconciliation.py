"""Both sides compared: every way in which they can differ is named, and settled by sending again or explaining."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from orders.comparing import OurOrder, compare
from orders.connectors.port import Accepted, Claim, Delivery, HeldLine, HeldOrder, SalesOrder, Unreachable
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.models import AuditEntry, Order, OutboxRow, ReconciliationDifference
from orders.order_desk import DomainOrderDesk
from orders.reconciliation import (
    NothingToSettle,
    explain,
    follow,
    open_differences,
    reconcile,
    send_missing_again,
)
from orders.retrying import RetrySchedule
from orders.store import Store
from tests.orders.conftest import TEN, TODAY
from tests.orders.test_ordering import opened, placed, put

LINES = (HeldLine("101", 10, 11_500), HeldLine("205", 2, 11_500))
OURS = OurOrder("k1", "20261123000001", "sent", "S1", 138_000, LINES)
THEIRS = HeldOrder("k1", "S1", 138_000, LINES, "accepted")


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        (OURS, [THEIRS], []),
        (OURS, [replace(THEIRS, lines=LINES[::-1], status="debited")], []),
        (OURS, [], ["missing_there"]),
        (replace(OURS, handed_over="waiting"), [], []),
        (replace(OURS, handed_over="waiting", external_id=""), [THEIRS], []),
        (replace(OURS, handed_over="dead"), [], []),
        (replace(OURS, handed_over="dead"), [THEIRS], ["dead_but_there"]),
        (OURS, [THEIRS, replace(THEIRS, external_id="S2")], ["double_there"]),
        (OURS, [replace(THEIRS, external_id="S9")], ["other_id"]),
        (OURS, [replace(THEIRS, amount_fen=1)], ["other_amount"]),
        (OURS, [replace(THEIRS, lines=LINES[:1])], ["other_lines"]),
        (OURS, [replace(THEIRS, lines=(*LINES, LINES[0]))], ["other_lines"]),
        (OURS, [replace(THEIRS, status="rejected", reason="no funds")], ["rejected_there"]),
        (OURS, [THEIRS, replace(THEIRS, order_key="by hand")], ["unknown_here"]),
    ],
)
def test_every_difference_has_its_name(ours: OurOrder, theirs: list[HeldOrder], kinds: list[str]) -> None:
    assert [one.kind for one in compare([ours], theirs).differences] == kinds


def test_the_counts_of_a_day() -> None:
    waiting = replace(OURS, order_key="k2", handed_over="waiting")
    result = compare([OURS, waiting], [THEIRS])
    assert (result.ours, result.held, result.matched, result.under_way) == (2, 1, 1, 1)


def test_lines_that_differ_are_told_one_by_one() -> None:
    theirs = replace(THEIRS, lines=(replace(LINES[0], accepted=9), LINES[1]))
    assert (
        compare([OURS], [theirs]).differences[0].detail == "only here: 101×10 at ¥115.00; only there: 101×9 at ¥115.00"
    )


class SalesInMemory:
    """A sales system that can be tampered with."""

    name = "memory"

    def __init__(self) -> None:
        self.orders: dict[str, HeldOrder] = {}
        self.away = False

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:
        lines = tuple(HeldLine(line.article_code, line.accepted, line.price_fen) for line in order.lines)
        held = HeldOrder(order.order_key, f"S{order.order_no}", order.amount_fen, lines, "accepted")
        return Accepted(self.orders.setdefault(order.order_key, held).external_id)

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        if self.away:
            raise Unreachable("no route to host")
        yield from self.orders.values()

    def close(self) -> None: ...


@pytest.fixture
def sales(store: Store, desk: DomainOrderDesk) -> SalesInMemory:
    """One order placed today and handed over."""
    opened(store, desk, "13800000001", "call-1")
    put(store, desk, "call-1", "101", 1)
    placed(store, desk, "call-1")
    sales = SalesInMemory()
    hand_over(store, sales)
    return sales


def hand_over(store: Store, sales: SalesInMemory) -> None:
    Dispatcher(HandOver(store, sales, RetrySchedule(), lambda: TEN)).run_once()


def the_key(store: Store) -> str:
    with store.session() as session:
        return session.scalars(select(OutboxRow.order_key).order_by(OutboxRow.id.desc())).first() or ""


def kinds(store: Store) -> list[str]:
    with store.session() as session:
        return [one.kind for one in open_differences(session)]


def test_a_missing_order_is_sent_again_and_then_all_is_well(store: Store, sales: SalesInMemory) -> None:
    key = the_key(store)
    del sales.orders[key]
    reconcile(store, sales, TODAY, TEN)
    assert kinds(store) == ["missing_there"]
    with store.transaction() as session:
        send_missing_again(session, key, "wang", TEN)
    hand_over(store, sales)
    run = reconcile(store, sales, TODAY, TEN + timedelta(hours=1))
    assert kinds(store) == []
    assert (run.ours, run.matched) == (1, 1)
    with store.session() as session:
        assert session.scalars(select(AuditEntry.what).where(AuditEntry.about == key)).all() == ["difference_resent"]


def test_an_explained_difference_stays_explained_until_it_changes(store: Store, sales: SalesInMemory) -> None:
    key = the_key(store)
    sales.orders["by-hand"] = replace(sales.orders[key], order_key="by-hand", external_id="H1")
    reconcile(store, sales, TODAY, TEN)
    with store.transaction() as session:
        explain(session, "by-hand", "entered at the counter", "wang", TEN)
    reconcile(store, sales, TODAY, TEN)
    assert kinds(store) == []
    sales.orders["by-hand"] = replace(sales.orders["by-hand"], amount_fen=7)
    reconcile(store, sales, TODAY, TEN)
    assert kinds(store) == ["unknown_here"]


def test_what_was_open_and_is_well_again_is_gone(store: Store, sales: SalesInMemory) -> None:
    key = the_key(store)
    there = sales.orders.pop(key)
    reconcile(store, sales, TODAY, TEN)
    sales.orders[key] = there
    reconcile(store, sales, TODAY, TEN)
    with store.session() as session:
        assert session.scalars(select(ReconciliationDifference.state)).all() == ["gone"]


def test_settling_nothing_is_told(store: Store, sales: SalesInMemory) -> None:
    with store.transaction() as session, pytest.raises(NothingToSettle, match="orderline sales reconcile"):
        send_missing_again(session, the_key(store), "wang", TEN)
    with store.transaction() as session, pytest.raises(NothingToSettle, match="write why"):
        explain(session, the_key(store), "  ", "wang", TEN)


def test_what_became_of_an_order_comes_home(store: Store, sales: SalesInMemory) -> None:
    key = the_key(store)
    for status in ("awaiting_debit", "debited"):
        sales.orders[key] = replace(sales.orders[key], status=status)
        assert follow(store, sales, TODAY) == 1
        assert follow(store, sales, TODAY) == 0
        with store.session() as session:
            assert session.scalars(select(Order.status).where(Order.order_key == key)).all() == [status]


def test_a_system_that_knows_of_no_debits_leads_nothing_back(store: Store, sales: SalesInMemory) -> None:
    key = the_key(store)
    with store.transaction() as session:
        session.execute(update(Order).where(Order.order_key == key).values(status="debited"))
    assert follow(store, sales, TODAY) == 0


def test_a_system_that_is_away_changes_nothing(store: Store, sales: SalesInMemory) -> None:
    sales.away = True
    with pytest.raises(Unreachable):
        reconcile(store, sales, TODAY, TEN)
    assert kinds(store) == []


def test_a_seeded_fault_is_found(store: Store, sales: SalesInMemory) -> None:
    """What the comparison is for: somebody changes an amount in our own books."""
    key = the_key(store)
    with store.transaction() as session:
        session.execute(update(Order).where(Order.order_key == key).values(amount_fen=1))
    reconcile(store, sales, TODAY, TEN)
    assert kinds(store) == ["other_amount"]
