"""The line registry and a real Asterisk: routes hunt, files are followed while calls go on, test calls listen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.lines.asterisk.conf_folder import read_plant
from ivr.lines.asterisk.following import Following
from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.trial_call import CantTry, call_and_listen
from ivr.lines.port import Answered, Arrived, DialFailed, Dialled, Gone
from ivr.plant_registry import registered_plant, write_plant
from orders.lines.service import move_module, put_in, take_out
from orders.migrations import upgrade
from orders.store import Store, open_store
from tests.asterisk.production import ProductionPbx, plant_text, require_boards_driver
from tests.contract.lines.rig import Events
from tests.lines.telephone import Telephone, wait_for
from tests.orders.conftest import TEN

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.xdist_group("wire")]

NUMBER = "13800000009"
BOARD = """
[[boards]]
name = "board-a"
kind = "analogue"
group = 1
ports = 3
slots = [{number = 1, module = "M1", lines = ["02785550001"]}, {number = 2, module = "M2"}]
"""
LOUD = bytes((0xAA, 0x2A)) * 80


@dataclass
class Site:
    """Asterisk, the registry that it follows, a node's line, and the two carriers."""

    pbx: ProductionPbx
    store: Store
    line: AsteriskLine
    events: Events
    following: Following
    phones: list[Telephone]

    def carrier(self, *, replies: dict[str, int] | None = None, spare: bool = False) -> Telephone:
        """A carrier's end of a trunk, and wait until Asterisk has it in rotation."""
        port, name = (self.pbx.agent_port, "spare") if spare else (self.pbx.trunk_port, "carrier")
        phone = Telephone(own_port=port, replies=replies or {})
        self.phones.append(phone)
        # Asked by name: "online" alone may be what was known of the test before.
        wait_for(lambda: any(request.method == "OPTIONS" for request in phone.requests))
        wait_for(lambda: (self.line.endpoints() or {}).get(name) == "online")
        return phone

    def caller(self) -> tuple[Telephone, str]:
        """A call that came in and is answered, and its name."""
        number = len(self.events.calls())
        self.phones.append(Telephone(target=("127.0.0.1", self.pbx.sip_port)))
        self.phones[-1].invite()
        call = self.events.next_call(number)
        self.events.wait_for(call, Arrived)
        self.line.answer(call)
        self.phones[-1].take_answer()
        return self.phones[-1], call

    def change(self, do: Callable[..., object], *words: str) -> list[str]:
        """What staff does in the registry, and what Asterisk reads again for it."""
        with self.store.transaction() as session:
            do(session, *words, "li", TEN)
            plant = registered_plant(session)
        return self.following.follow(plant)

    def dial(self, call: str) -> object:
        """Call out; how it ended: Answered or DialFailed."""
        self.line.dial(Dialled(call, NUMBER, "4001", 10))
        wait_for(lambda: any(isinstance(event, Answered | DialFailed) for event in self.events.of(call)), 15)
        return next(event for event in self.events.of(call) if isinstance(event, Answered | DialFailed))

    def settings(self) -> AsteriskSettings:
        return AsteriskSettings(self.pbx.url, self.pbx.user, self.pbx.password)


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionPbx]:
    require_boards_driver()
    pbx = ProductionPbx(tmp_path_factory.mktemp("registry") / "asterisk", BOARD)
    pbx.start()
    yield pbx
    pbx.kill()


@pytest.fixture
def at(pbx: ProductionPbx, tmp_path: Path) -> Iterator[Site]:
    store = open_store(f"sqlite:///{tmp_path / 'orders.db'}")
    upgrade(store)
    pbx.plant_file.write_text(plant_text(pbx, BOARD))
    with store.transaction() as session:
        write_plant(session, read_plant(pbx.plant_file), TEN, "li")
        plant = registered_plant(session)
    events = Events()
    line = AsteriskLine(AsteriskSettings(pbx.url, pbx.user, pbx.password), events)
    line.start()
    wait_for(lambda: line.endpoints() is not None)
    following = Following(pbx.etc, line.request)
    following.follow(plant)
    site = Site(pbx, store, line, events, following, [])
    yield site
    line.stop()
    for phone in site.phones:
        phone.close()
    store.close()


def test_a_dead_trunk_is_seen_and_seen_again(at: Site) -> None:
    carrier = at.carrier()
    carrier.muted = True
    silent = time.monotonic()
    wait_for(lambda: (at.line.endpoints() or {}).get("carrier") == "offline")
    assert time.monotonic() - silent < 3.5, "asked every 2 s, given up after 1 s"
    carrier.muted = False
    wait_for(lambda: (at.line.endpoints() or {}).get("carrier") == "online")


@pytest.mark.parametrize("status", [503, 502, 500])
def test_calls_out_go_on_to_the_next_trunk(at: Site, status: int) -> None:
    first, second = at.carrier(replies={"INVITE": status}), at.carrier(spare=True)
    assert isinstance(at.dial("out-1"), Answered)
    assert first.invited
    assert second.invited


@pytest.mark.parametrize(
    ("status", "failure"), [(486, "busy"), (603, "declined"), (480, "no_answer"), (404, "rejected")]
)
def test_the_retailer_s_own_answer_ends_the_search(at: Site, status: int, failure: str) -> None:
    at.carrier(replies={"INVITE": status})
    second = at.carrier(spare=True)
    failed = at.dial("out-1")
    assert isinstance(failed, DialFailed)
    assert failed.failure == failure
    assert second.invited is None


def test_a_trunk_that_does_not_answer_is_not_tried(at: Site) -> None:
    carrier, second = at.carrier(), at.carrier(spare=True)
    carrier.muted = True
    wait_for(lambda: (at.line.endpoints() or {}).get("carrier") == "offline")
    began = time.monotonic()
    assert isinstance(at.dial("out-1"), Answered)
    assert time.monotonic() - began < 1.0
    assert second.invited


def test_a_trunk_out_of_service_is_left_out_while_its_calls_go_on(at: Site) -> None:
    first, second = at.carrier(), at.carrier(spare=True)
    assert isinstance(at.dial("out-1"), Answered)
    assert first.invited
    assert at.change(take_out, "carrier", "cable work") == ["pbx_config.so"]
    assert isinstance(at.dial("out-2"), Answered)
    assert second.invited
    assert not any(isinstance(event, Gone) for event in at.events.of("out-1")), "who talks goes on"
    assert at.change(put_in, "carrier") == ["pbx_config.so"]
    assert "@carrier," in at.pbx.cli("dialplan show route")


def test_a_full_trunk_is_passed_by(at: Site) -> None:
    first, second = at.carrier(), at.carrier(spare=True)
    assert isinstance(at.dial("out-1"), Answered)
    first.line_tag = ""  # this end takes a further call beside the first
    first.requests.clear()
    assert isinstance(at.dial("out-2"), Answered)
    assert second.invited is None
    assert isinstance(at.dial("out-3"), Answered)
    assert second.invited, "max_calls = 2"


def test_with_no_way_out_it_says_so(at: Site) -> None:
    at.change(take_out, "carrier", "x")
    at.change(take_out, "spare", "x")
    failed = at.dial("out-1")
    assert isinstance(failed, DialFailed)
    assert failed.failure == "unreachable"


def test_a_moved_module_drops_no_call(at: Site) -> None:
    caller, call = at.caller()
    boards = at.pbx.etc / "chan_dahdi_boards.conf"
    assert "group = 1\nchannel => 1  ; 02785550001" in boards.read_text()
    assert "chan_dahdi.so" in at.change(move_module, "board-a/1", "board-a/2")
    assert at.following.problem == ""
    assert "group = 1\nchannel => 2  ; 02785550001" in boards.read_text()
    assert not caller.ended.is_set()
    assert not any(isinstance(event, Gone) for event in at.events.of(call))
    assert "1 active channel" in at.pbx.cli("core show channels count")
    caller.hang_up()
    at.events.wait_for(call, Gone)


def test_a_new_trunk_is_there_without_a_restart(at: Site) -> None:
    _, call = at.caller()
    new = '[[trunks]]\nname = "third"\nhost = "127.0.0.1"\nport = 9\nnetworks = ["127.0.0.9"]\n'
    at.pbx.plant_file.write_text(plant_text(at.pbx, BOARD + new))
    with at.store.transaction() as session:
        write_plant(session, read_plant(at.pbx.plant_file), TEN, "li")
        plant = registered_plant(session)
    assert at.following.follow(plant) == ["res_pjsip.so"]
    wait_for(lambda: "third" in at.pbx.cli("pjsip show endpoints"))
    assert not any(isinstance(event, Gone) for event in at.events.of(call))
    assert at.following.follow(plant) == [], "nothing to do the second time"


def test_what_can_t_be_written_is_told(at: Site, tmp_path: Path) -> None:
    with at.store.session() as session:
        plant = registered_plant(session)
    nowhere = Following(tmp_path / "nowhere", at.line.request)
    assert nowhere.follow(plant) == []
    assert "orderline asterisk render" in nowhere.problem


def test_a_test_call_hears_a_greeting(at: Site) -> None:
    carrier = at.carrier()
    over = threading.Event()

    def greet() -> None:
        while not over.wait(0.02):
            if carrier.invited is not None:
                carrier.sound.send(8, LOUD)

    greeting = threading.Thread(target=greet)
    greeting.start()
    try:
        tried = call_and_listen(at.settings(), "PJSIP/{number}@carrier", NUMBER)
    finally:
        over.set()
        greeting.join()
    assert tried.result == "ok", tried.detail
    wait_for(carrier.ended.is_set)


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, "silent"), (486, "busy"), (603, "busy"), (404, "rejected"), (503, "unreachable"), (0, "no_answer")],
)
def test_what_a_test_call_finds(at: Site, status: int, result: str) -> None:
    at.carrier(replies={"INVITE": status})
    assert call_and_listen(at.settings(), "PJSIP/{number}@carrier", NUMBER, ring_s=1, listen_s=1).result == result


@pytest.mark.parametrize(
    ("way", "number"),
    [
        ("PJSIP/{number}@carrier", "500&PJSIP/x"),
        ("PJSIP/{number}@carrier", ""),
        ("PJSIP/{number}@carrier", "16812345"),
        ("PJSIP/{number}@carrier", "0013105551234"),
        ("PJSIP/{number}@carrier", "110"),
        ("PJSIP/{number}@carrier", "1380000000٩"),
        ("Local/{number}@outbound", NUMBER),
        ("PJSIP/{number}@carrier&PJSIP/1@x", NUMBER),
    ],
)
def test_only_plain_numbers_on_known_ways_are_tried(at: Site, way: str, number: str) -> None:
    before = at.pbx.cli("core show channels count").splitlines()[-1]
    with pytest.raises(CantTry, match=r"is not dialled|is no way out"):
        call_and_listen(at.settings(), way, number, own={"500&PJSIP/x", "4001234567"})
    assert "processed" in before
    assert at.pbx.cli("core show channels count").splitlines()[-1] == before


def test_our_own_number_is_tried_whatever_its_form(at: Site) -> None:
    at.carrier(replies={"INVITE": 486})
    tried = call_and_listen(at.settings(), "PJSIP/{number}@carrier", "4001234567", own={"4001234567"})
    assert tried.result == "busy"


def test_an_asterisk_that_refuses_or_is_away_is_told(at: Site) -> None:
    for settings, reason in (
        (AsteriskSettings(at.pbx.url, at.pbx.user, "wrong"), "asterisk.password"),
        (AsteriskSettings("http://127.0.0.1:9"), "see whether Asterisk runs"),
    ):
        with pytest.raises(CantTry, match=reason):
            call_and_listen(settings, "PJSIP/{number}@carrier", NUMBER)
