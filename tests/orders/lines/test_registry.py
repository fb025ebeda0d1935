"""The line registry on both databases: in from a plant file and out again, service, moved modules, spare slots."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from ivr.lines.asterisk.rendering import render
from ivr.plant import Plant, PlantError, plant_of
from ivr.plant_registry import registered_plant, write_plant
from orders.lines.changes import history
from orders.lines.service import LineError, find_line, move_module, put_in, spare_slots, take_out
from orders.store import Store
from tests.orders.conftest import TEN

PLANT = plant_of(
    {
        "routes": ["carrier", "board-a", "e-one"],
        "trunks": [
            {
                "name": "carrier",
                "host": "sip.carrier.example",
                "user": "u",
                "password_file": "/x",
                "networks": ["10.0.0.0/8"],
            }
        ],
        "boards": [
            {"name": "e-one", "kind": "e1", "group": 2, "first_channel": 101, "ports": 62},
            {
                "name": "board-a",
                "kind": "analogue",
                "group": 1,
                "ports": 10,
                "module_ports": 2,
                "serial": "VB-1",
                "slots": [
                    {"number": 1, "module": "M1", "lines": ["02785550001", "02785550002"]},
                    {"number": 2, "module": "M2", "lines": ["", "02785550003"]},
                    {"number": 3, "module": "M3"},
                    {"number": 4, "module": "M4", "side": "inside", "lines": ["8101"]},
                    {"number": 5},
                ],
            },
        ],
        "agents": [{"extension": "8001", "password_file": "/y"}],
        "modules": [{"serial": "M9", "side": "outside"}],
        "numbers": [{"number": "4001234567", "line": "carrier"}, {"number": "02785550001", "line": "02785550001"}],
        "contacts": [{"role": "vendor", "name": "Wang", "phone": "10000", "checked_on": date(2026, 11, 1)}],
    }
)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.transaction() as session:
        assert write_plant(session, PLANT, TEN, "li") == []
    return store


def plant(store: Store) -> Plant:
    with store.session() as session:
        return registered_plant(session)


def boards(found: Plant) -> str:
    return render({}, {}, found, lambda _file: "secret").files["chan_dahdi_boards.conf"]


def routes(found: Plant) -> str:
    return render({}, {}, found, lambda _file: "secret").files["extensions_routes.conf"]


def test_what_goes_in_comes_out(filled: Store) -> None:
    assert plant(filled) == msgspec.structs.replace(PLANT, numbers=tuple(sorted(PLANT.numbers, key=lambda n: n.number)))


def test_writing_it_again_changes_nothing(filled: Store) -> None:
    with filled.transaction() as session:
        assert write_plant(session, plant_of(msgspec.to_builtins(PLANT)), TEN, "li") == []


def test_what_a_file_takes_away_is_told_and_staff_s_word_is_kept(filled: Store) -> None:
    with filled.transaction() as session:
        take_out(session, "carrier", "bill not paid", "li", TEN)
        move_module(session, "board-a/1", "board-a/3", "li", TEN)
    other = msgspec.structs.replace(PLANT, agents=(), numbers=PLANT.numbers[:1])
    with filled.transaction() as session:
        assert write_plant(session, other, TEN, "li") == [
            "line 02785550001 goes from board-a/3 to board-a/1",
            "line 02785550002 goes from board-a/3 to board-a/1",
            "number 02785550001 is no longer there",
        ]
    after = plant(filled)
    assert not after.trunks[0].in_service
    assert after.boards[1].slots[0].failed, "a file can't mend a module"


def test_out_of_service_and_in_again(filled: Store) -> None:
    with filled.transaction() as session:
        take_out(session, "carrier", "cable work", "li", TEN)
        take_out(session, "02785550003", "noise", "li", TEN)
        with pytest.raises(LineError, match="already: cable work"):
            take_out(session, "carrier", "again", "li", TEN)
        with pytest.raises(LineError, match="say why"):
            take_out(session, "e-one", " ", "li", TEN)
        with pytest.raises(LineError, match="lines list"):
            take_out(session, "nowhere", "x", "li", TEN)
    assert "carrier" not in routes(plant(filled))
    assert "group =\nchannel => 4  ; 02785550003 (out)" in boards(plant(filled))
    with filled.transaction() as session:
        put_in(session, "carrier", "li", TEN)
        with pytest.raises(LineError, match="in service already"):
            put_in(session, "carrier", "li", TEN)
        assert [change.what for change in history(session, "carrier")] == ["in service", "out of service", "registered"]
    assert "@carrier," in routes(plant(filled))


def test_a_board_all_of_whose_lines_are_out_is_no_way_out(filled: Store) -> None:
    with filled.transaction() as session:
        take_out(session, "02785550003", "noise", "li", TEN)
        assert take_out(session, "board-a", "board is dead", "li", TEN) == ["02785550001", "02785550002", "8101"]
    assert "DAHDI/g1/" not in routes(plant(filled))
    assert "DAHDI/g2/" in routes(plant(filled))
    with filled.transaction() as session:
        assert len(put_in(session, "board-a", "li", TEN)) == 4
    assert "DAHDI/g1/" in routes(plant(filled))


def test_a_failed_module_s_lines_move_to_a_spare_slot(filled: Store) -> None:
    before = boards(plant(filled))
    assert "group = 1\nchannel => 1  ; 02785550001\ngroup = 1\nchannel => 2  ; 02785550002" in before
    assert "group =\nchannel => 5  ; spare" in before
    with filled.transaction() as session:
        assert move_module(session, "board-a/1", "board-a/3", "li", TEN) == ["02785550001", "02785550002"]
    after = boards(plant(filled))
    assert "group = 1\nchannel => 5  ; 02785550001\ngroup = 1\nchannel => 6  ; 02785550002" in after
    assert "; slot 1: M1, outside, failed" in after
    assert "group =\nchannel => 1  ; spare" in after
    with filled.session() as session:
        assert find_line(session, "02785550001").numbers[0].number == "02785550001", "its number goes with it"
        assert [change.detail for change in history(session, "02785550001")] == ["board-a/1 to board-a/3", ""]
        assert "M1; lines now at board-a/3" in history(session, "slot:board-a/1")[0].detail
        assert spare_slots(session) == {"inside": [], "outside": []}


def test_a_module_from_the_shelf(filled: Store) -> None:
    with filled.transaction() as session:
        assert spare_slots(session) == {"inside": [], "outside": ["board-a/3"]}
        move_module(session, "board-a/2", "board-a/5", "li", TEN + timedelta(minutes=1), spare="M9")
    found = plant(filled)
    assert found.modules == ()
    assert found.boards[1].slots[4].lines == ("", "02785550003"), "the same port of the new module"


@pytest.mark.parametrize(
    ("source", "target", "spare", "what_to_do"),
    [
        ("board-a", "board-a/3", "", "write BOARD/NUMBER"),
        ("board-a/9", "board-a/3", "", "there is no slot board-a/9"),
        ("nowhere/1", "board-a/3", "", "there is no slot"),
        ("board-a/3", "board-a/3", "", "the same slot"),
        ("board-a/3", "board-a/5", "M9", "no line is plugged in"),
        ("board-a/1", "board-a/2", "", "02785550003 is plugged in"),
        ("board-a/1", "board-a/5", "", "--spare SERIAL"),
        ("board-a/1", "board-a/5", "M2", "no module on the shelf"),
        ("board-a/1", "board-a/3", "M9", "holds M3 already"),
        ("board-a/4", "board-a/3", "", "an inside one"),
    ],
)
def test_moves_that_can_t_be(filled: Store, source: str, target: str, spare: str, what_to_do: str) -> None:
    with pytest.raises(LineError, match=what_to_do), filled.transaction() as session:
        move_module(session, source, target, "li", TEN, spare=spare)
    assert boards(plant(filled)) == boards(PLANT)


@pytest.mark.parametrize(
    ("slots", "what_to_do"),
    [
        ([{"number": 1, "module": "A"}, {"number": 1}], "slot 1 twice"),
        ([{"number": 9, "module": "A"}], "past its 8 ports"),
        ([{"number": 1, "lines": ["123"]}], "lines but no module"),
        ([{"number": 1, "module": "A", "lines": ["123", "124"]}], "has 1 ports"),
        ([{"number": 1, "module": "A", "lines": ["123"], "out": ["124"]}], "not plugged in there"),
        (
            [{"number": 1, "module": "A", "lines": ["123"]}, {"number": 2, "module": "B", "lines": ["123"]}],
            "plugged in twice",
        ),
        ([{"number": 1, "module": "A"}, {"number": 2, "module": "A"}], "module A is there twice"),
        ([{"number": 1, "module": "A]\nb"}], "slots"),
    ],
)
def test_slots_that_can_t_be(slots: list[dict[str, object]], what_to_do: str) -> None:
    with pytest.raises(PlantError, match=what_to_do):
        plant_of({"boards": [{"name": "a", "kind": "analogue", "group": 1, "ports": 8, "slots": slots}]})


@pytest.mark.parametrize(
    ("change", "what_to_do"),
    [
        ({"numbers": [{"number": "123", "line": "nowhere"}]}, "which is no line"),
        ({"routes": ["a", "a"], "trunks": [{"name": "a", "host": "h"}]}, "routes names a twice"),
        ({"contacts": [{"role": "friend", "name": "A", "phone": "123"}]}, "contacts"),
        ({"contacts": [{"role": "head", "name": "A", "phone": "1;2"}]}, "contacts"),
        ({"boards": [{"name": "a", "kind": "e1", "group": 1, "slots": [{"number": 1}]}]}, "only analogue boards"),
    ],
)
def test_other_things_that_can_t_be(change: dict[str, object], what_to_do: str) -> None:
    with pytest.raises(PlantError, match=what_to_do):
        plant_of(change)
