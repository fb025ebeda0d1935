"""The domain's rules of `domain.md`, each on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from orders.desk import DraftHeldElsewhere, DraftTaken
from orders.identification import normalised, unlock_pin
from orders.models import Article, DemandLine, Draft, Holiday, Order, OutboxRow, Retailer, SuspensionNotice
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from orders.values import Placement
from tests.orders.conftest import TEN, TODAY

SUNSHINE, NEW_STREET = "13800000001", "13800000007"


def retailer_of(store: Store, desk: DomainOrderDesk, number: str) -> int:
    with store.session() as session:
        return desk.retailers_by_phone(session, number)[0].retailer_id


def put(store: Store, desk: DomainOrderDesk, owner: str, code: str, cartons: int, settle: str = "ask"):  # type: ignore[no-untyped-def]
    with store.transaction() as session:
        return desk.put_line(session, owner, code, cartons, settle=settle, replaces="")  # type: ignore[arg-type]


def opened(store: Store, desk: DomainOrderDesk, number: str, owner: str) -> int:
    retailer = retailer_of(store, desk, number)
    with store.transaction() as session:
        desk.open_draft(session, retailer, TODAY.isoformat(), owner, take_over=False, anew=False)
    return retailer


def placed(store: Store, desk: DomainOrderDesk, owner: str, at: datetime = TEN) -> Placement:
    with store.transaction() as session:
        heard = desk.basket(session, owner)
        return desk.place_order(session, owner, heard.version, heard.amount_fen, at)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("13800000001", "13800000001"),
        ("+86 138 0000 0001", "13800000001"),
        ("008613800000001", "13800000001"),
        ("013800000001", "13800000001"),
        ("8613800000001", "13800000001"),
        ("+862712345678", "02712345678"),
        ("+86 (0)27 1234 5678", "02712345678"),
        ("02712345678", "02712345678"),
        ("86123456", "86123456"),
        ("027-88881234", "02788881234"),
        ("anonymous", ""),
        ("'; DROP TABLE phones; --", ""),
    ],
)
def test_numbers_are_compared_as_digits(written: str, kept: str) -> None:
    assert normalised(written) == kept


def test_shared_closed_and_unknown_numbers(store: Store, desk: DomainOrderDesk) -> None:
    with store.session() as session:
        assert len(desk.retailers_by_phone(session, "13800000002")) == 3
        assert desk.retailers_by_phone(session, "13800000010") == ()
        assert desk.retailers_by_phone(session, "") == ()
        assert len(desk.retailers_by_licence(session, "200011")) == 2
        assert len(desk.retailers_by_licence(session, "420103200011")) == 1
        assert desk.retailers_by_licence(session, "0011") == ()


def test_three_wrong_pins_lock_until_staff_lift_it(store: Store, desk: DomainOrderDesk) -> None:
    retailer = retailer_of(store, desk, SUNSHINE)
    outcomes = []
    for pin in ("9999", "1234", "9999", "8888", "7777", "1234"):
        with store.transaction() as session:
            outcomes.append(desk.check_pin(session, retailer, pin).outcome)
    assert outcomes == ["rejected", "accepted", "rejected", "rejected", "locked", "locked"]
    with store.transaction() as session:
        assert unlock_pin(session, "420102100001", "test", TEN)
        assert not unlock_pin(session, "420102100001", "test", TEN)
    with store.transaction() as session:
        assert desk.check_pin(session, retailer, "1234").outcome == "accepted"
    with store.session() as session:
        stored = session.get_one(Retailer, retailer).pin_hash
    assert "1234" not in stored.split("$")[0]
    assert stored.startswith("scrypt$")


def test_due_and_cut_off_are_decided_by_when_the_call_got_a_line(store: Store, desk: DomainOrderDesk) -> None:
    retailer = retailer_of(store, desk, NEW_STREET)
    not_due = retailer_of(store, desk, "13800000004")
    with store.session() as session:
        last_second = datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC)
        assert desk.standing(session, retailer, last_second).may_order == "yes"
        assert desk.standing(session, retailer, last_second + timedelta(seconds=1)).may_order == "past_cutoff"
        standing = desk.standing(session, not_due, TEN)
    assert (standing.may_order, standing.next_order_day) == ("not_due", "2026-11-25")


def test_a_holiday_moves_the_order_day(store: Store, desk: DomainOrderDesk) -> None:
    with store.transaction() as session:
        session.add(Holiday(day=date(2026, 11, 25), name="moved", moved_to=date(2026, 11, 23)))
    retailer = retailer_of(store, desk, "13800000004")
    with store.session() as session:
        assert desk.standing(session, retailer, TEN).may_order == "yes"


def test_suspensions_of_region_and_licence(store: Store, desk: DomainOrderDesk) -> None:
    by_weather, by_licence = retailer_of(store, desk, "13800000003"), retailer_of(store, desk, "13800000009")
    with store.session() as session:
        weather = desk.standing(session, by_weather, TEN)
        licence = desk.standing(session, by_licence, TEN)
    assert weather.suspension
    assert (weather.suspension.reason, weather.suspension.resumes_on) == ("weather", "2026-11-27")
    assert licence.suspension
    assert licence.suspension.reason == "licence"
    with store.transaction() as session:
        session.execute(update(SuspensionNotice).values(lifted_at=TEN))
    with store.session() as session:
        assert desk.standing(session, weather.retailer_id, TEN).may_order == "yes"


def test_what_can_be_had(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, SUNSHINE, "call-1")
    assert put(store, desk, "call-1", "101", 10).outcome == "accepted"
    limited = put(store, desk, "call-1", "205", 5)
    assert (limited.outcome, limited.limit, limited.reason) == ("limited", 2, "allocation")
    assert put(store, desk, "call-1", "205", 5, "limit").accepted == 2
    gone = put(store, desk, "call-1", "318", 10)
    assert gone.outcome == "out_of_stock"
    assert gone.substitute
    assert gone.substitute.code == "317"
    over = put(store, desk, "call-1", "101", 201)
    assert (over.outcome, over.limit, over.reason) == ("limited", 200, "order_limit")
    assert put(store, desk, "call-1", "101", 0).outcome == "removed"
    with pytest.raises(KeyError):
        put(store, desk, "call-1", "999", 1)
    with store.session() as session:
        demand = {line.article_code: line.requested for line in session.scalars(select(DemandLine))}
    assert demand == {"101": 201, "205": 5, "318": 10}


def test_tight_goods_are_only_for_those_who_have_an_allocation(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, NEW_STREET, "call-1")
    assert put(store, desk, "call-1", "205", 1).outcome == "not_supplied"


def test_an_order_its_number_its_stock_and_its_outbox_row(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, SUNSHINE, "call-1")
    put(store, desk, "call-1", "101", 10)
    put(store, desk, "call-1", "205", 5, "limit")
    first = placed(store, desk, "call-1")
    assert first.outcome == "placed"
    assert first.order
    assert (first.order.tail, first.order.cartons, first.order.amount_fen) == ("0001", 12, 115_000 + 2 * 59_500)
    with store.session() as session:
        assert session.get_one(Article, "205").stock == 198
        row = session.scalars(select(OutboxRow)).one()
        assert (row.state, row.order_key in row.payload) == ("waiting", True)
        lines = {
            line.article_code: (line.requested, line.accepted)
            for line in session.scalars(select(Order).where(Order.call_id == "call-1")).one().lines
        }
    assert lines == {"101": (10, 10), "205": (5, 2)}


def test_the_same_draft_is_the_same_order_for_ever(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, SUNSHINE, "call-1")
    put(store, desk, "call-1", "101", 10)
    with store.transaction() as session:
        version = desk.basket(session, "call-1").version
    results = []
    for _ in range(3):
        with store.transaction() as session:
            results.append(desk.place_order(session, "call-1", version, 0, TEN).order)
    assert results[0] == results[1] == results[2]


def test_a_stale_review_places_nothing(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, SUNSHINE, "call-1")
    stale = put(store, desk, "call-1", "101", 10).basket.version
    put(store, desk, "call-1", "101", 20)
    with store.transaction() as session:
        assert desk.place_order(session, "call-1", stale, 0, TEN).outcome == "changed"


def test_a_price_that_moved_since_the_total_was_heard_places_nothing(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, "13800000001", "call-1")
    put(store, desk, "call-1", "101", 10)
    with store.transaction() as session:
        heard = desk.basket(session, "call-1")
    with store.transaction() as session:
        session.get_one(Article, "101").price_fen += 100
    with store.transaction() as session:
        decided = desk.place_order(session, "call-1", heard.version, heard.amount_fen, TEN)
        assert (decided.outcome, decided.basket.amount_fen) == ("changed", heard.amount_fen + 1000)
        again = desk.place_order(session, "call-1", decided.basket.version, decided.basket.amount_fen, TEN)
    assert again.order
    assert again.order.amount_fen == heard.amount_fen + 1000


def test_the_usual_basket_is_what_was_ordered_not_what_was_wished(store: Store, desk: DomainOrderDesk) -> None:
    with store.transaction() as session:
        last = session.scalars(select(Order).order_by(Order.id)).first()
        assert last
        last.lines[0].requested, retailer = 500, last.retailer_id
        ordered = sum(line.accepted for line in last.lines)
        usual = desk.standing(session, retailer, TEN).usual
    assert usual
    assert usual.cartons == ordered
    opened_as(store, desk, retailer)
    with store.transaction() as session:
        basket, _ = desk.fill_usual(session, "call-1")
    assert max(line.requested for line in basket.lines) < 500


def opened_as(store: Store, desk: DomainOrderDesk, retailer: int) -> None:
    with store.transaction() as session:
        desk.open_draft(session, retailer, TODAY.isoformat(), "call-1", take_over=False, anew=False)


def test_allowances_count_what_was_ordered_this_period(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, SUNSHINE, "call-1")
    put(store, desk, "call-1", "205", 1)
    placed(store, desk, "call-1")
    opened(store, desk, SUNSHINE, "call-2")
    verdict = put(store, desk, "call-2", "205", 2)
    assert (verdict.outcome, verdict.limit) == ("limited", 1)


def test_suspended_meanwhile_or_past_the_day(store: Store, desk: DomainOrderDesk) -> None:
    retailer = opened(store, desk, SUNSHINE, "call-1")
    put(store, desk, "call-1", "101", 10)
    assert placed(store, desk, "call-1", TEN + timedelta(days=1)).refusal == "past_cutoff"
    with store.transaction() as session:
        session.get_one(Retailer, retailer).status = "suspended"
    assert placed(store, desk, "call-1").refusal == "suspended"


def test_one_writer_at_a_time(store: Store, desk: DomainOrderDesk) -> None:
    retailer = opened(store, desk, SUNSHINE, "call-1")
    with store.transaction() as session, pytest.raises(DraftHeldElsewhere):
        desk.open_draft(session, retailer, TODAY.isoformat(), "call-2", take_over=False, anew=False)
    with store.transaction() as session:
        desk.open_draft(session, retailer, TODAY.isoformat(), "call-2", take_over=True, anew=False)
    with pytest.raises(DraftTaken):
        put(store, desk, "call-1", "101", 1)
    with store.transaction() as session:
        desk.release_draft(session, "call-1")  # no longer its own: nothing happens
    assert put(store, desk, "call-2", "101", 1).outcome == "accepted"


def test_a_dead_owner_blocks_for_a_quarter_of_an_hour_only(store: Store, desk: DomainOrderDesk) -> None:
    retailer = opened(store, desk, SUNSHINE, "call-1")
    later = DomainOrderDesk(desk.pin_key, now=lambda: TEN + timedelta(minutes=16))
    with store.transaction() as session:
        later.open_draft(session, retailer, TODAY.isoformat(), "call-2", take_over=False, anew=False)
    with store.session() as session:
        assert session.scalars(select(Draft.owner).where(Draft.state == "open")).one() == "call-2"


def test_the_usual_basket_under_todays_stock(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, SUNSHINE, "call-1")
    with store.transaction() as session:
        session.get_one(Article, "101").stock = 2
        session.get_one(Article, "102").on_sale = False
    with store.transaction() as session:
        basket, changed = desk.fill_usual(session, "call-1")
    assert (basket.kinds, basket.cartons, changed) == (4, 2 + 4 + 4 + 3, 2)


def test_a_callback_is_asked_for_once_a_call_and_reason(store: Store, desk: DomainOrderDesk) -> None:
    def ask(reason: str) -> int:
        with store.transaction() as session:
            return desk.request_callback(
                session, owner="c", retailer_id=None, number="1", reason=reason, stage="s", at=TEN
            )

    assert ask("asked") == ask("asked") != ask("complaint")
