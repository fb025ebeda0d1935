"""How long it takes to plan a campaign over very many retailers, and how fast workers claim whom to call.

Planning is one statement over all retailers; its baseline is a bare copy of as many rows with the same indexes. Claims
are whole ones: claimed, checked once more, written as an attempt, settled.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text

from bench.postgres_cluster import NoPostgres, cluster
from bench.result import Result
from orders.calling import claims
from orders.calling.outcomes import RetryPlan
from orders.calling.planning import plan
from orders.calling.rules import CallingRules
from orders.migrations import upgrade
from orders.models import Batch, CallAttempt, Campaign, CampaignTarget, Region
from orders.store import Store, open_store

RULES = CallingRules(ZoneInfo("Asia/Shanghai"), windows=((clock(0), clock(23, 59)),))
DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
_COUNT = "SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many"
_FILL = (
    "INSERT INTO retailers (id, licence_no, licence_tail, name_zh, name_en, region_id, batch_id, grade, language,"
    " status, assisted, compliant, price_marked, pin_hash, pin_failures) SELECT i,"
    " CAST(100000000000 + i AS VARCHAR(12)), '000000', 'shop', '', 1, 1, 'A', 'zh', 'active', false, true, true, '', 0"
    " FROM n",
    "INSERT INTO phones (retailer_id, number, kind) SELECT i, CAST(13800000000 + i AS VARCHAR(20)), 'primary' FROM n",
    # One in fifty was never asked.
    "INSERT INTO call_consents (retailer_id, state, proof, covers_more, at)"
    " SELECT i, 'given', 'form', false, '2026-01-01' FROM n WHERE i % 50 <> 0",
)
CLAIMS = 3000


def run(many: int = 1_000_000, some: int = 40_000) -> Result:
    """Measure SQLite with `some`, PostgreSQL with a tenth of `many` and `many` retailers."""
    figures: dict[str, float] = {"called_twice": 0, "missed": 0}
    baseline: dict[str, float] = {}
    notes = f"SQLite {some}, PostgreSQL {many // 10} and {many} retailers; {CLAIMS} claims settled as answered"
    with tempfile.TemporaryDirectory() as folder:
        store = filled(f"sqlite:///{Path(folder) / 'bench.db'}", some)
        figures[f"plan_{some // 1000}k_s"], baseline[f"copy_{some // 1000}k_s"] = _planned(store)
        figures["sqlite_calls_per_s"] = _called(store, 1, figures)
        store.close()
    try:
        with cluster() as url:
            store = filled(url, many // 10)
            tenth, _ = _planned(store)
            figures["claims_1_worker_per_s"] = _claimed(store, 1)
            store.close()
        with cluster() as url:
            store = filled(url, many)
            figures["plan_1m_s"], baseline["copy_1m_s"] = _planned(store)
            figures["growth_x10"] = round(figures["plan_1m_s"] / tenth, 2)
            for workers in (2, 4):
                figures[f"claims_{workers}_workers_per_s"] = _claimed(store, workers)
            figures["calls_4_workers_per_s"] = _called(store, 4, figures)
            figures["claims_per_s"] = figures["claims_4_workers_per_s"]
            store.close()
    except NoPostgres as missing:
        notes += f"; PostgreSQL not measured: {missing}"
    return Result("campaign", figures, baseline, notes)


def filled(url: str, retailers: int) -> Store:
    """A database with so many retailers who may all be called but one in fifty, and nothing else."""
    store = open_store(url)
    upgrade(store)
    with store.transaction() as session:
        session.add(Region(id=1, code="420102", name_zh="江岸"))
        session.add(Batch(id=1, code="daily", weekdays="1234567", cutoff="16:00"))
    with store.transaction() as session:
        for statement in _FILL:
            session.execute(text(f"WITH RECURSIVE n(i) AS ({_COUNT}) {statement}"), {"many": retailers})
    if not store.is_sqlite:
        with store.transaction() as session:
            session.execute(text("ANALYZE"))
    return store


def _planned(store: Store) -> tuple[float, float]:
    """Seconds to plan, and seconds to copy the targets into a table of the same shape."""
    with store.transaction() as session:
        campaign = Campaign(
            name="bench", order_day=DAY, state="running", starts_at=NOON, ends_at=NOON + timedelta(hours=4),
            created_at=NOON,
        )  # fmt: skip
        session.add(campaign)
        session.flush()
        began = time.monotonic()
        plan(session, campaign, RULES, NOON)
    planned = time.monotonic() - began
    table = CampaignTarget.__tablename__
    with store.transaction() as session:
        if store.is_sqlite:
            session.execute(text(f"CREATE TABLE bare AS SELECT * FROM {table} WHERE 0"))
        else:
            session.execute(text(f"CREATE TABLE bare (LIKE {table} INCLUDING INDEXES)"))
        began = time.monotonic()
        session.execute(text(f"INSERT INTO bare SELECT * FROM {table}"))
    return round(planned, 2), round(time.monotonic() - began, 2)


def _claimed(store: Store, workers: int) -> float:
    """Claims a second, twenty at a time, by so many workers."""
    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        each = CLAIMS // workers
        taken = list(pool.map(lambda number: _only_claims(store, f"c{workers}-{number}", each), range(workers)))
    return round(sum(taken) / (time.monotonic() - began), 1)


def _only_claims(store: Store, token: str, wanted: int) -> int:
    done = 0
    while done < wanted:
        with store.transaction() as session:
            done += len(claims.claim(session, token, NOON, 20))
    return done


def _called(store: Store, workers: int, figures: dict[str, float]) -> float:
    """Whole calls a second, each claimed, checked, written and settled; counts who was called twice."""
    with store.session() as session:
        before = session.scalar(select(func.count()).select_from(CallAttempt)) or 0
    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        done = sum(pool.map(lambda number: _work(store, f"w{workers}-{number}", CLAIMS // workers), range(workers)))
    took = time.monotonic() - began
    with store.session() as session:
        attempts = (session.scalar(select(func.count()).select_from(CallAttempt)) or 0) - before
        twice = select(func.count()).select_from(CallAttempt).group_by(CallAttempt.target_id).having(func.count() > 1)
        figures["called_twice"] += len(session.scalars(twice).all())
    figures["missed"] += done - attempts
    return round(done / took, 1)


def _work(store: Store, token: str, wanted: int) -> int:
    done = 0
    while done < wanted:
        with store.transaction() as session:
            mine = claims.claim(session, token, NOON, min(20, wanted - done))
        if not mine:
            break
        for claim in mine:
            call = f"{token}-{claim.target}"
            with store.transaction() as session:
                dialling = claims.begin_dialling(session, claim, call, NOON, RULES)
            if dialling:
                with store.transaction() as session:
                    claims.rings(session, call, NOON)
                    claims.settle(session, call, "ordered", NOON, RetryPlan())
            done += 1
    return done
