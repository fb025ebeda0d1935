"""Work done through the console besides master data: dead letters, call-backs, users; each with its audit line."""

from __future__ import annotations

import re

from sqlalchemy import select

from orders.models import CallbackRequest, Order, OutboxRow, StaffUser
from orders.placing import outbox_row
from tests.console.conftest import NOON, Console, noted


def test_a_dead_letter_is_sent_again(console: Console) -> None:
    with console.store.transaction() as session:
        order = session.scalars(select(Order)).first()
        assert order is not None
        row = outbox_row(session, order, NOON)
        row.state, row.last_error = "dead", "unknown article"
        session.add(row)
        number = order.order_no
    browser = console.as_("supervisor")
    assert "unknown article" in browser.get("/orders?dead").text
    for _ in range(2):
        browser.post(f"/orders/{number}/retry", page=f"/orders/{number}" if not console.woken else "/account")
    with console.store.session() as session:
        assert session.scalars(select(OutboxRow.state).where(OutboxRow.order_key == order.order_key)).one() == "waiting"
    assert len(console.woken) == 1
    assert [what for _, what, _ in noted(console)] == ["order_sent_again"]


def test_call_backs_are_one_persons_at_a_time(console: Console) -> None:
    with console.store.transaction() as session:
        wish = CallbackRequest(call_id="c", number="1", reason="asked", stage="awaiting_pin", requested_at=NOON)
        session.add(wish)
        session.flush()
        number = wish.id
    agent, supervisor = console.as_("agent"), console.as_("supervisor")
    agent.post(f"/callbacks/{number}/take")
    supervisor.post(f"/callbacks/{number}/take")
    assert "agent is working on this" in supervisor.get("/callbacks").text
    supervisor.post(f"/callbacks/{number}/done", {"result": "not mine"})
    agent.post(f"/callbacks/{number}/give-back")
    supervisor.post(f"/callbacks/{number}/take")
    supervisor.post(f"/callbacks/{number}/done", {"result": "ordered"})
    agent.post(f"/callbacks/{number}/take")
    whats = ["callback_taken", "callback_given_back", "callback_taken", "callback_closed"]
    assert [what for _, what, _ in noted(console)] == whats
    assert "ordered" in agent.get("/callbacks?show=done").text


def test_users_are_made_changed_reset_and_the_last_administrator_stays(console: Console) -> None:
    browser = console.as_("administrator")
    page = browser.post("/users", {"name": "Liu", "full_name": "刘", "role": ["agent"]}, page="/users").text
    password = re.search(r'<p class="big digits">([^<]+)</p>', page)
    assert password
    assert console.signing_in.try_password("liu", password[1], "").outcome == "in"
    browser.post("/users/liu", {"full_name": "刘", "role": ["approver"], "limit": "20"}, page="/users/liu")
    for wrong in ({"role": ["agent"], "limit": "x"}, {"role": ["king"]}, {}):
        browser.post("/users/liu", {"full_name": "刘", **wrong}, page="/users/liu")
    browser.post("/users/administrator/disable", page="/users")
    assert "is the last administrator" in browser.get("/users").text
    browser.post("/users/liu/disable", page="/users")
    assert "First password of liu" in browser.post("/users/liu/reset", page="/users").text
    with console.store.session() as session:
        liu = session.scalars(select(StaffUser).where(StaffUser.name == "liu")).one()
        assert [(role.role, role.approval_limit) for role in liu.roles] == [("approver", 20)]
    whats = [what for _, what, _ in noted(console)]
    assert whats == ["user_added", "user_changed", "user_disabled", "user_reset"]
