"""A node dies in the middle of a call: the retailer hears the same question again, from the other node, and orders."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bench.postgres_cluster import cluster
from orders.models import Order
from tests.lines.asterisk.pbx import Pbx, running_pbx
from tests.lines.asterisk.two_nodes import Site

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("postgres"), pytest.mark.slow]

TAKEN_OVER_WITHIN_S = 30.0
"""What a machine busy with other tests gets; the measured time is in docs/decisions.md."""


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    with running_pbx(tmp_path_factory.mktemp("pbx") / "asterisk") as pbx:
        yield pbx


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture
def site(tmp_path: Path, pbx: Pbx, prompts: Path) -> Iterator[Site]:
    with cluster() as database:
        site = Site(tmp_path, pbx, database, prompts)
        yield site
        site.close()


def orders(site: Site) -> int:
    with site.store.session() as session:
        return session.scalar(select(func.count()).select_from(Order).where(Order.call_id == site.calls()[-1].id)) or 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=["killed", "hung", "stopped"])
def test_the_call_goes_on_at_the_other_node(site: Site, how: signal.Signals) -> None:
    site.start("a", "b")
    caller = site.call()
    site.key(caller, "1")
    site.wait_for_stage("awaiting_pin")
    site.key(caller, "1234#")
    site.wait_for_stage("awaiting_main_choice")
    dying = site.node_with_the_call()
    boot = site.calls()[-1].boot
    site.send(dying, how)
    site.wait_until_taken_over(caller, boot, TAKEN_OVER_WITHIN_S)
    assert site.stage() == "awaiting_main_choice"  # the same question, and no PIN again
    site.key(caller, "1")
    site.wait_for_stage("awaiting_usual_choice")
    site.key(caller, "1")
    site.wait_for_stage("awaiting_confirmation")
    if how is signal.SIGSTOP:
        site.send(dying, signal.SIGCONT)
    site.key(caller, "1")
    site.wait_for_stage("awaiting_wish_after_order")
    caller.hang_up()
    site.wait_for_stage("ended")
    if how is signal.SIGTERM:
        assert "calls_handed_on" in site.log(dying)
    assert orders(site) == 1
    assert [call.node for call in site.calls()] == [{"a": "b", "b": "a"}[dying]]


def test_the_call_goes_on_after_the_only_node_was_started_again(site: Site) -> None:
    site.start("a")
    caller = site.call()
    site.key(caller, "1")
    site.wait_for_stage("awaiting_pin")
    boot = site.calls()[-1].boot
    site.send("a", signal.SIGKILL)
    site.start("a")
    site.wait_until_taken_over(caller, boot, TAKEN_OVER_WITHIN_S)
    site.key(caller, "1234#")
    site.wait_for_stage("awaiting_main_choice")
    caller.hang_up()
    site.wait_for_stage("ended")
    assert len(site.calls()) == 1


def test_a_call_that_ended_while_nobody_looked_is_closed(site: Site) -> None:
    site.start("a")
    caller = site.call()
    site.key(caller, "1")
    site.wait_for_stage("awaiting_pin")
    site.send("a", signal.SIGKILL)
    caller.hang_up()
    site.start("a")
    site.wait_for_stage("ended")
    assert site.calls()[0].end_cause == "node_lost"
