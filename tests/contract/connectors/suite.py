"""The contract of `orders.connectors.port`, as tests: a connector's own module gives the fixture `side`.

What is compared is always what the sales system holds, looked up on its own side, never what the connector says of it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import pytest

from orders.connectors.port import (
    Accepted,
    Connector,
    HeldLine,
    Refused,
    SalesLine,
    SalesOrder,
    Unknown,
    Unreachable,
)
from tests.contract.connectors.relay import KINDS, Fault, FaultKind, any_fault

ORDER = SalesOrder(
    order_key="1-20261123-9",
    order_no="20261123000001",
    order_day="2026-11-23",
    placed_at="2026-11-23T02:00:00+00:00",
    channel="phone",
    licence_no="420102100001",
    retailer="阳光便利店",
    amount_fen=138_000,
    lines=(SalesLine(1, "101", 10, 10, 11_500), SalesLine(2, "205", 5, 2, 11_500)),
)


class Note:
    """The claim as the outbox keeps it, in memory: outlives a failed delivery, the first id stands."""

    def __init__(self) -> None:
        self.id = ""

    def standing(self) -> str:
        return self.id

    def note(self, external_id: str) -> str:
        self.id = self.id or external_id
        return self.id


class SalesSide(Protocol):
    """A sales system under test and the ways to it. `most_answers`: pieces of answer in one delivery, about."""

    connector: Connector
    most_answers: int

    def arm(self, fault: Fault) -> None:
        """Break the wire of `connector`."""

    def times_held(self, order_key: str) -> int:
        """How many live, binding orders the system holds under this key, looked up past connector and wire."""

    def description(self) -> dict[str, object]:
        """What another process needs to connect to it: `kind`, and what `tests.crash.hand_over_worker` makes of it."""

    def poisoned(self, order: SalesOrder) -> SalesOrder:
        """The same order with content this system refuses for good."""


class ConnectorContract:
    """Tests every connector passes."""

    def test_the_same_key_is_the_same_order(self, side: SalesSide) -> None:
        order, note = replace(ORDER, order_key="same-key"), Note()
        first, again = side.connector.deliver(order, note), side.connector.deliver(order, note)
        assert isinstance(first, Accepted)
        assert again == first
        assert side.connector.deliver(order, Note()) == first, "even when our own note of it is lost"
        assert side.times_held("same-key") == 1

    def test_another_order_under_an_old_key_is_refused(self, side: SalesSide) -> None:
        order, note = replace(ORDER, order_key="old-key"), Note()
        side.connector.deliver(order, note)
        other = replace(order, amount_fen=126_500, lines=(replace(order.lines[0], accepted=9), order.lines[1]))
        changed = side.connector.deliver(other, note)
        assert isinstance(changed, Refused)
        assert "content" in changed.reason
        assert side.times_held("old-key") == 1

    def test_eight_deliveries_at_once_are_one_order(self, side: SalesSide) -> None:
        order, note = replace(ORDER, order_key="at-once"), Note()
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: side.connector.deliver(order, note), range(8)))
        settled = side.connector.deliver(order, note)
        assert isinstance(settled, Accepted)
        assert all(result == settled or isinstance(result, Unknown) for result in results), results
        assert side.times_held("at-once") == 1

    def test_a_poisoned_order_is_refused_with_its_reason(self, side: SalesSide) -> None:
        order, note = side.poisoned(replace(ORDER, order_key="poisoned")), Note()
        for _ in range(2):
            refused = side.connector.deliver(order, note)
            assert isinstance(refused, Refused)
            assert refused.reason
        assert side.times_held("poisoned") == 0

    def test_what_is_held_is_told_by_key_lines_and_total(self, side: SalesSide) -> None:
        order = replace(ORDER, order_key="held", order_day="2026-11-24")
        accepted = side.connector.deliver(order, Note())
        assert isinstance(accepted, Accepted)
        held = [one for one in side.connector.held("2026-11-24") if one.order_key == "held"]
        assert [(one.external_id, one.amount_fen, one.status) for one in held] == [
            (accepted.external_id, 138_000, "accepted")
        ]
        lines = sorted(held[0].lines, key=lambda line: line.article_code)
        assert lines == [HeldLine("101", 10, 11_500), HeldLine("205", 2, 11_500)]
        assert list(side.connector.held("2031-01-01")) == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_fault_once_then_exactly_one_order(self, side: SalesSide, kind: FaultKind) -> None:
        order, note = replace(ORDER, order_key=f"fault-{kind}"), Note()
        side.arm(Fault(kind))
        first = side.connector.deliver(order, note)
        assert isinstance(first, Unknown | Accepted), "what may still arrive is never refused"
        side.arm(Fault())
        assert isinstance(side.connector.deliver(order, note), Accepted)
        assert side.times_held(order.order_key) == 1

    def test_asking_a_system_out_of_reach_says_so(self, side: SalesSide) -> None:
        side.arm(Fault("refuse"))
        with pytest.raises(Unreachable):
            list(side.connector.held(ORDER.order_day))
        side.arm(Fault())

    @pytest.mark.parametrize("seed", range(4))
    def test_faults_anywhere_never_lose_or_double(self, side: SalesSide, seed: int) -> None:
        assert exactly_once(side, seed, orders=3) == []


def exactly_once(side: SalesSide, seed: int, orders: int, faults_each: int = 2) -> Sequence[str]:
    """Deliver orders through seeded faults until accepted; the keys not held exactly once, and lies told."""
    chance, wrong = random.Random(seed), []
    for number in range(orders):
        order, note = replace(ORDER, order_key=f"seed-{seed}-{number}"), Note()
        accepted = None
        for _ in range(faults_each):
            side.arm(any_fault(chance, side.most_answers))
            result = side.connector.deliver(order, note)
            accepted = result if isinstance(result, Accepted) else accepted
            if isinstance(result, Refused):
                wrong.append(f"{order.order_key} refused: {result.reason}")
        side.arm(Fault())
        last = side.connector.deliver(order, note)
        if not isinstance(last, Accepted) or (accepted and accepted != last):
            wrong.append(f"{order.order_key} was {accepted}, then {last}")
        if (times := side.times_held(order.order_key)) != 1:
            wrong.append(f"{order.order_key} is held {times} times")
    return wrong
