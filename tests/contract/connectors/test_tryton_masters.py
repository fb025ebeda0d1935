"""Master data of a real Tryton: found or missed, made on demand, and pulled into our own tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orders.connectors.port import Accepted, Refused, SalesLine, Unknown, Unreachable
from orders.connectors.tryton import TrytonMasterData
from orders.connectors.tryton.rows import yuan
from orders.imports.load import import_file
from orders.imports.pulled import ForNew, pull
from orders.migrations import upgrade
from orders.models import Article, Retailer
from orders.store import Store, open_store
from tests.contract.connectors.suite import ORDER, Note
from tests.contract.connectors.tryton_side import TrytonSide, running_side

pytestmark = [
    pytest.mark.peer("tryton", "postgres"),
    pytest.mark.xdist_group("connectors"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def tryton() -> Iterator[TrytonSide]:
    with running_side() as side:
        yield side


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'orders.db'}")
    upgrade(store)
    for kind, text in (
        ("regions", "code,name_zh\n420102,城东\n"),
        ("batches", "code,weekdays,cutoff\ndaily,1234567,23:59\n"),
    ):
        path = tmp_path / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        assert import_file(store, kind, path, pin_key=b"x", keep_good=False).faults == []
    yield store
    store.close()


def test_a_retailer_that_tryton_does_not_know(tryton: TrytonSide) -> None:
    refused = tryton.connector.deliver(replace(ORDER, order_key="stranger", licence_no="420102999999"), Note())
    assert isinstance(refused, Refused)
    assert "420102999999" in refused.reason
    assert tryton.sales("stranger") == []


def test_a_retailer_found_by_identifier(tryton: TrytonSide) -> None:
    party = {"name": "旧代码店", "code": "OLD7", "identifiers": [["create", [{"code": "420102100007"}]]]}
    tryton.administrator.call("model.party.party.create", [party | {"addresses": [["create", [{"street": "1"}]]]}])
    order = replace(ORDER, order_key="by-identifier", licence_no="420102100007")
    assert isinstance(tryton.connector.deliver(order, Note()), Accepted)


def test_two_parties_of_one_licence_need_a_person(tryton: TrytonSide) -> None:
    for code in ("TWIN1", "TWIN2"):
        party = {"name": code, "code": code, "identifiers": [["create", [{"code": "420102100008"}]]]}
        tryton.administrator.call("model.party.party.create", [party])
    refused = tryton.connector.deliver(replace(ORDER, order_key="twins", licence_no="420102100008"), Note())
    assert isinstance(refused, Refused)
    assert "leave it to one" in refused.reason


def test_what_is_missing_is_made_where_the_settings_say_so(tryton: TrytonSide) -> None:
    settings = replace(tryton.server.settings, create_missing=True, category="卷烟")
    lines = (SalesLine(1, "318", 3, 3, 21_050), SalesLine(2, "101", 1, 1, 11_500))
    order = replace(ORDER, order_key="made", licence_no="420102100009", lines=lines, amount_fen=74_650)
    with tryton.other(settings) as connector:
        assert isinstance(connector.deliver(order, Note()), Accepted)
        assert isinstance(connector.deliver(replace(order, order_key="made-2"), Note()), Accepted)
    assert len(tryton.administrator.ids("party.party", [["code", "=", "420102100009"]])) == 1
    assert len(tryton.administrator.ids("product.product", [["code", "=", "318"]])) == 1


def test_what_we_knew_is_looked_up_again_when_tryton_declines(tryton: TrytonSide) -> None:
    """A party merged into another between two of its orders."""
    tryton.administrator.add_retailers([("420102100010", "换店")])
    order = replace(ORDER, order_key="before", licence_no="420102100010")
    assert isinstance(tryton.connector.deliver(order, Note()), Accepted)
    tryton.administrator.add_articles([("777", "新品", 11_500)])
    lines = (SalesLine(1, "777", 1, 1, 11_500),)
    fresh = replace(order, order_key="with-new", lines=lines, amount_fen=11_500)
    assert isinstance(tryton.connector.deliver(fresh, Note()), Accepted)
    old = tryton.administrator.ids("product.template", [["products.code", "=", "777"]])
    tryton.administrator.call("model.product.template.write", old, {"salable": False})
    refused = tryton.connector.deliver(replace(fresh, order_key="off-sale"), Note())
    assert isinstance(refused, Refused)
    assert "not salable" in refused.reason


def test_a_wrong_password_says_so_and_loses_nothing(tryton: TrytonSide) -> None:
    with tryton.other(replace(tryton.server.settings, password="wrong")) as connector:
        result = connector.deliver(replace(ORDER, order_key="wrong-password"), Note())
    assert isinstance(result, Unknown)
    assert "password" in result.reason
    assert not result.about_this_order


def test_a_session_that_lapsed_is_renewed(tryton: TrytonSide) -> None:
    with tryton.other() as connector:
        assert isinstance(connector.deliver(replace(ORDER, order_key="first-session"), Note()), Accepted)
        tryton.forget_sessions()
        assert isinstance(connector.deliver(replace(ORDER, order_key="next-session"), Note()), Accepted)


def test_the_catalogue_is_pulled_with_price_and_stock(tryton: TrytonSide, store: Store) -> None:
    tryton.administrator.add_articles([("888", "停售烟", 9_900), ("ABC", "非电话商品", 100), ("206", "软中华", 11_500)])
    off = tryton.administrator.ids("product.template", [["products.code", "=", "888"]])
    tryton.administrator.call("model.product.template.write", off, {"salable": False})
    tryton.administrator.stock("206", 70)
    for_new = ForNew(catalogue={"category": "regular", "grade": "二类"})
    with closing(TrytonMasterData(tryton.server.settings)) as source:
        report = pull(store, source, "catalogue", for_new, pin_key=b"x")
        assert ["ABC" in fault.problem for fault in report.faults] == [True], "named, the others written"
        with store.transaction() as session:
            assert session.get(Article, "888") is None
            article = session.get_one(Article, "206")
            assert (article.name_zh, article.price_fen, article.stock, article.grade) == ("软中华", 11_500, 70, "二类")
            article.category, article.grade = "tight", "一类"
        product = tryton.administrator.ids("product.template", [["products.code", "=", "206"]])
        tryton.administrator.call("model.product.template.write", product, {"list_price": yuan(59_550)})
        pull(store, source, "catalogue", for_new, pin_key=b"x")
    with store.session() as session:
        article = session.get_one(Article, "206")
        assert (article.price_fen, article.category, article.grade) == (59_550, "tight", "一类"), "what is ours is kept"


def test_retailers_are_pulled_with_their_phones(tryton: TrytonSide, store: Store) -> None:
    phones = [{"type": "mobile", "value": "13812340001"}, {"type": "phone", "value": "02788880001"}]
    party = {"name": "拉取店", "code": "420102100011", "contact_mechanisms": [["create", phones]]}
    tryton.administrator.call("model.party.party.create", [party])
    with closing(TrytonMasterData(tryton.server.settings)) as source:
        report = pull(store, source, "retailers", ForNew({"batch": "daily", "grade": "A"}), pin_key=b"x")
    assert report.written == 1
    assert any("primary_phone" in fault.column for fault in report.faults), "without a phone nobody can be called"
    with store.session() as session:
        retailer = session.query(Retailer).filter_by(licence_no="420102100011").one()
        assert (retailer.name_zh, retailer.region.code) == ("拉取店", "420102")
        assert sorted(phone.number for phone in retailer.phones) == ["02788880001", "13812340001"]


def test_pulling_from_a_server_that_is_away(tryton: TrytonSide) -> None:
    away = replace(tryton.server.settings, url="http://127.0.0.1:1")
    with closing(TrytonMasterData(away)) as source, pytest.raises(Unreachable):
        list(source.rows("catalogue"))
