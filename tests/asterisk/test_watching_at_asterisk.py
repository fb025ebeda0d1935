"""A node that watches a real Asterisk: dead trunks and boards become states and tickets; a line is tried by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from admin.cli.group import orderline
from admin.config import Config
from admin.config_settings import asterisk_settings
from admin.line_care import LineCare
from admin.opening import open_database
from ivr.lines.asterisk.conf_folder import read_plant
from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.port import Answered, Dialled, Gone
from ivr.plant_registry import registered_plant, write_plant
from orders.lines.service import find_line, take_out
from orders.models import FaultTicket
from orders.store import Store
from tests.asterisk.production import ProductionPbx, plant_text, require_boards_driver
from tests.asterisk.test_registry_at_asterisk import BOARD, NUMBER
from tests.contract.lines.rig import Events
from tests.lines.telephone import Telephone, wait_for

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.xdist_group("wire")]


@dataclass
class Node:
    """One node's watch on its Asterisk, which the test lets look."""

    pbx: ProductionPbx
    store: Store
    line: AsteriskLine
    care: LineCare
    events: Events
    config: Config

    def look(self) -> bool:
        self.care.look()
        return True

    def state(self, name: str) -> str:
        with self.store.session() as session:
            line = find_line(session, name)
            return line.cause or line.state

    def faults(self) -> set[str]:
        """What tickets are open for and is seen now. Before its first OPTIONS a trunk counts as dead."""
        seen = select(FaultTicket).where(FaultTicket.state == "open", FaultTicket.gone_at.is_(None))
        with self.store.session() as session:
            return {f"{one.cause} {one.about}" for one in session.scalars(seen)}

    def carrier(self, *, spare: bool = False) -> Telephone:
        return Telephone(own_port=self.pbx.agent_port if spare else self.pbx.trunk_port)


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionPbx]:
    require_boards_driver()
    pbx = ProductionPbx(tmp_path_factory.mktemp("watching") / "asterisk", BOARD)
    pbx.start()
    yield pbx
    pbx.kill()


@pytest.fixture
def node(pbx: ProductionPbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    asterisk = {"enabled": True, "url": pbx.url, "password": pbx.password, "manager_port": pbx.manager_port}
    asterisk["files"] = str(pbx.etc)
    config = Config(data=str(tmp_path), asterisk=asterisk, health={"confirm_s": 0, "spare_slots": 0})  # type: ignore[arg-type]
    for name, value in asterisk.items():
        monkeypatch.setenv(f"ORDERLINE_ASTERISK__{name.upper()}", str(value).lower() if value is True else str(value))
    monkeypatch.setenv("ORDERLINE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    store = open_database(config)
    with store.transaction() as session:
        write_plant(session, read_plant(pbx.plant_file), datetime.now(UTC), "li")
    settings = asterisk_settings(config)
    assert settings
    events = Events()
    line = AsteriskLine(settings, events)
    line.start()
    wait_for(lambda: line.endpoints() is not None)
    care = LineCare(store, config, line)
    yield Node(pbx, store, line, care, events, config)
    care.stop()
    line.stop()
    store.close()


def test_a_dead_trunk_is_the_carrier_s_within_seconds(node: Node) -> None:
    first, second = node.carrier(), node.carrier(spare=True)
    try:
        wait_for(lambda: node.look() and {node.state("carrier"), node.state("spare")} == {"up"})
        first.muted = True
        silent = time.monotonic()
        wait_for(lambda: node.look() and node.state("carrier") == "carrier")
        assert time.monotonic() - silent < 4.0
        assert node.state("spare") == "up"
        wait_for(lambda: node.look() and "carrier trunk:carrier" in node.faults())
        assert node.faults() == {"carrier trunk:carrier", "board board:board-a"}
        first.muted = False
        wait_for(lambda: node.look() and node.state("carrier") == "up")
    finally:
        first.close()
        second.close()


def test_a_board_that_its_driver_does_not_have_is_a_board_fault(node: Node) -> None:
    # There is no hardware: chan_dahdi runs, and lists not one channel.
    wait_for(lambda: node.look() and node.state("02785550001") == "board", 10)
    wait_for(lambda: node.look() and "board board:board-a" in node.faults())
    assert "DAHDI/g1" not in node.pbx.cli("dialplan show route"), "its lines are no way out any more"


def test_calls_go_out_by_the_trunk_while_the_board_ahead_of_it_is_dead(node: Node) -> None:
    carrier = node.carrier()
    try:
        wait_for(lambda: any(request.method == "OPTIONS" for request in carrier.requests))
        wait_for(lambda: (node.line.endpoints() or {}).get("carrier") == "online")
        with node.store.transaction() as session:
            plant = registered_plant(session)
            ahead = msgspec.structs.replace(plant, routes=("board-a", "carrier"))
            write_plant(session, ahead, datetime.now(UTC), "li")
        # Before anybody has looked: Dial itself finds no channel and goes on.
        node.care.look()
        assert "DAHDI/g1" in node.pbx.cli("dialplan show route")
        events = node.events
        began = time.monotonic()
        node.line.dial(Dialled("out-1", NUMBER, "", 10))
        events.wait_for("out-1", Answered)
        assert time.monotonic() - began < 1.0
        node.line.hang_up("out-1")
        events.wait_for("out-1", Gone)
    finally:
        carrier.close()


def test_a_carrier_that_refuses_our_registration_is_a_matter_of_configuration(node: Node) -> None:
    registrar = Telephone(replies={"REGISTER": 403})
    try:
        (node.pbx.plant_file.parent / "wrong.secret").write_text("wrong")
        more = (
            f'[[trunks]]\nname = "third"\nhost = "127.0.0.1"\nport = {registrar.port}\nnetworks = ["127.0.0.3"]\n'
            'user = "027"\npassword_file = "wrong.secret"\nregister = true\n'
        )
        file = node.pbx.plant_file.with_name("third.toml")
        file.write_text(plant_text(node.pbx, BOARD + more))
        with node.store.transaction() as session:
            write_plant(session, read_plant(file), datetime.now(UTC), "li")
        # Asterisk spreads first registrations at random over ten seconds (max_random_initial_delay).
        wait_for(lambda: node.look() and any(asked.method == "REGISTER" for asked in registrar.requests), 15)
        wait_for(lambda: "Rejected" in node.pbx.cli("pjsip show registrations"))
        # Listed anew each half minute; here by a node that opens its connection now.
        node.care.stop()
        other = LineCare(node.store, node.config, node.line)
        try:
            wait_for(lambda: not other.look() and "configuration trunk:third" in node.faults())
        finally:
            other.stop()
    finally:
        registrar.close()


def test_an_asterisk_that_is_killed_is_one_fault(node: Node) -> None:
    wait_for(lambda: node.look() and node.line.health().state == "up")
    node.pbx.kill()
    try:
        wait_for(lambda: node.look() and f"node asterisk:{node.pbx.url}" in node.faults())
        wait_for(lambda: node.look() and len(node.faults()) == 1)
        assert {node.state("carrier"), node.state("spare")} == {"unknown"}
    finally:
        node.pbx.start()
    wait_for(lambda: node.look() and node.line.endpoints() is not None, 15)


def test_what_staff_says_reaches_asterisk_at_the_next_look(node: Node) -> None:
    node.look()
    with node.store.transaction() as session:
        take_out(session, "carrier", "cable work", "li", datetime.now(UTC))
    node.look()
    assert "@carrier," not in node.pbx.cli("dialplan show route")
    assert "@spare," in node.pbx.cli("dialplan show route")


def test_a_line_is_tried_from_the_command_line(node: Node) -> None:
    carrier = node.carrier()
    try:
        wait_for(lambda: any(request.method == "OPTIONS" for request in carrier.requests))
        wait_for(lambda: (node.line.endpoints() or {}).get("carrier") == "online")
        carrier.replies["INVITE"] = 404
        done = CliRunner().invoke(orderline, ["lines", "test", "carrier", "--number", NUMBER])
        assert done.exit_code == 1, done.output
        assert "carrier: rejected, rejected (404)" in done.output
        wait_for(lambda: node.look() and "configuration trunk:carrier" in node.faults())
        done = CliRunner().invoke(orderline, ["lines", "history", "carrier"])
        assert "test call: rejected" in done.output
        done = CliRunner().invoke(orderline, ["lines", "test", "carrier"])
        assert "health.test_number" in done.output
    finally:
        carrier.close()
