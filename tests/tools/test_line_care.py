"""A node watching the lines, without an Asterisk: what it tells, judges, tries; and what doctor makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from admin.checkup.lines import check_lines
from admin.config import Config
from admin.line_care import LineCare, lines_in_service, try_line, way_of
from admin.opening import open_database
from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.trial_call import CantTry, TrialCall
from ivr.plant_registry import write_plant
from orders.faults import tickets
from orders.faults.contacts import keep
from orders.lines.service import take_out
from orders.models import FaultTicket, NodeBeat, Sighting
from orders.store import Store
from tests.orders.conftest import TEN
from tests.orders.lines.test_registry import PLANT


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        data=str(tmp_path),
        asterisk={"enabled": True, "password": "x", "url": "http://127.0.0.1:9"},  # type: ignore[arg-type]
        health={"confirm_s": 0, "spare_slots": 0},  # type: ignore[arg-type]
    )


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    store = open_database(config)
    with store.transaction() as session:
        write_plant(session, PLANT, TEN, "li")
    yield store
    store.close()


def a_line() -> AsteriskLine:
    """Never started: its Asterisk is out of reach."""
    return AsteriskLine(AsteriskSettings("http://127.0.0.1:9"), lambda _call, _event: None)


def test_a_node_without_asterisk_makes_it_a_fault_of_that_node(store: Store, config: Config) -> None:
    care = LineCare(store, config, a_line(), now=lambda: TEN)
    care.look()  # what it tells is judged at the next look
    care.look()
    with store.session() as session:
        (ticket,) = session.scalars(select(FaultTicket))
        assert (ticket.cause, ticket.about) == ("node", "asterisk:http://127.0.0.1:9")
    care.stop()
    with store.session() as session:
        assert session.scalars(select(NodeBeat)).all() == [], "ended on purpose"


def test_only_one_node_judges(store: Store, config: Config) -> None:
    first = LineCare(store, config, a_line(), now=lambda: TEN)
    later = TEN + timedelta(seconds=5)
    second = LineCare(store, config.model_copy(update={"node": "n2"}), a_line(), now=lambda: later)
    for _ in range(2):
        first.look()
        second.look()
    with store.session() as session:
        assert len(session.scalars(select(FaultTicket)).all()) == 1
        assert len(session.scalars(select(NodeBeat)).all()) == 2
    first.stop()
    second.stop()


def test_a_store_that_is_away_is_no_crash(store: Store, config: Config) -> None:
    care = LineCare(store, config, a_line(), now=lambda: TEN)
    with store.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE sightings RENAME TO elsewhere")
    care.look()
    with store.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO sightings")
    care.look()
    care.stop()


def test_each_line_is_tried_by_one_node_at_a_time(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = {"test_every_min": 10, "test_number": "13800000009"}
    config = config.model_copy(update={"health": config.health.model_copy(update=health)})
    tried: list[tuple[str, str]] = []

    def answer(_settings: AsteriskSettings, way: str, number: str, *, own: set[str]) -> TrialCall:
        tried.append((way, number))
        if "DAHDI/g2" in way:
            raise CantTry("Asterisk is away")
        return TrialCall("silent", "nothing heard")

    monkeypatch.setattr("admin.line_care.call_and_listen", answer)
    LineCare(store, config, a_line(), now=lambda: TEN).test_all()
    assert [way for way, _ in tried] == [way_of(PLANT, line) for line in lines_in_service(PLANT)]
    LineCare(store, config.model_copy(update={"node": "n2"}), a_line(), now=lambda: TEN).test_all()
    assert len(tried) == 5, "the first has done it for these ten minutes"
    with store.session() as session:
        assert session.get_one(Sighting, ("node1", "test:carrier")).saw == "silent"
        assert session.get(Sighting, ("node1", "test:e-one")) is None


def test_which_way_a_line_is_tried() -> None:
    assert way_of(PLANT, "carrier") == "PJSIP/{number}@carrier"
    assert way_of(PLANT, "e-one") == "DAHDI/g2/{number}"
    assert way_of(PLANT, "02785550003") == "DAHDI/4/{number}"
    assert way_of(PLANT, "8101") == "", "an inside line leads to an agent"
    assert lines_in_service(PLANT) == ["carrier", "e-one", "02785550001", "02785550002", "02785550003"]


def test_a_line_that_can_t_be_tried_says_why(store: Store, config: Config) -> None:
    with pytest.raises(CantTry, match="no call goes out by this line"):
        try_line(store, config, PLANT, "8101", "13800000009", lambda: TEN)
    with pytest.raises(CantTry, match="see whether Asterisk runs"):
        try_line(store, config, PLANT, "carrier", "13800000009", lambda: TEN)


def test_doctor_on_lines(store: Store, config: Config) -> None:
    assert ("OK", "0 up, 6 not seen yet") in [(one.level, one.says) for one in check_lines(config)]
    with store.transaction() as session:
        keep(session, "vendor", "Li", "10001")
        for name in ("carrier", "e-one", "board-a"):
            take_out(session, name, "x", "li", TEN)
    told = [(one.level, one.says) for one in check_lines(config.model_copy(update={"health": _wants(3, config)}))]
    assert ("FAIL", "every line is out of service") in told
    assert ("WARN", "1 spare outside slots, 3 wanted (health.spare_slots)") in told
    assert any("Li" in says for _, says in told)


def test_doctor_on_faults(store: Store, config: Config) -> None:
    care = LineCare(store, config, a_line(), now=lambda: TEN)
    care.look()
    care.look()
    with store.transaction() as session:
        assert tickets.escalate_overdue(session, TEN + timedelta(days=9))
    assert ("FAIL", "past their deadline: 1") in [(one.level, one.says) for one in check_lines(config)]


def _wants(spare_slots: int, config: Config) -> object:
    return config.health.model_copy(update={"spare_slots": spare_slots})
