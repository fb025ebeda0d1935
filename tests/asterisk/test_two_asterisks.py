"""Two Asterisks with a node each and one database: one dies under a call, and the retailer goes on at the other.

First behind two trunks, the retailer dialling the second one by itself; then behind one address, where Kamailio finds
the Asterisk that lives.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bench.postgres_cluster import cluster
from orders.models import Order
from tests.asterisk.kamailio import CARRIER_HOST, Kamailio, running_kamailio
from tests.lines.asterisk.pbx import Pbx, running_pbx
from tests.lines.asterisk.two_nodes import Site
from tests.lines.telephone import Telephone, wait_for

pytestmark = [
    pytest.mark.peer("asterisk"),
    pytest.mark.peer("postgres"),
    pytest.mark.slow,
    pytest.mark.xdist_group("wire"),
]

NUMBER = "13800000007"
BASKET = {
    "awaiting_shop_choice": "1",
    "awaiting_pin": "1234#",
    "awaiting_main_choice": "1",
    "awaiting_take_over": "1",
    "awaiting_resume_choice": "1",
}
"""What the retailer keys where, until it is asked for an article."""


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Pbx]:
    with running_pbx(tmp_path / "first") as pbx:
        yield pbx


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Pbx]:
    with running_pbx(tmp_path / "second") as pbx:
        yield pbx


@pytest.fixture
def carrier() -> Iterator[Telephone]:
    """It only has to be there: calls come from its address."""
    telephone = Telephone(own_host=CARRIER_HOST)
    yield telephone
    telephone.close()


@pytest.fixture
def site(tmp_path: Path, first: Pbx, second: Pbx) -> Iterator[Site]:
    with cluster() as database:
        site = Site(tmp_path, first, database, tmp_path / "prompts", {"a": first, "b": second})
        yield site
        site.close()


def to_the_basket(site: Site, telephone: Telephone) -> None:
    """Key whatever is asked for, until an article is."""
    stage = ""
    while stage != "awaiting_article":
        before = stage
        wait_for(lambda before=before: site.stage() not in ("", before, "ended"), 20)  # type: ignore[misc]
        stage = site.stage()
        if stage != "awaiting_article":
            site.key(telephone, BASKET[stage])


def add_an_article(site: Site, telephone: Telephone) -> None:
    site.key(telephone, "101#")
    site.wait_for_stage("awaiting_quantity")
    site.key(telephone, "10#")
    site.wait_for_stage("awaiting_article")


def confirm(site: Site, telephone: Telephone) -> None:
    site.key(telephone, "#")
    site.wait_for_stage("awaiting_confirmation")
    site.key(telephone, "1")
    site.wait_for_stage("awaiting_wish_after_order")
    telephone.hang_up()


def ordered(site: Site) -> list[list[tuple[str, int]]]:
    """What each order of these calls holds; the demo data has orders of its own."""
    calls = [call.id for call in site.calls()]
    with site.store.session() as session:
        placed = session.scalars(select(Order).where(Order.call_id.in_(calls)))
        return [[(line.article_code, line.accepted) for line in order.lines] for order in placed]


def test_the_basket_goes_on_at_the_other_asterisk(site: Site, first: Pbx, second: Pbx) -> None:
    site.start("a", "b")
    cut_off = site.call(NUMBER, port=first.sip_port)
    to_the_basket(site, cut_off)
    add_an_article(site, cut_off)
    first.kill()
    again = site.call(NUMBER, port=second.sip_port)
    to_the_basket(site, again)
    confirm(site, again)
    assert [call.node for call in site.calls()] == ["a", "b"]
    assert ordered(site) == [[("101", 10)]]


@pytest.mark.peer("kamailio")
def test_behind_one_address_who_lives_has_the_calls(
    site: Site, first: Pbx, second: Pbx, carrier: Telephone, tmp_path: Path
) -> None:
    site.start("a", "b")
    nodes = [first.sip_port, second.sip_port]
    with running_kamailio(tmp_path / "kamailio", nodes, [carrier.port]) as kamailio:
        others = [site.call(number, CARRIER_HOST, kamailio.port) for number in ("13800000001", "13800000002")]
        wait_for(lambda: len(site.calls()) == 2, 20)
        assert {call.node for call in site.calls()} == {"a", "b"}, "calls are spread"
        for other in others:
            other.hang_up()
        cut_off = site.call(NUMBER, CARRIER_HOST, kamailio.port)
        to_the_basket(site, cut_off)
        add_an_article(site, cut_off)
        died = site.calls()[-1].node
        dead, living = (first, second) if died == "a" else (second, first)
        dead.kill()
        for _ in range(2):  # whichever is next in turn: a dead one costs no call
            telephone = site.call("13800000001", CARRIER_HOST, kamailio.port)
            telephone.hang_up()
        again = site.call(NUMBER, CARRIER_HOST, kamailio.port)
        to_the_basket(site, again)
        confirm(site, again)
        assert {call.node for call in site.calls()[3:]} == {{"a": "b", "b": "a"}[died]}
        assert ordered(site) == [[("101", 10)]]
        living.kill()
        _refused_without_nodes(kamailio)


def _refused_without_nodes(kamailio: Kamailio) -> None:
    """Quickly, so that the carrier tries its own next way."""
    telephone = Telephone(target=("127.0.0.1", kamailio.port), own_host=CARRIER_HOST)
    telephone.invite()
    assert telephone.final(20).status == 503
    telephone.close()
