"""The leader on both databases: what nodes tell becomes states, tickets, alarms; without the lease, nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from ivr.health.gathering import words
from ivr.health.monitor import LEASE_NAME, Monitor, Rules
from ivr.health.seen import Alarm
from ivr.plant import Plant
from ivr.plant_registry import registered_plant, write_plant
from orders import leases
from orders.faults import sightings
from orders.faults.clauses import Terms
from orders.lines.service import find_line, move_module, take_out
from orders.models import FaultTicket, PhoneLine
from orders.store import Store
from tests.orders.conftest import TEN
from tests.orders.lines.test_registry import PLANT

TERMS = Terms(ZoneInfo("Asia/Shanghai"))
ALL_ONLINE = {"carrier": "online", "8001": "offline"}
NO_ALARM: dict[int, Alarm] = dict.fromkeys([*range(1, 11), *range(101, 163)], "ok")
DARK: dict[int, Alarm] = {channel: "red" if channel < 11 else "ok" for channel in NO_ALARM}


class Watch:
    """One node that looks and leads, with a clock that the test moves."""

    def __init__(self, store: Store, node: str = "n1", rules: Rules | None = None) -> None:
        self.store, self.node, self.now = store, node, TEN
        self.rules = rules or Rules(spare_slots=0)
        self.monitor = Monitor(self.rules, TERMS)

    def look(
        self,
        endpoints: Mapping[str, str] | None = ALL_ONLINE,
        alarms: Mapping[int, Alarm] | None = NO_ALARM,
        *,
        asterisk: str = "up",
        after_s: float = 2,
    ) -> list[str]:
        """Tell, judge; the open tickets."""
        self.now += timedelta(seconds=after_s)
        with self.store.transaction() as session:
            told = words(registered_plant(session), endpoints, alarms)
            sightings.beat(session, self.node, self.now, asterisk, "pbx1", "out of reach")
            sightings.tell(session, self.node, told, self.now)
            held = leases.take(session, LEASE_NAME, self.node, self.now, timedelta(seconds=30))
            assert held
            session.flush()
            verdict = self.monitor.look(session, registered_plant(session), self.now)
            assert self.monitor.judge(session, held, verdict, self.now)
            return self.open(session)

    @staticmethod
    def open(session: object) -> list[str]:
        query = select(FaultTicket).where(FaultTicket.state == "open").order_by(FaultTicket.id)
        return [f"{one.cause} {one.about}" for one in session.scalars(query)]  # type: ignore[attr-defined]

    def states(self) -> dict[str, str]:
        with self.store.session() as session:
            return {line.name: line.cause or line.state for line in session.scalars(select(PhoneLine))}

    def plant(self) -> Plant:
        with self.store.session() as session:
            return registered_plant(session)

    def tickets(self) -> list[FaultTicket]:
        with self.store.session() as session:
            return list(session.scalars(select(FaultTicket).order_by(FaultTicket.id)))


@pytest.fixture
def watch(store: Store) -> Watch:
    with store.transaction() as session:
        write_plant(session, PLANT, TEN, "li")
    return Watch(store)


def test_all_is_well(watch: Watch) -> None:
    assert watch.look() == []
    assert set(watch.states().values()) == {"up"}


def test_a_dead_trunk_gets_one_ticket_when_it_is_sure(watch: Watch) -> None:
    down = ALL_ONLINE | {"carrier": "offline"}
    watch.look()
    assert watch.look(down) == []
    assert watch.states()["carrier"] == "carrier", "its state is told at once"
    assert watch.look(down, after_s=5) == []
    assert watch.look(down, after_s=5) == ["carrier trunk:carrier"]
    for _ in range(5):
        assert watch.look(down) == ["carrier trunk:carrier"]


def test_a_short_fault_gets_none(watch: Watch) -> None:
    down = ALL_ONLINE | {"carrier": "offline"}
    for _ in range(4):
        watch.look(down, after_s=8)
        assert watch.look(after_s=8) == []


def test_a_flapping_trunk_keeps_its_ticket(watch: Watch) -> None:
    down = ALL_ONLINE | {"carrier": "offline"}
    watch.look(down)
    watch.look(down, after_s=10)
    for _ in range(20):
        assert watch.look(after_s=60) == ["carrier trunk:carrier"]
        assert watch.look(down, after_s=60) == ["carrier trunk:carrier"]
    watch.look(after_s=60)
    assert watch.look(after_s=600) == []
    watch.look(down, after_s=600)
    assert watch.look(down, after_s=10) == ["carrier trunk:carrier"]
    assert len(watch.tickets()) == 1


def test_a_dead_board_is_one_ticket_with_its_lines_down(watch: Watch) -> None:
    watch.look(alarms=DARK)
    assert watch.look(alarms=DARK, after_s=10) == ["board board:board-a"]
    states = watch.states()
    assert [states[line] for line in ("02785550001", "02785550003", "8101", "carrier", "e-one")] == [
        "board",
        "board",
        "board",
        "up",
        "up",
    ]
    assert [board.dead for board in watch.plant().boards] == [False, True], "no call goes out by it"
    watch.look()
    assert not any(board.dead for board in watch.plant().boards)
    (ticket,) = watch.tickets()
    assert (ticket.deadline_of, ticket.clause) == ("on_site", "3.1.8")
    assert "Wang" in ticket.call


def test_what_a_dead_node_said_last_of_a_board_counts_no_more(watch: Watch) -> None:
    other = Watch(watch.store, "n2")
    with watch.store.transaction() as session:
        sightings.beat(session, other.node, watch.now, "up", "pbx2", "")
        sightings.tell(session, other.node, words(registered_plant(session), ALL_ONLINE, DARK), watch.now)
    watch.look()
    assert watch.states()["8101"] == "board"
    watch.look(after_s=30)
    assert watch.states()["8101"] == "up"


def test_an_asterisk_that_is_down_takes_all_blame(watch: Watch) -> None:
    watch.look()
    for _ in range(6):
        found = watch.look(None, None, asterisk="down", after_s=5)
    assert found == ["node asterisk:pbx1"]
    assert set(watch.states().values()) == {"unknown"}


def test_a_node_that_fell_silent(watch: Watch) -> None:
    watch.look()
    other = Watch(watch.store, "n2")
    other.now = watch.now + timedelta(seconds=31)
    other.look()
    assert other.look(after_s=10) == ["node node:n1"]
    with watch.store.transaction() as session:
        assert sightings.forget(session, "n1")
        assert not sightings.forget(session, "n1")
    assert other.look(after_s=2) == ["node node:n1"], "for a while"
    assert other.look(after_s=601) == []


def test_a_breach_is_told(watch: Watch) -> None:
    down = ALL_ONLINE | {"carrier": "offline"}
    watch.look(down)
    watch.look(down, after_s=10)
    watch.look(down, after_s=24 * 3600 + 1)
    assert watch.tickets()[0].breached_at == watch.now


def test_what_staff_has_taken_out_is_no_fault(watch: Watch) -> None:
    with watch.store.transaction() as session:
        take_out(session, "carrier", "cable work", "li", TEN)
        for line in ("02785550001", "02785550002", "02785550003", "8101"):
            take_out(session, line, "board is exchanged", "li", TEN)
    down = ALL_ONLINE | {"carrier": "offline"}
    watch.look(down, DARK)
    assert watch.look(down, DARK, after_s=60) == []


def test_a_failed_module_and_its_lines_elsewhere(watch: Watch) -> None:
    half: dict[int, Alarm] = NO_ALARM | {1: "missing", 2: "missing"}
    watch.look(alarms=half)
    assert watch.look(alarms=half, after_s=10) == ["board slot:board-a/1"]
    with watch.store.transaction() as session:
        move_module(session, "board-a/1", "board-a/3", "li", TEN)
    watch.look(alarms=half)
    assert watch.states()["02785550001"] == "up"
    assert watch.tickets()[0].gone_at is not None, "nothing is plugged in there any more"


def test_few_spare_slots_are_an_alarm(store: Store) -> None:
    with store.transaction() as session:
        write_plant(session, PLANT, TEN, "li")
    watch = Watch(store, rules=Rules(spare_slots=1))
    watch.look()
    assert watch.look(after_s=10) == ["board spares:inside"]
    assert watch.tickets()[0].deadline_of == "resolved"


def test_a_test_call_counts_for_a_while(watch: Watch) -> None:
    with watch.store.transaction() as session:
        sightings.tested(session, "n1", "carrier", "silent", "", TEN)
    watch.look()
    assert watch.look(after_s=10) == ["network trunk:carrier"]
    watch.look(after_s=3600)
    assert watch.states()["carrier"] == "up"


def test_without_the_lease_nothing_is_written(watch: Watch) -> None:
    with watch.store.transaction() as session:
        mine = leases.take(session, LEASE_NAME, "n1", TEN, timedelta(seconds=30))
        assert mine
        later: datetime = TEN + timedelta(seconds=60)
        assert leases.take(session, LEASE_NAME, "n2", later, timedelta(seconds=30))
        sightings.tell(session, "n1", {"trunk:carrier": ("offline", "")}, TEN)
        sightings.beat(session, "n1", TEN, "up", "pbx1")
        session.flush()
        verdict = watch.monitor.look(session, registered_plant(session), TEN)
        assert verdict.changed["carrier"].state == "down"
        assert not watch.monitor.judge(session, mine, verdict, TEN)
        assert not watch.monitor.judge(session, replace(mine, token=mine.token + 1), verdict, TEN)
        assert find_line(session, "carrier").state == "unknown"
