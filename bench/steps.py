"""How many steps of a conversation the runner takes a second, on both databases, beside bare commits of the same.

A step is a whole one: load, decide, ask the domain, commit state, event, basket and outbox. The calls are real order
calls of the demo data, key by key, several at once; every commit is synchronous.
"""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, text, update

from bench.postgres_cluster import NoPostgres, cluster
from bench.result import Result, quantile
from ivr.dialogue import events as told
from ivr.runner import Runner
from orders.demo import load_demo
from orders.migrations import upgrade
from orders.models import Article, OutboxRow
from orders.order_desk import DomainOrderDesk
from orders.store import Store, open_store

KEY = b"bench"
SECONDS = 6.0
CALLERS = ("13800000001", "13800000005", "13800000006", "13800000007")
ANSWERS = {
    "awaiting_shop_choice": "1",
    "awaiting_pin": "1234#",
    "awaiting_main_choice": "1",
    "awaiting_second_order_choice": "1",
    "awaiting_take_over": "1",
    "awaiting_resume_choice": "2",
    "awaiting_usual_choice": "3",
    "awaiting_quantity": "1#",
    "awaiting_limit_choice": "1",
    "awaiting_substitute_choice": "2",
    "awaiting_confirmation": "1",
}
"""What a caller keys at each stage; where none is named it hangs up and calls again."""
WANTED = ("101#", "102#", "301#", "#")
STOCK = 1_000_000


def run(seconds: float = SECONDS) -> Result:
    """Measure SQLite, and PostgreSQL where it can be had."""
    figures: dict[str, float] = {}
    baseline: dict[str, float] = {}
    notes = f"{len(CALLERS)} calls at once, {seconds:.0f} s each database"
    with tempfile.TemporaryDirectory() as folder:
        late = _measure("sqlite", f"sqlite:///{Path(folder) / 'bench.db'}", seconds, figures, baseline)
    figures["step_p99_ms"] = round(quantile(late, 0.99) * 1000, 2)
    figures["step_p50_ms"] = round(quantile(late, 0.5) * 1000, 2)
    try:
        with cluster() as url:
            late = _measure("postgres", url, seconds, figures, baseline)
        figures["postgres_step_p99_ms"] = round(quantile(late, 0.99) * 1000, 2)
    except NoPostgres as missing:
        notes += f"; PostgreSQL not measured: {missing}"
    for kind in ("sqlite", "postgres"):
        if baseline.get(f"{kind}_commits_per_s"):
            share = figures[f"{kind}_steps_per_s"] / baseline[f"{kind}_commits_per_s"]
            figures[f"{kind}_ratio"] = round(share, 3)
    return Result("steps", figures, baseline, notes)


def _measure(kind: str, url: str, seconds: float, figures: dict[str, float], baseline: dict[str, float]) -> list[float]:
    store = open_store(url, pool_size=len(CALLERS) + 2)
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, datetime.now(UTC).date(), KEY)
        session.execute(update(Article).values(stock=STOCK))
    took = _together(seconds, [_calls_of(store, caller) for caller in CALLERS])
    figures[f"{kind}_steps_per_s"] = round(len(took) / seconds, 1)
    with store.session() as session:
        figures[f"{kind}_orders"] = session.scalar(select(func.count()).select_from(OutboxRow)) or 0
    if not figures[f"{kind}_orders"]:
        raise RuntimeError("not one order was placed: the callers' keys no longer fit the dialogue")
    commits = _together(seconds / 2, [_commits(store, number) for number in range(len(CALLERS))])
    baseline[f"{kind}_commits_per_s"] = round(len(commits) / (seconds / 2), 1)
    store.close()
    return took


def _together(seconds: float, works: list[Callable[[], None]]) -> list[float]:
    """Each work again and again on a thread of its own; how long each single one took."""
    took: list[float] = []
    ends = time.monotonic() + seconds

    def again(work: Callable[[], None]) -> None:
        while time.monotonic() < ends:
            began = time.monotonic()
            work()
            took.append(time.monotonic() - began)

    threads = [threading.Thread(target=again, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def _calls_of(store: Store, caller: str) -> Callable[[], None]:
    """One step of this caller's endless calls."""
    runner = Runner(store, DomainOrderDesk(KEY), node="bench", boot="bench")
    steps = _steps(runner, caller)
    return lambda: next(steps)


def _steps(runner: Runner, caller: str):  # type: ignore[no-untyped-def]
    while True:
        call, at_ms, wanted = uuid.uuid4().hex, 0, iter(WANTED)
        state = runner.handle(call, told.CallArrived(caller, "95001", "bench")).state
        yield
        while keys := next(wanted, "") if state.stage == "awaiting_article" else ANSWERS.get(state.stage, ""):
            for key in keys:
                at_ms += 300
                state = runner.handle(call, told.KeyPressed(key, at_ms, 3000, 3000, state.generation)).state
                yield
        runner.handle(call, told.LineLost("bench"))
        yield


def _commits(store: Store, number: int) -> Callable[[], None]:
    """The least a durable step could be: one row changed, one commit."""
    with store.transaction() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS bench (id INTEGER PRIMARY KEY, value INTEGER)"))
        session.execute(text("INSERT INTO bench VALUES (:id, 0)"), {"id": number})

    def commit() -> None:
        with store.transaction() as session:
            session.execute(text("UPDATE bench SET value = value + 1 WHERE id = :id"), {"id": number})

    return commit
