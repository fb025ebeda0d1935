"""The commands that look into the database: each run as a person runs it, on a database with demo data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from admin.bootstrap import load_demo_data, open_database, prepare_folder
from admin.cli.group import orderline
from admin.config import Config
from orders.models import CallbackRequest, Order, OutboxRow
from orders.store import Store

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
