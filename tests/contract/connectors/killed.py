"""Kill the process that hands orders over, at seeded points, until all are handed over; then count them over there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from orders.demo import load_demo
from orders.migrations import upgrade
from orders.models import Draft, Order, OrderLine, OutboxRow, Retailer
from orders.placing import outbox_row
from orders.store import Store, open_store
from tests.contract.connectors.suite import ORDER, SalesSide

KILLS = int(os.environ.get("ORDERLINE_KILLS", "16"))
"""How many deaths a test wants to see; more of them, to measure."""

RETAILERS = {ORDER.licence_no: ORDER.retailer, "420102100012": "团结烟酒店", "420103100022": "长江小卖部"}
"""Names by licence number; each is in the demo data, and each system under test knows them."""
DEATHS_EACH = 3
DAY = date.fromisoformat(ORDER.order_day)


class DeathContract:
    """As `ConnectorContract`: the fixture `side` is a module's own."""

    @pytest.mark.timeout(600)
    def test_our_process_killed_anywhere(self, side: SalesSide, tmp_path: Path) -> None:
        tally = killed_anywhere(side, tmp_path)
        assert not tally.wrong, tally.wrong
        print(f"{tally.orders} orders, {tally.kills} deaths")


class Tally:
    """What was seen over all lives; `wrong` names each order that the system does not hold exactly once."""

    def __init__(self) -> None:
        self.kills = 0
        self.orders = 0
        self.wrong: list[str] = []


def killed_anywhere(side: SalesSide, folder: Path, *, kills: int = KILLS, seed: int = 1) -> Tally:
    """Three retailers' orders at a time through up to three deaths, until so many deaths were died."""
    store = _store(f"sqlite:///{folder / 'orders.db'}")
    chance, tally = random.Random(seed), Tally()
    with _lives(store, side, folder / "lives.log") as life:
        _place(store, tally)
        _, points = life(0).split()
        while tally.kills < kills:
            keys = _place(store, tally)
            for _ in range(DEATHS_EACH):
                said = life(chance.randint(1, int(points)))
                tally.kills += said == "killed"
            said = life(0)
            if not said.startswith("done"):
                tally.wrong.append(f"the last life {said}: {(folder / 'lives.log').read_text()[-500:]}")
            tally.wrong += _not_once(store, side, keys)
    store.close()
    return tally


def _store(url: str) -> Store:
    store = open_store(url)
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, DAY, b"killed")
    return store


def _place(store: Store, tally: Tally) -> list[str]:
    """One order of each retailer, waiting in the outbox; their keys."""
    now, keys = datetime.now(UTC), []
    with store.transaction() as session:
        for licence in RETAILERS:
            retailer = session.scalars(select(Retailer).where(Retailer.licence_no == licence)).one()
            draft = Draft(retailer_id=retailer.id, order_day=DAY, state="placed")
            session.add(draft)
            session.flush()
            tally.orders += 1
            order = Order(
                order_no=f"{DAY:%Y%m%d}{draft.id:08d}",
                order_key=f"{retailer.id}-{DAY:%Y%m%d}-{draft.id}",
                draft_id=draft.id,
                retailer_id=retailer.id,
                order_day=DAY,
                placed_at=now,
                amount_fen=ORDER.amount_fen,
                lines=[
                    OrderLine(
                        position=line.position,
                        article_code=line.article_code,
                        requested=line.requested,
                        accepted=line.accepted,
                        price_fen=line.price_fen,
                    )
                    for line in ORDER.lines
                ],
            )
            session.add(order)
            session.flush()
            session.add(outbox_row(session, order, now))
            keys.append(order.order_key)
    return keys


class _Life:
    """Asks the process that forks lives for one."""

    def __init__(self, mother: subprocess.Popen[str], store: Store, side: SalesSide) -> None:
        self._mother = mother
        self._job = {"store": store.engine.url.render_as_string(hide_password=False), "system": side.description()}

    def __call__(self, last: int) -> str:
        assert self._mother.stdin
        assert self._mother.stdout
        self._mother.stdin.write(json.dumps(self._job | {"last": last}) + "\n")
        self._mother.stdin.flush()
        return self._mother.stdout.readline().strip() or "was never born"


@contextmanager
def _lives(store: Store, side: SalesSide, log: Path) -> Iterator[_Life]:
    command = [sys.executable, "-m", "tests.crash.hand_over_worker"]
    pipe = subprocess.PIPE
    with (
        log.open("w") as said,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, text=True) as mother,
    ):
        yield _Life(mother, store, side)
        assert mother.stdin
        mother.stdin.close()


def _not_once(store: Store, side: SalesSide, keys: list[str]) -> list[str]:
    with store.session() as session:
        rows = session.execute(
            select(OutboxRow.state, OutboxRow.external_id, OutboxRow.order_key).where(OutboxRow.order_key.in_(keys))
        ).all()
    wrong = [f"{key} is {state} as {its!r}" for state, its, key in rows if state != "sent" or not its]
    held = {key: side.times_held(key) for key in keys}
    return wrong + [f"{key} is held {times} times" for key, times in held.items() if times != 1]
