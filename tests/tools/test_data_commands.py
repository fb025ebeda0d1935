"""The commands that look into the database: each run as a person runs it, on a database with demo data."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from admin.cli.group import orderline
from admin.config import Config
from admin.opening import load_demo_data, open_database, pin_key, prepare_folder
from admin.sales_system import SalesCare, connector_of
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.models import CallbackRequest, Order, OutboxRow, Reconciliation
from orders.order_desk import DomainOrderDesk
from orders.retrying import RetrySchedule
from orders.store import Store
from tests.orders import test_ordering as ordering

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORDERLINE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    store = opened(tmp_path)
    load_demo_data(Config(data=str(tmp_path / "data")), store)
    store.close()
    return tmp_path


def opened(folder: Path) -> Store:
    config = Config(data=str(folder / "data"))
    prepare_folder(config)
    return open_database(config)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(orderline, arguments)


def test_unlock(folder: Path) -> None:
    assert "is unlocked" in run("unlock", "420102100008").output
    again = run("unlock", "420102100008")
    assert again.exit_code == 1
    assert "check the 12 digits" in again.output


def test_callbacks(folder: Path) -> None:
    store = opened(folder)
    with store.transaction() as session:
        session.add(CallbackRequest(call_id="c", number="13911112222", reason="asked", stage="s", requested_at=NOW))
    store.close()
    assert "13911112222  asked" in run("callbacks").output
    assert "0 open" in run("callbacks", "--close", "1").output
    assert run("callbacks", "--close", "1").exit_code == 1


def handed_over(folder: Path) -> str:
    """An order placed for today and taken to the sales tables; its key."""
    config = Config(data=str(folder / "data"))
    store, sales = opened(folder), connector_of(config)
    desk = DomainOrderDesk(pin_key(config), now=lambda: NOW)
    ordering.opened(store, desk, "13800000001", "call")
    ordering.put(store, desk, "call", "101", 2)
    ordering.placed(store, desk, "call")
    with store.session() as session:
        key = session.scalars(select(OutboxRow.order_key)).one()
    Dispatcher(HandOver(store, sales, RetrySchedule(), lambda: NOW)).run_once()
    sales.close()
    store.close()
    return key


def test_sales_reconcile_names_what_is_missing_and_retry_mends_it(folder: Path) -> None:
    key = handed_over(folder)
    fine = run("sales", "reconcile", "--day", "2026-11-23")
    assert (fine.exit_code, "1 alike" in fine.output, "no difference open" in fine.output) == (0, True, True)
    with sqlite3.connect(folder / "data" / "sales.db") as sales:
        sales.execute("DELETE FROM sales_order_lines")
        sales.execute("DELETE FROM sales_orders")
    differs = run("sales", "reconcile", "--day", "2026-11-23", "--json")
    assert differs.exit_code == 1
    assert [one["kind"] for one in json.loads(differs.output)["differences"]] == ["missing_there"]
    assert "1 will be sent again" in run("sales", "retry", key).output
    assert "waiting 1" in run("sales", "status").output


def test_sales_explain_settles_for_good(folder: Path) -> None:
    key = handed_over(folder)
    with sqlite3.connect(folder / "data" / "sales.db") as sales:
        sales.execute("UPDATE sales_orders SET amount_fen = 1")
    assert "other amount: ¥0.01 there" in run("sales", "reconcile", "--day", "2026-11-23").output
    assert "explained" in run("sales", "explain", key, "corrected at the counter", "--by", "wang").output
    again = run("sales", "reconcile", "--day", "2026-11-23")
    assert (again.exit_code, "explained by wang: corrected" in again.output) == (0, True)
    nothing = run("sales", "explain", key, "once more")
    assert (nothing.exit_code, "no open difference" in nothing.output) == (1, True)


def test_sales_reconcile_says_when_the_sales_system_is_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERLINE_SALES__URL", "postgresql://nobody@127.0.0.1:1/none")
    away = run("sales", "reconcile")
    assert (away.exit_code, "can't be asked now" in away.output) == (1, True)


def test_sales_pull_says_what_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "only tryton tells master data" in run("sales", "pull", "catalogue").output
    monkeypatch.setenv("ORDERLINE_SALES__SYSTEM", "tryton")
    assert "names no user" in run("sales", "pull", "catalogue").output
    monkeypatch.setenv("ORDERLINE_SALES__TRYTON__USER", "orderline")
    monkeypatch.setenv("ORDERLINE_SALES__TRYTON__PASSWORD", "secret")
    assert "no address of a Tryton server" in run("sales", "pull", "catalogue").output
    monkeypatch.setenv("ORDERLINE_SALES__TRYTON__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ORDERLINE_SALES__TRYTON__DATABASE", "erp")
    away = run("sales", "pull", "retailers", "--batch", "daily")
    assert (away.exit_code, "can't be asked now" in away.output) == (1, True)


def test_scheduled_care_reconciles_on_one_node_only(folder: Path) -> None:
    handed_over(folder)
    config = Config(data=str(folder / "data"), node="n1")
    store, sales = opened(folder), connector_of(config)
    nodes = [SalesCare(store, sales, config.model_copy(update={"node": name}), now=lambda: NOW) for name in ("a", "b")]
    for node in nodes:
        node.reconcile()
        node.follow()
    with store.session() as session:
        runs = session.scalars(select(Reconciliation).order_by(Reconciliation.id)).all()
        assert [(one.ours, one.matched) for one in runs] == [(1, 1), (0, 0), (0, 0)]
    sales.close()
    store.close()


def test_sales(folder: Path) -> None:
    store = opened(folder)
    with store.transaction() as session:
        order = session.scalars(select(Order).limit(1)).one()
        row = OutboxRow(
            order_id=order.id,
            order_key=order.order_key,
            retailer_id=order.retailer_id,
            payload="{}",
            state="dead",
            attempts=3,
            created_at=NOW,
            next_attempt_at=NOW,
            last_error="no such article",
        )
        session.add(row)
        key = order.order_key
    store.close()
    assert "dead 1" in run("sales", "status").output
    assert "after 3 attempts: no such article" in run("sales", "dead").output
    assert "1 will be sent again" in run("sales", "retry", key).output
    assert run("sales", "retry", key).exit_code == 1


def test_import(folder: Path) -> None:
    head = "code,name_zh,category,grade,price,stock\n"
    (folder / "articles.csv").write_text(head + "901,新烟,regular,二类,10,5\n9x,坏,regular,二类,10,5\n", "utf-8")
    refused = run("import", "catalogue", "articles.csv")
    assert refused.exit_code == 1
    assert "line 3, code" in refused.output
    assert "0 written" in refused.output
    assert "1 written" in run("import", "catalogue", "articles.csv", "--good-rows").output
    assert "check its name" in run("import", "catalogue", "nothing.csv").output


def test_replay_of_nothing(folder: Path) -> None:
    assert "0 calls replayed" in run("replay", "--since", "2026-11-20").output


def test_transcripts(folder: Path) -> None:
    (folder / "call.txt").write_text("CALL 13800000001\nHANGS UP\nNO ORDER\n", "utf-8")
    assert run("transcript", "call.txt").exit_code == 1
    assert run("transcript", "--record", "call.txt").exit_code == 0
    played = run("transcript", "call.txt")
    assert (played.exit_code, "1 of 1 calls went as written" in played.output) == (0, True)


def test_flow_is_drawn() -> None:
    drawn = run("flow", "--svg")
    assert drawn.exit_code == 0
    assert "awaiting_confirmation" in drawn.output
