"""SQL tables keep the connector contract: on SQLite through the file, on PostgreSQL through a wire that breaks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select

from bench.postgres_cluster import cluster
from orders.connectors.port import Accepted, SalesOrder, Unknown
from orders.connectors.sql_tables import SalesOrderRow, SqlTablesConnector
from orders.store import Store, open_store
from tests.contract.connectors.killed import DeathContract
from tests.contract.connectors.relay import Fault, Relay
from tests.contract.connectors.suite import ORDER, ConnectorContract, Note, SalesSide


class SqlTablesSide:
    """PostgreSQL behind the breaking wire, and a straight look at its tables."""

    most_answers = 12

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._relay = Relay((str(parsed.host), parsed.port or 5432))
        through = parsed.set(port=self._relay.port).render_as_string(hide_password=False)
        self._through = through
        self.connector = SqlTablesConnector(through, gives_up_after_s=0.5)
        self._straight: Store = open_store(url)

    def arm(self, fault: Fault) -> None:
        self._relay.arm(fault)

    def times_held(self, order_key: str) -> int:
        with self._straight.session() as session:
            query = select(func.count()).where(SalesOrderRow.order_key == order_key).select_from(SalesOrderRow)
            return session.scalar(query) or 0

    def description(self) -> dict[str, object]:
        return {"kind": "sql_tables", "url": self._through}

    def poisoned(self, order: SalesOrder) -> SalesOrder:
        return replace(order, lines=(replace(order.lines[0], accepted=0),))

    def close(self) -> None:
        self.connector.close()
        self._straight.close()
        self._relay.close()


@pytest.fixture(scope="module")
def postgres_side() -> Iterator[SqlTablesSide]:
    with cluster() as url:
        side = SqlTablesSide(url)
        yield side
        side.close()


@pytest.mark.peer("postgres")
@pytest.mark.xdist_group("connectors")
class TestOnPostgres(ConnectorContract, DeathContract):
    @pytest.fixture
    def side(self, postgres_side: SqlTablesSide) -> SalesSide:
        postgres_side.arm(Fault())
        return postgres_side


def test_a_file_keeps_the_order_once_too(tmp_path: Path) -> None:
    connector = SqlTablesConnector(f"sqlite:///{tmp_path / 'sales.db'}")
    first, again = connector.deliver(ORDER, Note()), connector.deliver(ORDER, Note())
    assert isinstance(first, Accepted)
    assert first == again
    assert [one.amount_fen for one in connector.held(ORDER.order_day)] == [138_000]
    connector.close()


def test_a_system_out_of_reach_is_unknown() -> None:
    away = SqlTablesConnector("postgresql://nobody@127.0.0.1:1/none")
    assert isinstance(away.deliver(ORDER, Note()), Unknown)
    away.close()


def test_tables_of_an_older_orderline_get_the_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "sales.db"
    connector = SqlTablesConnector(f"sqlite:///{path}")
    connector.deliver(ORDER, Note())
    connector.close()
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE sales_orders DROP COLUMN status")
        old.execute("ALTER TABLE sales_orders DROP COLUMN reason")
    connector = SqlTablesConnector(f"sqlite:///{path}")
    assert [one.status for one in connector.held(ORDER.order_day)] == ["accepted"]
    connector.close()
