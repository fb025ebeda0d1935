"""Golden transcripts by real SIP: SIPp dials and keys, the whole node answers, the order is looked up in sales.

The node runs as in production: SIP line, media process, exchange, runner, dispatcher, databases. Its time zone is
chosen so that it is about noon there, whenever the tests run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.bootstrap import Node, running
from admin.config import Config
from admin.opening import load_demo_data, open_database, prepare_folder, prompt_store, the_wording
from ivr.transcripts.script import read_script
from tests.sipp.placed import free_tcp_port, look_up, noon_somewhere, run_sipp, said
from tests.sipp.scenario import Way, expected_says, write_scenario

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
CALLS: tuple[tuple[str, Way, str], ...] = (
    ("02_order_by_code_and_quantity", "events", "u1"),
    ("03_over_the_allocation_takes_the_limit", "events without ends", "u1"),
    ("05_out_of_stock_takes_substitute", "info", "u1"),
    ("11_hears_the_lines_before_confirming", "events", "t1"),
    ("12_corrects_a_line", "events without ends", "u1"),
    ("17_same_article_again_replaces_quantity", "info", "t1"),
    ("18_star_clears_an_entry", "events", "u1"),
    ("48_hangs_up_before_confirming", "events", "u1"),
    ("59_whole_order_keyed_ahead", "events", "u1"),
    ("62_bounced_key", "events", "u1"),
    ("63_same_key_twice_on_purpose", "events without ends", "u1"),
    ("66_unknown_codes", "info", "u1"),
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    config = Config(  # type: ignore[arg-type]
        data=str(tmp_path / "data"),
        timezone=noon_somewhere(),
        sip={"port": free_tcp_port()},
        web={"port": free_tcp_port()},
        media={"first_port": 23_000, "last_port": 23_998},
    )
    prepare_folder(config)
    store = open_database(config)
    load_demo_data(config, store)
    wording = the_wording()
    with running(Node(config, store, wording, prompt_store(config, wording))) as node:
        yield node


@pytest.mark.peer("sipp")
@pytest.mark.slow
@pytest.mark.parametrize(("name", "way", "transport"), CALLS, ids=[f"{name}-{way}-{how}" for name, way, how in CALLS])
def test_call_goes_as_written(node: Node, tmp_path: Path, name: str, way: Way, transport: str) -> None:
    if way != "info" and os.geteuid() != 0:
        pytest.skip("SIPp sends packet files through raw sockets, which need root")
    script = read_script(TRANSCRIPTS / f"{name}.txt")
    scenario = write_scenario(script, "A", way, tmp_path)
    run_sipp(scenario, node.config.sip.port, transport, tmp_path)
    assert said(node) == expected_says(script, "A")
    node.dispatcher.wake()
    look_up(node, script)
