"""Two calls at once: never more sold than there is, never more tries than three, never two owners."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from orders.desk import DraftHeldElsewhere
from orders.models import Article, Order, OrderLine
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from tests.orders.conftest import TODAY
from tests.orders.test_ordering import opened, placed, put, retailer_of


def at_once(*works: Callable[[], object]) -> list[object]:
    """All works started together; results, or the exceptions they raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except (SQLAlchemyError, DraftHeldElsewhere) as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_the_last_cartons_are_sold_once(store: Store, desk: DomainOrderDesk) -> None:
    with store.transaction() as session:
        session.get_one(Article, "101").stock = 15
    callers = ["13800000001", "13800000005", "13800000006", "13800000007"]
    for number, caller in enumerate(callers):
        opened(store, desk, caller, f"call-{number}")
        put(store, desk, f"call-{number}", "101", 10)
    at_once(*(lambda number=number: placed(store, desk, f"call-{number}") for number in range(4)))  # type: ignore[misc]
    with store.session() as session:
        sold = session.scalar(
            select(func.sum(OrderLine.accepted))
            .join(Order)
            .where(OrderLine.article_code == "101", Order.order_day == TODAY)
        )
        left = session.get_one(Article, "101").stock
    assert sold == 10
    assert left == 5


def test_one_draft_has_one_owner(store: Store, desk: DomainOrderDesk) -> None:
    retailer = retailer_of(store, desk, "13800000001")

    def open_as(owner: str) -> object:
        with store.transaction() as session:
            return desk.open_draft(session, retailer, TODAY.isoformat(), owner, take_over=False, anew=False)

    results = at_once(*(lambda owner=owner: open_as(owner) for owner in ("a", "b", "c")))  # type: ignore[misc]
    assert sum(not isinstance(result, Exception) for result in results) == 1


def test_parallel_calls_get_three_tries_together(store: Store, desk: DomainOrderDesk) -> None:
    retailer = retailer_of(store, desk, "13800000001")

    def wrong() -> str:
        with store.transaction() as session:
            return desk.check_pin(session, retailer, "0000").outcome

    assert sorted(map(str, at_once(*[wrong] * 8))) == ["locked"] * 6 + ["rejected"] * 2
