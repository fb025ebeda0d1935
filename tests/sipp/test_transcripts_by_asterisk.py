"""Golden transcripts through the real Asterisk: SIPp dials it, ARI brings the call to the node, orders are in sales."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.bootstrap import Node, running
from admin.config import Config
from admin.opening import load_demo_data, open_database, prepare_folder, prompt_store, the_wording
from ivr.transcripts.script import read_script
from tests.lines.asterisk.pbx import Pbx, running_pbx
from tests.lines.telephone import wait_for
from tests.sipp.placed import free_tcp_port, look_up, noon_somewhere, run_sipp, said
from tests.sipp.scenario import expected_says, write_scenario

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
CALLS = (
    "02_order_by_code_and_quantity",
    "03_over_the_allocation_takes_the_limit",
    "05_out_of_stock_takes_substitute",
    "18_star_clears_an_entry",
    "21_usual_basket_then_changes",
    "23_shared_phone_number",
    "24_known_number_other_shop",
    "25_withheld_number_licence_tail",
    "29_english_chosen_with_star",
    "31_wrong_pin_then_right",
    "35_suspended_area_weather",
    "42_own_allocation",
    "43_complaint_and_emergency_supply",
    "48_hangs_up_before_confirming",
    "63_same_key_twice_on_purpose",
    "76_finished_with_an_empty_basket",
)


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    with running_pbx(tmp_path_factory.mktemp("pbx") / "asterisk") as pbx:
        yield pbx


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture
def node(tmp_path: Path, pbx: Pbx, prompts: Path) -> Iterator[Node]:
    config = Config(  # type: ignore[arg-type]
        data=str(tmp_path / "data"),
        timezone=noon_somewhere(),
        sip={"enabled": False},
        speech={"cache": str(prompts)},
        web={"port": free_tcp_port()},
        asterisk={"enabled": True, "url": pbx.url, "password": pbx.password},
    )
    prepare_folder(config)
    store = open_database(config)
    load_demo_data(config, store)
    wording = the_wording()
    with running(Node(config, store, wording, prompt_store(config, wording))) as node:
        line = node.asterisk
        assert line is not None
        wait_for(lambda: line.health().state == "up")
        yield node


@pytest.mark.peer("sipp")
@pytest.mark.peer("asterisk")
@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_call_goes_as_written(node: Node, pbx: Pbx, tmp_path: Path, name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("SIPp sends packet files through raw sockets, which need root")
    script = read_script(TRANSCRIPTS / f"{name}.txt")
    run_sipp(write_scenario(script, "A", "events", tmp_path), pbx.sip_port, "u1", tmp_path)
    assert said(node) == expected_says(script, "A")
    node.dispatcher.wake()
    look_up(node, script)
