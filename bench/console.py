"""How quickly the console's pages come over a large database, and what fifty live views cost.

A process of its own serves, over a SQLite file, with one thread of a browser's kind asking; its baseline is a file that
needs no database. The live views ask every two seconds, as their script does, while a call changes every second.
"""

from __future__ import annotations

import http.client
import multiprocessing
import re
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode

import psutil
from sqlalchemy import text

from admin.staff.accounts import add_user
from admin.staff.permissions import ROLES
from admin.staff.second_factor import SecretBox
from admin.staff.signing_in import SigningIn
from admin.web.app import create_app
from admin.web.console.parts import ConsoleParts
from admin.web.queries import StoreQueries
from admin.web.server import WebServer
from admin.web.settings import WebSettings
from bench.result import Result
from ivr.lines.browser import BrowserLine
from ivr.lines.browser_terms import BrowserSettings
from orders.demo import load_demo
from orders.migrations import upgrade
from orders.order_desk import DomainOrderDesk
from orders.store import Store, open_store
from speech.wording import load_wording

KEY = b"console-bench-console-bench-console-bench"
PASSWORD = "a sentence to remember"
PAGES = (
    "/live",
    "/desk/1",
    "/callbacks",
    "/retailers",
    "/retailers?q=%E5%BA%97",
    "/retailers?q=138",
    "/retailers?q=zzq",
    "/retailers/1",
    "/orders",
    "/orders?dead",
    "/orders?no=0001",
    "/goods",
    "/allocation",
    "/days",
    "/pictures",
    "/audit",
)
ASKED, VIEWERS, EVERY_S, LONG_S = 15, 50, 2.0, 20.0
_DIGITS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many) "
_RETAILERS = (
    "INSERT INTO retailers (id, licence_no, licence_tail, name_zh, name_en, region_id, batch_id, grade, language,"
    " status, assisted, compliant, price_marked, pin_hash, pin_failures, initials) SELECT 1000 + i,"
    " CAST(430000000000 + i AS TEXT), substr(CAST(1000000 + i AS TEXT), 2), '零售店' || i, 'Shop ' || i, 1 + i % 4,"
    " 1 + i % 8, 'A', 'zh', 'active', 0, 1, 1, '', 0, 'lsd' || i FROM n"
)
_PHONES = (
    "INSERT INTO phones (retailer_id, number, kind) SELECT 1000 + i, CAST(15000000000 + i AS TEXT), 'primary' FROM n"
)
_DAY = "date(:today, '-' || (i / :a_day) || ' days')"
_ORDERS = (
    "INSERT INTO drafts (id, retailer_id, order_day, state, version, owner) SELECT 100000 + i, 1001 + i % :retailers,"
    f" {_DAY}, 'placed', 1, '' FROM n",
    "INSERT INTO orders (id, order_no, order_key, draft_id, retailer_id, order_day, channel, call_id, placed_at,"
    f" amount_fen, status) SELECT 100000 + i, 'B' || i, 'key' || i, 100000 + i, 1001 + i % :retailers, {_DAY}, 'phone',"
    f" 'call' || i, datetime({_DAY}, '+' || (i % 500) || ' minutes'), 11500, 'accepted' FROM n",
    "INSERT INTO order_lines (order_id, position, article_code, requested, accepted, price_fen)"
    " SELECT 100000 + i, 1, '101', 2, 1, 11500 FROM n",
    "INSERT INTO outbox (order_id, order_key, retailer_id, payload, state, attempts, created_at, next_attempt_at,"
    " lease_token, external_id, last_error) SELECT 100000 + i, 'key' || i, 1001 + i % :retailers, '{}', 'sent', 1,"
    f" {_DAY}, {_DAY}, '', '', '' FROM n",
)


def run(retailers: int = 40_000, orders: int = 1_000_000) -> Result:
    """Measure with so many retailers and orders, spread over a year."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        store = open_store(url)
        _fill(store, retailers, orders)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        child = multiprocessing.get_context("spawn").Process(target=_serve, args=(url, theirs))
        child.start()
        try:
            port = ours.recv()
            figures, baseline = _measured(port, store, psutil.Process(child.pid))
        finally:
            ours.send("stop")
            child.join(10)
        store.close()
    notes = (
        f"SQLite, {retailers} retailers, {orders} orders; {ASKED} times each page; {VIEWERS} live views, {LONG_S:.0f} s"
    )
    return Result("console", figures, baseline, notes)


def _fill(store: Store, retailers: int, orders: int) -> None:
    upgrade(store)
    now = datetime.now(UTC)
    with store.transaction() as session:
        load_demo(session, now.astimezone(DomainOrderDesk(KEY).zone).date(), KEY)
        add_user(session, "all", "all", dict.fromkeys(ROLES), actor="bench", now=now, password=PASSWORD)
        session.execute(text("UPDATE staff_users SET must_change = 0"))
        for statement in (_RETAILERS, _PHONES):
            session.execute(text(_with_numbers(statement)), {"many": retailers})
    values = {"many": orders, "retailers": retailers, "today": f"{now:%Y-%m-%d}", "a_day": max(1, orders // 365)}
    for statement in _ORDERS:
        with store.transaction() as session:
            used = {name: value for name, value in values.items() if f":{name}" in statement or name == "many"}
            session.execute(text(_with_numbers(statement)), used)
    with store.transaction() as session:
        session.execute(text("ANALYZE"))


def _with_numbers(statement: str) -> str:
    """SQLite wants the counting before the SELECT, behind INSERT INTO."""
    into, _, select = statement.partition(" SELECT ")
    return f"{into} {_DIGITS}SELECT {select}"


def _serve(url: str, pipe: Connection) -> None:
    store = open_store(url)
    desk = DomainOrderDesk(KEY)
    console = ConsoleParts(store, SigningIn(store, SecretBox(KEY)), desk, load_wording(), KEY)
    settings = WebSettings(port=0)
    line = BrowserLine(BrowserSettings(), lambda *_: None)
    app = create_app(
        settings, browser_line=line, queries=StoreQueries(store, tuple), clip_file=lambda _: None, console=console
    )
    server = WebServer(app, settings)
    server.start()
    pipe.send(server.port)
    pipe.recv()
    server.stop()
    store.close()


def _measured(port: int, store: Store, serving: psutil.Process) -> tuple[dict[str, float], dict[str, float]]:
    cookie = _signed_in(port)
    times: dict[str, list[float]] = {}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for round_of in range(ASKED + 1):
        for path in (*PAGES, "/static/icon.svg"):
            took = _asked(connection, path, cookie)
            # The first asking reads what is remembered from then on; it is shown for itself.
            if round_of:
                times.setdefault(path, []).append(took)
            else:
                times.setdefault("first", []).append(took)
    every = sorted(took for path in PAGES for took in times[path])
    slowest = max(PAGES, key=lambda path: _p95(times[path]))
    figures = {
        "page_p50_ms": round(every[len(every) // 2], 1),
        "page_p95_ms": round(_p95(every), 1),
        "slowest_page_p95_ms": round(_p95(times[slowest]), 1),
        "first_asking_max_ms": round(max(times["first"]), 1),
        "live_cpu_share_50": round(_live_share(port, cookie, store, serving), 4),
    }
    for path in PAGES:
        figures[f"p95_ms {path}"] = round(_p95(times[path]), 1)
    return figures, {"page_p95_ms": round(_p95(times["/static/icon.svg"]), 1)}


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _asked(connection: http.client.HTTPConnection, path: str, cookie: str) -> float:
    began = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return (time.perf_counter() - began) * 1000


def _signed_in(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    if found is None:
        raise RuntimeError("no sign-in form")
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    form = urlencode({"csrf_token": found[1], "name": "all", "password": PASSWORD})
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/sign-in", form, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.headers["Set-Cookie"].partition(";")[0]


def _live_share(port: int, cookie: str, store: Store, serving: psutil.Process) -> float:
    """The serving process's share of one core while all live views are open."""
    ends = time.monotonic() + LONG_S
    watchers = [
        threading.Thread(target=_watch, args=(port, cookie, ends, EVERY_S * number / VIEWERS))
        for number in range(VIEWERS)
    ]
    before, began = sum(serving.cpu_times()[:2]), time.monotonic()
    for watcher in watchers:
        watcher.start()
    number = 0
    while time.monotonic() < ends:
        number += 1
        _change_a_call(store, number)
        time.sleep(1)
    for watcher in watchers:
        watcher.join()
    return (sum(serving.cpu_times()[:2]) - before) / (time.monotonic() - began)


def _watch(port: int, cookie: str, ends: float, wait_s: float) -> None:
    time.sleep(wait_s)
    connection, mark = http.client.HTTPConnection("127.0.0.1", port), ""
    while time.monotonic() < ends:
        connection.request("GET", "/live/part", headers={"Cookie": cookie, "If-None-Match": mark})
        answer = connection.getresponse()
        answer.read()
        mark = answer.headers.get("ETag", "")
        time.sleep(EVERY_S)


def _change_a_call(store: Store, number: int) -> None:
    stages = ("awaiting_article", "awaiting_quantity")
    values = {
        "id": "bench-call",
        "at": datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=1),
        "stage": stages[number % 2],
    }
    write = (
        "INSERT INTO calls (id, node, boot, line, caller, called, started_at, end_cause, stage, state, sequence)"
        " VALUES (:id, 'n', 'b', 'sip', '13800000001', '100', :at, '', :stage, '{}', 1)"
        " ON CONFLICT (id) DO UPDATE SET stage = :stage"
    )
    with store.transaction() as session:
        session.execute(text(write), values)
