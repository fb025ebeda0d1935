"""A trunk breaks in the middle of a call: the retailer calls again by the other trunk and goes on with its basket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bench.postgres_cluster import cluster
from ivr.lines.asterisk.conf_folder import read_plant
from ivr.plant_registry import write_plant
from orders.lines.service import find_line
from orders.models import NodeBeat, Order
from tests.asterisk.production import ProductionPbx
from tests.lines.asterisk.two_nodes import Site
from tests.lines.telephone import Telephone

pytestmark = [
    pytest.mark.peer("asterisk"),
    pytest.mark.peer("postgres"),
    pytest.mark.slow,
    pytest.mark.xdist_group("wire"),
]

NUMBER = "13800000007"
CARRIER, SPARE = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[ProductionPbx]:
    pbx = ProductionPbx(tmp_path / "asterisk")
    pbx.start()
    yield pbx
    pbx.kill()


@pytest.fixture
def site(tmp_path: Path, pbx: ProductionPbx) -> Iterator[Site]:
    with cluster() as database:
        site = Site(tmp_path, pbx, database, tmp_path / "prompts")
        yield site
        site.close()


def ordered(site: Site) -> list[list[tuple[str, int]]]:
    """What each order of these calls holds; the demo data has orders of its own."""
    calls = [call.id for call in site.calls()]
    with site.store.session() as session:
        placed = session.scalars(select(Order).where(Order.call_id.in_(calls)))
        return [[(line.article_code, line.accepted) for line in order.lines] for order in placed]


def go(site: Site, telephone: Telephone, *steps: tuple[str, str]) -> None:
    """Key each answer where the newest call waits for it."""
    for stage, keys in steps:
        site.wait_for_stage(stage)
        site.key(telephone, keys)


def test_the_basket_goes_on_by_the_other_trunk(site: Site, pbx: ProductionPbx) -> None:
    with site.store.transaction() as session:
        write_plant(session, read_plant(pbx.plant_file), datetime.now(UTC), "li")
    site.start("a")
    first = site.call(NUMBER, CARRIER)
    go(
        site,
        first,
        ("awaiting_shop_choice", "1"),
        ("awaiting_pin", "1234#"),
        ("awaiting_main_choice", "1"),
        ("awaiting_article", "101#"),
        ("awaiting_quantity", "10#"),
    )
    site.wait_for_stage("awaiting_article")
    assert "PJSIP/carrier-" in pbx.cli("core show channels concise")
    first.muted = True  # the trunk is dead: no BYE, nothing
    second = site.call(NUMBER, SPARE)
    assert "PJSIP/spare-" in pbx.cli("core show channels concise")
    go(
        site,
        second,
        ("awaiting_shop_choice", "1"),
        ("awaiting_pin", "1234#"),
        ("awaiting_main_choice", "1"),
        ("awaiting_take_over", "1"),
        ("awaiting_resume_choice", "1"),
        ("awaiting_article", "#"),
        ("awaiting_confirmation", "1"),
    )
    site.wait_for_stage("awaiting_wish_after_order")
    second.hang_up()
    with site.store.session() as session:
        beat = session.scalars(select(NodeBeat)).one()
        assert (beat.node, beat.asterisk) == ("a", "up")
        assert find_line(session, "carrier").cause == "carrier", "nobody answers there: the node has watched meanwhile"
    assert "lines_not_watched" not in site.log("a")
    assert "maximum number of running instances" not in site.log("a")
    assert ordered(site) == [[("101", 10)]]
