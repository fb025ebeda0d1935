"""How fast confirmed orders reach the sales system, and whether each does exactly once: a backlog drained, and live.

Each system is measured with our database and its own on the same machine; the baseline is its bare interface, called
with the same orders by as many threads and nothing of ours around it. What counts as lost or double is found by
comparing both sides at the end.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from bench.postgres_cluster import NoPostgres, cluster
from bench.result import Result, quantile
from bench.sales_backlog import ORDER_DAY, write_orders
from bench.sales_endpoint import SalesEndpoint
from bench.tryton_goods import Administrator
from bench.tryton_server import NoTryton, tryton_server
from orders.comparing import Comparison, compare
from orders.connectors.csv_drop.connector import CsvDropConnector
from orders.connectors.http_json.client import HttpSettings
from orders.connectors.http_json.connector import HttpJsonConnector
from orders.connectors.port import Accepted, Connector, SalesOrder, order_from_payload
from orders.connectors.sql_tables import SqlTablesConnector
from orders.connectors.tryton.connector import TrytonConnector
from orders.demo import load_demo
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.migrations import upgrade
from orders.models import Article, OutboxRow, Retailer
from orders.reconciliation import our_orders
from orders.retrying import RetrySchedule
from orders.store import Store, open_store

BACKLOG = 5000
TRYTON_BACKLOG = 300
LIVE = 200
PARALLEL = 8
TRYTON_PARALLEL = 32
GIVE_UP_S = 1800.0


def run(backlog: int = BACKLOG) -> Result:
    """Measure SQL tables on both databases, the drop folder, HTTP, and a Tryton server where it can be had."""
    figures: dict[str, float] = {"lost": 0, "double": 0, "out_of_order": 0}
    baseline: dict[str, float] = {}
    notes = f"backlog of {backlog} orders of 5 lines, {PARALLEL} retailers at once; live: {LIVE} orders one by one"
    with tempfile.TemporaryDirectory() as folder:
        ours = f"sqlite:///{Path(folder) / 'orders.db'}"
        sales = SqlTablesConnector(f"sqlite:///{Path(folder) / 'sales.db'}")
        bare = SqlTablesConnector(f"sqlite:///{Path(folder) / 'bare.db'}")
        _measure("sql", ours, sales, bare, backlog, figures, baseline)
        drop, beside = CsvDropConnector(Path(folder) / "drop"), CsvDropConnector(Path(folder) / "bare")
        _measure("csv", f"sqlite:///{Path(folder) / 'csv.db'}", drop, beside, backlog, figures, baseline)
        _http(Path(folder), backlog, figures, baseline)
    try:
        with cluster() as url:
            with open_store(url).engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for name in ("ours", "sales", "bare"):
                    connection.exec_driver_sql(f"CREATE DATABASE {name}")
            base = url.removesuffix("/postgres")
            sales, bare = SqlTablesConnector(f"{base}/sales"), SqlTablesConnector(f"{base}/bare")
            _measure("sql_postgres", f"{base}/ours", sales, bare, backlog, figures, baseline)
    except NoPostgres as missing:
        notes += f"; PostgreSQL not measured: {missing}"
    try:
        _tryton(figures, baseline)
        notes += f"; Tryton: {TRYTON_BACKLOG} orders, its drain_5000 is reckoned from them"
    except (NoTryton, NoPostgres) as missing:
        notes += f"; Tryton not measured: {missing}"
    return Result("sales", figures, baseline, notes)


def _http(folder: Path, backlog: int, figures: dict[str, float], baseline: dict[str, float]) -> None:
    """To an endpoint in this process, on SQLite: it shares the interpreter with us."""
    secret = b"only a bench knows this secret"
    endpoint = SalesEndpoint(secret, folder, page=200)
    settings = HttpSettings(f"http://127.0.0.1:{endpoint.port}/orderline", secret, allow_private=True)
    ours = f"sqlite:///{folder / 'http.db'}"
    # The baseline's orders are the same ones: its endpoint must not know them yet.
    (folder / "beside").mkdir()
    beside = SalesEndpoint(secret, folder / "beside")
    bare = HttpJsonConnector(replace(settings, url=f"http://127.0.0.1:{beside.port}/orderline"))
    _measure("http", ours, HttpJsonConnector(settings), bare, backlog, figures, baseline)
    endpoint.close()
    beside.close()


def _tryton(figures: dict[str, float], baseline: dict[str, float]) -> None:
    """A real Tryton server with the demo's retailers and articles; the baseline delivers under keys of its own."""
    with tempfile.TemporaryDirectory() as folder, tryton_server() as server, Administrator(server) as administrator:
        database = f"sqlite:///{Path(folder) / 'orders.db'}"
        with _ours(database) as store, store.session() as session:
            shops = session.execute(select(Retailer.licence_no, Retailer.name_zh)).all()
            goods = session.execute(select(Article.code, Article.name_zh, Article.price_fen)).all()
        administrator.add_retailers((shop.licence_no, shop.name_zh) for shop in shops)
        administrator.add_articles((one.code, one.name_zh, one.price_fen) for one in goods)
        sales, bare = TrytonConnector(server.settings), TrytonConnector(server.settings)
        _measure("tryton", database, sales, bare, TRYTON_BACKLOG, figures, baseline, live=20, parallel=TRYTON_PARALLEL)
        figures["tryton_drain_5000_s"] = round(BACKLOG / figures["tryton_orders_per_s"], 1)


def _measure(
    name: str,
    database: str,
    sales: Connector,
    bare: Connector,
    backlog: int,
    figures: dict[str, float],
    baseline: dict[str, float],
    live: int = LIVE,
    parallel: int = PARALLEL,
) -> None:
    with _ours(database) as store:
        write_orders(store, backlog)
        payloads = _payloads(store)
        took = _drained(store, sales, parallel)
        figures[f"{name}_drain_{backlog}_s"] = round(took, 2)
        figures[f"{name}_orders_per_s"] = round(backlog / took, 1)
        late = _live(store, sales, live)
        prefix = "" if name == "sql" else f"{name}_"
        figures[f"{prefix}confirm_to_sales_p50_ms"] = round(quantile(late, 0.5) * 1000, 1)
        figures[f"{prefix}confirm_to_sales_p95_ms"] = round(quantile(late, 0.95) * 1000, 1)
        _judge(store, sales, figures)
    baseline[f"{name}_bare_orders_per_s"] = round(_bare(bare, payloads), 1)
    figures[f"{name}_ratio"] = round(figures[f"{name}_orders_per_s"] / baseline[f"{name}_bare_orders_per_s"], 3)
    sales.close()
    bare.close()


@contextmanager
def _ours(database: str) -> Iterator[Store]:
    store = open_store(database, pool_size=TRYTON_PARALLEL + 4)
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, datetime.now(UTC).date(), b"bench")
    yield store
    store.close()


def _drained(store: Store, sales: Connector, parallel: int) -> float:
    """Seconds until nothing waits, from a dispatcher's start as after an outage."""
    with _dispatching(store, sales, parallel):
        began = time.monotonic()
        while _waiting(store) and time.monotonic() - began < GIVE_UP_S:
            time.sleep(0.05)
        return time.monotonic() - began


def _live(store: Store, sales: Connector, count: int) -> list[float]:
    """Seconds from each order's commit until the sales system has confirmed it, one order at a time."""
    late = []
    with _dispatching(store, sales) as wake:
        for _ in range(count):
            write_orders(store, 1)
            began = time.monotonic()
            wake()
            while _waiting(store):
                time.sleep(0.001)
            late.append(time.monotonic() - began)
    return late


@contextmanager
def _dispatching(store: Store, sales: Connector, parallel: int = PARALLEL) -> Iterator[Callable[[], None]]:
    dispatcher = Dispatcher(HandOver(store, _Kept(sales), RetrySchedule()), parallel=parallel)
    dispatcher.start()
    try:
        yield dispatcher.wake
    finally:
        dispatcher.stop()


class _Kept:
    """The connector, left open when the dispatcher ends: it is asked again afterwards."""

    def __init__(self, sales: Connector) -> None:
        self.name, self.deliver, self.held = sales.name, sales.deliver, sales.held

    def close(self) -> None: ...


def _waiting(store: Store) -> int:
    with store.session() as session:
        session.connection(execution_options={"reading": True})
        return session.scalar(select(func.count()).where(OutboxRow.state == "waiting").select_from(OutboxRow)) or 0


def _payloads(store: Store) -> list[SalesOrder]:
    with store.session() as session:
        return [order_from_payload(payload) for payload in session.scalars(select(OutboxRow.payload))]


def _bare(bare: Connector, orders: list[SalesOrder]) -> float:
    """Orders a second through the connector alone, under other keys: nothing is found from before."""
    orders = [replace(order, order_key=f"bare-{order.order_key}") for order in orders]
    began, claims = time.monotonic(), _NoClaim()
    with ThreadPoolExecutor(PARALLEL) as pool:
        results = list(pool.map(lambda order: bare.deliver(order, claims), orders))
    assert all(isinstance(result, Accepted) for result in results)
    return len(orders) / (time.monotonic() - began)


class _NoClaim:
    """Each order is delivered once, by a thread that outlives it: what is noted need not last."""

    def standing(self) -> str:
        return ""

    def note(self, external_id: str) -> str:
        return external_id


def _judge(store: Store, sales: Connector, figures: dict[str, float]) -> None:
    held = list(sales.held(ORDER_DAY.isoformat()))
    with store.session() as session:
        result: Comparison = compare(our_orders(session, ORDER_DAY), held)
        rows = session.execute(
            select(OutboxRow.retailer_id, OutboxRow.id).order_by(OutboxRow.retailer_id, OutboxRow.sent_at)
        ).all()
    kinds = [difference.kind for difference in result.differences]
    figures["lost"] += kinds.count("missing_there") + result.under_way
    figures["double"] += kinds.count("double_there") + kinds.count("unknown_here")
    for _, own in itertools.groupby(rows, key=lambda row: row.retailer_id):
        sent = [row.id for row in own]
        figures["out_of_order"] += sum(later < earlier for earlier, later in itertools.pairwise(sent))
