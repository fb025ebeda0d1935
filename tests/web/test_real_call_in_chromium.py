"""The whole order line behind the browser phone: real dialogue, store, prompts, hand-over; Chromium in front."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import create_engine, select, text

from admin.config import Config
from admin.opening import load_demo_data, open_database
from orders.models import Call, CallEvent, Order
from orders.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.xdist_group("chromium")]

IN_CALL = "#handset[data-state=in_call]"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Serving:
    """`orderline serve` as a process of its own, its configuration, and its database as others may read it."""

    address: str
    config: Config
    store: Store


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("serving")
    web_port, sip_port = free_port(), free_port()
    zone = zone_where_it_is_noon()
    config = Config.model_validate(
        {"data": str(folder), "timezone": zone, "web": {"port": web_port}, "sip": {"port": sip_port}}
    )
    store = open_database(config)
    load_demo_data(config, store)
    settings = {
        "ORDERLINE_DATA": str(folder),
        "ORDERLINE_TIMEZONE": zone,
        "ORDERLINE_WEB__PORT": str(web_port),
        "ORDERLINE_SIP__PORT": str(sip_port),
    }
    log = folder / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from admin.cli import main; main()", "serve"],
            env=os.environ | settings,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{web_port}/"
        wait_until_it_answers(address, process, log)
        yield Serving(address, config, store)
    finally:
        process.send_signal(signal.SIGINT)
        ended = process.wait(30)
        store.close()
    assert ended == 0, log.read_text("utf-8")


def zone_where_it_is_noon() -> str:
    """Whenever this runs, it is well before every cut-off. (These zones count westwards.)"""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"


def wait_until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < ends, log.read_text("utf-8")
        try:
            httpx.get(address)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return


def until(page: Page, holds: Callable[[], bool], seconds: float = 15) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come to that: " + page.locator("#transcript").inner_text()
        page.wait_for_timeout(20)


def dial(serving: Serving, page: Page, number: str) -> None:
    page.goto(f"{serving.address}phone?lang=zh")
    page.fill("#caller", number)
    page.keyboard.press("Enter")
    page.wait_for_selector(IN_CALL)


def answer(page: Page, said: str, keys: str) -> None:
    """Wait until this is being said, then press the keys, as a person does."""
    page.locator("#transcript .said").last.locator("p", has_text=said).wait_for(timeout=15_000)
    # Long enough for what cannot be known beforehand to count as heard.
    page.wait_for_timeout(450)
    page.keyboard.type(keys, delay=110)


def test_the_usual_basket_becomes_an_order_in_the_sales_system(serving: Serving, page: Page) -> None:
    dial(serving, page, "13800000001")
    answer(page, "阳光便利店", "1")
    answer(page, "请输入密码", "1234#")
    answer(page, "订货按1", "1")
    answer(page, "照旧按1", "1")
    answer(page, "确认按1", "1")
    page.locator("#transcript .said p", has_text="尾号").wait_for(timeout=15_000)
    with serving.store.session() as session:
        order = session.scalars(select(Order).where(Order.call_id != "")).one()
        assert session.get_one(Call, order.call_id).line == "browser"
        stored = "".join(
            event.event + event.actions
            for event in session.scalars(select(CallEvent).where(CallEvent.call_id == order.call_id))
        )
    spoken = page.locator("#transcript").inner_text()
    assert f"尾号{order.order_no[-4:]}" in spoken
    assert "●●●●#" in spoken
    assert "1234" not in spoken
    assert '"key":"?"' in stored.replace(" ", "")
    until(page, lambda: order.order_key in rows_of(serving))
    page.goto(f"{serving.address}?lang=zh")
    row = page.locator("tr", has_text=order.order_no)
    assert "阳光便利店" in row.inner_text()
    assert "已送达" in row.inner_text()


def open_calls(serving: Serving) -> int:
    with serving.store.session() as session:
        return len(session.scalars(select(Call.id).where(Call.ended_at.is_(None))).all())


def rows_of(serving: Serving) -> str:
    """Every row of every table of the sales database, as text."""
    engine = create_engine(serving.config.sales_url())
    with engine.connect() as sales:
        tables = sales.execute(text("select name from sqlite_master where type = 'table'")).scalars().all()
        found = [str(sales.execute(text(f'select * from "{table}"')).all()) for table in tables]
    engine.dispose()
    return "".join(found)


def test_keys_ahead_reach_an_article_and_a_lost_page_is_resumed(serving: Serving, page: Page) -> None:
    dial(serving, page, "13800000007")
    answer(page, "请按1", "1")
    answer(page, "请输入密码", "1234#1")
    answer(page, "请输入烟代码", "301#")
    answer(page, "几条", "3#")
    answer(page, "3条", "")
    page.goto("about:blank")
    until(page, lambda: open_calls(serving) == 0)
    dial(serving, page, "13900000007")
    answer(page, "请按1", "1")
    answer(page, "请输入密码", "1234#")
    answer(page, "订货按1", "1")
    answer(page, "您上次订到第1种", "1")


def test_no_prompt_is_without_words_and_sound(serving: Serving, page: Page) -> None:
    """An English retailer: every prompt has its text, and none is reported as missing its sound."""
    dial(serving, page, "13800000005")
    answer(page, "Globe Store", "1")
    answer(page, "PIN", "1234#")
    answer(page, "Order, press 1", "0")
    page.wait_for_selector("#handset[data-state=in_call]")
    until(page, lambda: page.locator("#transcript .said").count() >= 4)
    assert page.locator("#transcript [data-missing]").count() == 0
    shown = page.locator("#transcript .said p").all_text_contents()
    assert not [line for line in shown if "_" in line]
