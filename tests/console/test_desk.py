"""The agent desk: one writer at a time, the caller's own limits, what was read back is what is placed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from orders.imports.reading import retailer_cells
from orders.imports.single import mark_of
from orders.models import (
    Article,
    AuditEntry,
    CallbackRequest,
    DemandLine,
    Draft,
    Order,
    OutboxRow,
    Phone,
    Retailer,
    RetailerLimit,
    StaffRole,
    StaffUser,
)
from tests.console.conftest import Browser, Console


@pytest.fixture
def shop(console: Console) -> int:
    return number_of(console, "13800000001")


def number_of(console: Console, phone: str) -> int:
    with console.store.session() as session:
        return session.scalars(select(Phone.retailer_id).where(Phone.number == phone)).first() or 0


def at_desk(browser: Browser, shop: int, what: str, **form: object) -> TestResponse:
    return browser.post(f"/desk/{shop}/{what}", form, page=f"/desk/{shop}")


def add(browser: Browser, shop: int, code: str, quantity: int, **more: str) -> str:
    return at_desk(browser, shop, "lines", code=code, quantity=quantity, **more).text


def read_back(browser: Browser, shop: int) -> dict[str, str]:
    page = at_desk(browser, shop, "review").text
    return {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("owner", "version", "amount")}  # type: ignore[index]


def test_a_whole_order(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    assert "Take the draft" in agent.get(f"/desk/{shop}").text
    at_desk(agent, shop, "take")
    assert "10 cartons noted" in add(agent, shop, "101", 10)
    assert "3 cartons noted" in add(agent, shop, "301", 3)
    assert "is removed" in add(agent, shop, "301", 0)
    answer = at_desk(agent, shop, "confirm", **read_back(agent, shop))
    assert answer.status_code == 303
    with console.store.session() as session:
        order = session.scalars(select(Order).order_by(Order.id.desc())).first()
        assert order is not None
        assert answer.headers["Location"] == f"/orders/{order.order_no}"
        assert [(line.article_code, line.accepted) for line in order.lines] == [("101", 10)]
        assert order.call_id.startswith(f"agent:agent:{shop}:")
        assert session.scalars(select(OutboxRow).where(OutboxRow.order_id == order.id)).one().state == "waiting"
        did = session.scalars(select(AuditEntry).where(AuditEntry.about == f"retailer {shop}").order_by(AuditEntry.id))
        assert [(one.actor, one.what) for one in did] == [("agent", "draft_taken"), ("agent", "order_placed")]
    assert len(console.woken) == 1
    assert f"ends in {order.order_no[-4:]}" in agent.get(answer.headers["Location"]).text


def test_confirming_twice_is_one_order(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    add(agent, shop, "101", 1)
    form = read_back(agent, shop)
    first, second = (at_desk(agent, shop, "confirm", **form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]


def test_what_was_read_back_last_week_is_not_placed_again(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    add(agent, shop, "101", 1)
    assert at_desk(agent, shop, "confirm", **read_back(agent, shop)).status_code == 303
    console.clock.at += timedelta(days=7)
    agent, other = console.as_("agent"), console.as_("supervisor")
    at_desk(agent, shop, "take")
    add(agent, shop, "102", 3)
    form = read_back(agent, shop)
    at_desk(other, shop, "take", take_over="1")
    answer = at_desk(agent, shop, "confirm", **form)
    assert "Somebody else has taken" in answer.text
    assert len(console.woken) == 1


def test_yesterdays_draft_is_not_written_today(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    add(agent, shop, "101", 1)
    console.clock.at += timedelta(days=7)
    agent = console.as_("agent")
    assert "Somebody else has taken" in add(agent, shop, "102", 3)
    at_desk(agent, shop, "take")
    add(agent, shop, "103", 2)
    with console.store.session() as session:
        drafts = session.scalars(select(Draft).where(Draft.retailer_id == shop).order_by(Draft.id.desc()).limit(2))
        found = [(one.state, [line.article_code for line in one.lines]) for one in drafts]
    assert found == [("open", ["103"]), ("expired", ["101"])]


def test_nobody_confirms_what_another_has_read_back(console: Console, shop: int) -> None:
    agent, other = console.as_("agent"), console.as_("supervisor")
    at_desk(agent, shop, "take")
    add(agent, shop, "101", 1)
    assert "Somebody else has taken" in at_desk(other, shop, "confirm", **read_back(agent, shop)).text
    assert not console.woken


def test_what_moved_since_the_read_back_is_read_back_again(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    add(agent, shop, "101", 10)
    form = read_back(agent, shop)
    with console.store.transaction() as session:
        session.get_one(Article, "101").stock = 4
    answer = at_desk(agent, shop, "confirm", **form)
    assert answer.status_code == 200
    assert "have just moved" in answer.text
    assert not console.woken
    assert at_desk(agent, shop, "confirm", **read_back(agent, shop)).status_code == 303


def test_limits_are_the_callers_and_demand_is_kept(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    page = add(agent, shop, "205", 5)
    assert "at most 2 cartons" in page
    assert 'name="settle"' in page
    assert "2 cartons noted" in add(agent, shop, "205", 5, settle="1")
    assert "out of stock" in add(agent, shop, "318", 4)
    with console.store.session() as session:
        demand = session.scalars(select(DemandLine).where(DemandLine.retailer_id == shop, DemandLine.requested < 10))
        assert {(line.article_code, line.requested) for line in demand} >= {("205", 5), ("318", 4)}


@pytest.mark.parametrize(("code", "quantity"), [("101", "-1"), ("1 OR 1", "1"), ("101", "1e3"), ("", ""), ("٣٣", "1")])
def test_nonsense_says_what_to_write(console: Console, shop: int, code: str, quantity: str) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    answer = at_desk(agent, shop, "lines", code=code, quantity=quantity)
    assert answer.status_code == 400
    assert "2 to 6 digits" in answer.text


def test_a_second_agent_sees_the_lock_and_may_take_over(console: Console, shop: int) -> None:
    first, second = console.as_("agent"), console.as_("supervisor")
    at_desk(first, shop, "take")
    add(first, shop, "101", 2)
    assert "written by agent" in second.get(f"/desk/{shop}").text
    assert "Somebody else has taken the draft" in add(second, shop, "101", 9)
    assert "may take it over" in at_desk(second, shop, "take").text
    at_desk(second, shop, "take", take_over="1")
    assert "5 cartons noted" in add(second, shop, "102", 5)
    assert "Somebody else has taken" in add(first, shop, "101", 9)


def test_a_caller_who_is_ordering_is_not_cut_off_unasked(console: Console, shop: int) -> None:
    desk, now = console.app.extensions["orderline_console"].desk, console.clock.at
    with console.store.transaction() as session:
        desk.open_draft(session, shop, "2026-11-23", "call-7", take_over=False, anew=False)
    agent = console.as_("agent")
    assert "/live/calls/call-7" in agent.get(f"/desk/{shop}").text
    assert "may take it over" in at_desk(agent, shop, "take").text
    console.clock.at = now + timedelta(minutes=16)
    assert "yours to write" in at_desk(agent, shop, "take").text


def test_given_back_the_lines_stay(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    add(agent, shop, "101", 2)
    assert at_desk(agent, shop, "release").headers["Location"] == "/desk"
    with console.store.session() as session:
        draft = session.scalars(select(Draft).where(Draft.retailer_id == shop, Draft.state == "open")).one()
        assert (draft.owner, len(draft.lines)) == ("", 1)


def test_nobody_orders_when_not_due_or_past_the_cut_off(console: Console) -> None:
    agent = console.as_("agent")
    later, office = number_of(console, "13800000004"), number_of(console, "13800000007")
    assert "not due today" in at_desk(agent, later, "take").text
    console.clock.at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert "cut-off" in at_desk(console.as_("agent"), office, "take").text


def test_who_asked_for_a_call_back_in_time_orders_in_time(console: Console) -> None:
    office = number_of(console, "13800000007")
    with console.store.transaction() as session:
        asked = datetime(2026, 11, 23, 7, 50, tzinfo=UTC)
        wish = CallbackRequest(
            call_id="c", retailer_id=office, number="1", reason="asked", stage="x", requested_at=asked
        )
        session.add(wish)
        session.flush()
        number = wish.id
    console.clock.at = datetime(2026, 11, 23, 8, 20, tzinfo=UTC)
    agent = console.as_("agent")
    agent.post(f"/callbacks/{number}/take", page="/callbacks")
    assert "yours to write" in at_desk(agent, office, "take").text
    add(agent, office, "101", 1)
    form = read_back(agent, office)
    assert at_desk(agent, office, "confirm", **form).status_code == 303
    assert at_desk(agent, office, "confirm", **form).status_code == 303  # the same wish, the same order
    assert "cut-off" in at_desk(agent, office, "take").text  # one wish, one order


def test_the_usual_basket_and_an_empty_read_back(console: Console, shop: int) -> None:
    agent = console.as_("agent")
    at_desk(agent, shop, "take")
    assert "nothing to confirm" in at_desk(agent, shop, "review").text
    assert "usual basket is filled in" in at_desk(agent, shop, "usual").text
    assert "5 kinds, 20 cartons" in agent.get(f"/desk/{shop}").text


def retailer_form(console: Console, number: int) -> dict[str, object]:
    with console.store.session() as session:
        cells = retailer_cells(session, session.get_one(Retailer, number))
    return {name: cell for name, cell in cells.items() if name != "pin"}


def seen_of(console: Console, number: int) -> str:
    with console.store.session() as session:
        return mark_of(retailer_cells(session, session.get_one(Retailer, number)))


@pytest.mark.parametrize("path", ["/desk/99999999999999999999", "/retailers/4294967296"])
def test_a_number_no_row_can_have_is_not_found(console: Console, path: str) -> None:
    assert console.as_("supervisor").get(path).status_code == 404


def test_a_customer_manager_sees_the_own_retailers_only(console: Console) -> None:
    with console.store.transaction() as session:
        user = session.scalars(select(StaffUser).where(StaffUser.name == "customer_manager")).one()
        mine = session.scalars(select(Retailer).where(Retailer.manager_id.is_not(None))).first()
        assert mine is not None
        user.manager_id = mine.manager_id
        assert [role.role for role in session.scalars(select(StaffRole).where(StaffRole.user_id == user.id))]
        other = session.scalars(select(Retailer).where(Retailer.manager_id != mine.manager_id)).first()
        assert other is not None
        theirs, others, manager = mine.id, other.id, mine.manager_id
        orders = session.scalars(select(Order).where(Order.retailer_id == others)).all()
        session.add(RetailerLimit(period="2026-11", article_code="101", retailer_id=others, cartons=7, reason="fair"))
        session.add(RetailerLimit(period="2026-11", article_code="102", retailer_id=theirs, cartons=7, reason="own"))
        licence = other.licence_no
    browser = console.as_("customer_manager")
    shown = browser.get("/allocation?period=2026-11").text
    assert "own" in shown
    assert licence not in shown
    taken = {**retailer_form(console, others), "name_zh": "抢来的"}
    answer = browser.post("/retailers/new", {**taken, "seen": seen_of(console, others)}, page="/retailers/new")
    assert answer.headers["Location"] == f"/retailers?q={licence}"
    fresh = {**taken, "licence_no": "420102999999", "primary_phone": "13911112222", "backup_phone": ""}
    assert browser.post("/retailers/new", fresh, page="/retailers/new").status_code == 303
    with console.store.session() as session:
        assert session.get_one(Retailer, others).name_zh != "抢来的"
        made = session.scalars(select(Retailer).where(Retailer.licence_no == "420102999999")).one()
        assert made.manager_id == manager, "what a customer manager writes stays with it"
    assert browser.get(f"/retailers/{theirs}").status_code == 200
    assert browser.get(f"/retailers/{others}").status_code == 404
    assert browser.post(f"/retailers/{others}", page=f"/retailers/{theirs}").status_code == 404
    assert all(browser.get(f"/orders/{order.order_no}").status_code == 404 for order in orders)
    shown = {int(number) for number in re.findall(r'href="/retailers/(\d+)"', browser.get("/retailers").text)}
    with console.store.session() as session:
        assert shown <= set(session.scalars(select(Retailer.id).where(Retailer.manager_id == manager)))
