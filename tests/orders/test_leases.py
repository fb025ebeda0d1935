"""Who leads: one node at a time, another when it is gone, and never two writing."""

from __future__ import annotations

from datetime import timedelta

from orders.leases import give_back, still_holds, take
from orders.store import Store
from tests.orders.conftest import TEN
from tests.orders.test_concurrency import at_once

LASTS = timedelta(seconds=30)
LATER = TEN + timedelta(seconds=31)


def test_one_leads_until_its_lease_lapses(store: Store) -> None:
    with store.transaction() as session:
        first = take(session, "work", "n1", TEN, LASTS)
        assert first
        assert take(session, "work", "n2", TEN, LASTS) is None
        prolonged = take(session, "work", "n1", TEN + timedelta(seconds=20), LASTS)
        assert prolonged
        assert prolonged.token == first.token
        assert take(session, "work", "n2", LATER, LASTS) is None, "prolonged meanwhile"
        assert take(session, "other work", "n2", TEN, LASTS)


def test_a_frozen_leader_is_fenced_off(store: Store) -> None:
    with store.transaction() as session:
        frozen = take(session, "work", "n1", TEN, LASTS)
        assert frozen
        assert still_holds(session, frozen)
        new = take(session, "work", "n2", LATER, LASTS)
        assert new
        assert new.token > frozen.token
        assert not still_holds(session, frozen)
        assert still_holds(session, new)


def test_a_leader_that_comes_back_after_a_lapse_gets_a_new_token(store: Store) -> None:
    with store.transaction() as session:
        first = take(session, "work", "n1", TEN, LASTS)
        again = take(session, "work", "n1", LATER, LASTS)
        assert first
        assert again
        assert again.token > first.token


def test_a_lease_given_back_is_free_at_once(store: Store) -> None:
    with store.transaction() as session:
        held = take(session, "work", "n1", TEN, LASTS)
        assert held
        give_back(session, held, TEN)
        assert take(session, "work", "n2", TEN, LASTS)


def test_of_many_at_once_one_gets_it(store: Store) -> None:
    def take_as(node: str) -> bool:
        with store.transaction() as session:
            return take(session, "work", node, TEN, LASTS) is not None

    assert sorted(map(bool, at_once(*(lambda node=f"n{n}": take_as(node) for n in range(6))))) == [False] * 5 + [True]  # type: ignore[misc]
