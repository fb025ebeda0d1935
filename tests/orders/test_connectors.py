"""What every connector must keep to; so far one stands to it: SQL tables."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orders.connectors.port import Accepted, Connector, Refused, SalesLine, SalesOrder, Unknown, order_from_payload
from orders.connectors.sql_tables import SqlTablesConnector

ORDER = SalesOrder(
    order_key="1-20261123-9",
    order_no="20261123000001",
    order_day="2026-11-23",
    placed_at="2026-11-23T02:00:00+00:00",
    channel="phone",
    licence_no="420102100001",
    retailer="阳光便利店",
    amount_fen=115_000,
    lines=(SalesLine(1, "101", 10, 10, 11_500),),
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))])
def connector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connector]:
    in_file = f"sqlite:///{tmp_path / 'sales.db'}"
    url = in_file if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    connector = SqlTablesConnector(url)
    yield connector
    connector.close()


def test_the_same_key_is_the_same_order(connector: Connector) -> None:
    order = replace(ORDER, order_key="same-key")
    first, again = connector.deliver(order), connector.deliver(order)
    assert isinstance(first, Accepted)
    assert again == first


def test_another_order_under_an_old_key_is_refused(connector: Connector) -> None:
    order = replace(ORDER, order_key="old-key")
    connector.deliver(order)
    changed = connector.deliver(replace(order, amount_fen=1))
    assert isinstance(changed, Refused)
    assert "other content" in changed.reason


def test_eight_deliveries_at_once_are_one_order(connector: Connector) -> None:
    order = replace(ORDER, order_key="at-once")
    connector.deliver(replace(ORDER, order_key="tables-are-there"))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(connector.deliver, [order] * 8))
    accepted = {result for result in results if isinstance(result, Accepted)}
    assert len(accepted) == 1
    assert all(isinstance(result, Accepted | Unknown) for result in results)


def test_what_the_tables_refuse_is_told_as_refused(connector: Connector) -> None:
    broken = replace(ORDER, order_key="broken", lines=(SalesLine(1, "101", 10, 0, 11_500),))
    assert isinstance(connector.deliver(broken), Refused)
    assert isinstance(connector.deliver(broken), Refused)


def test_a_system_out_of_reach_is_unknown() -> None:
    away = SqlTablesConnector("postgresql://nobody@127.0.0.1:1/none")
    assert isinstance(away.deliver(ORDER), Unknown)
    away.close()


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"lines": 3}', '{"lines": [], "colour": 1}'])
def test_a_payload_that_is_no_order(payload: str) -> None:
    with pytest.raises(ValueError, match="no order"):
        order_from_payload(payload)
