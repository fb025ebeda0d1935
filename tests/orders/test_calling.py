"""Campaigns on both databases: planned, claimed, dialled once, settled; whoever dies, freezes or changes its mind."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select, update

from orders.calling import claims
from orders.calling.claims import Dialling
from orders.calling.outcomes import RetryPlan
from orders.calling.planning import Filters, filters_to_text, plan, preview
from orders.calling.rules import CallingRules
from orders.models import (
    CallAttempt,
    CallConsent,
    Campaign,
    CampaignTarget,
    PhoneTask,
    Retailer,
    SuspensionNotice,
)
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from tests.orders.conftest import TEN, TODAY
from tests.orders.test_concurrency import at_once
from tests.orders.test_ordering import opened, placed, put, retailer_of

RULES = CallingRules(ZoneInfo("Asia/Shanghai"), windows=((time(0), time(23, 59)),))
RETRY = RetryPlan()
CUTOFF = TEN + timedelta(hours=6)


@pytest.fixture(autouse=True)
def consents(store: Store) -> None:
    """Every demo retailer has said yes; what the demo data say of consent is not these tests' matter."""
    with store.transaction() as session:
        session.execute(delete(CallConsent))
        for retailer in session.scalars(select(Retailer.id)):
            session.add(CallConsent(retailer_id=retailer, state="given", proof="form 1", at=TEN))


def campaign(store: Store, *, filters: Filters | None = None, kind: str = "reminder") -> int:
    with store.transaction() as session:
        new = Campaign(
            kind=kind,
            name="Monday",
            order_day=TODAY,
            state="running",
            starts_at=TEN,
            ends_at=CUTOFF,
            filters=filters_to_text(filters or Filters()),
            created_at=TEN,
        )
        session.add(new)
        session.flush()
        plan(session, new, RULES, TEN)
        return new.id


def the_shop(store: Store, phone: str = "13800000001") -> Filters:
    with store.session() as session:
        licence = session.scalars(select(Retailer.licence_no).where(Retailer.phones.any(number=phone))).first()
    return Filters(licences=(licence or "",))


def claimed(store: Store, now: datetime = TEN, token: str = "n1", limit: int = 1) -> list[claims.Claim]:
    with store.transaction() as session:
        return claims.claim(session, token, now, limit)


def dialled(store: Store, claim: claims.Claim, call: str, now: datetime = TEN) -> Dialling | None:
    with store.transaction() as session:
        return claims.begin_dialling(session, claim, call, now, RULES)


def settled(store: Store, call: str, outcome: str, now: datetime) -> CampaignTarget:
    with store.transaction() as session:
        claims.settle(session, call, outcome, now, RETRY)  # type: ignore[arg-type]
        attempt = session.scalars(select(CallAttempt).where(CallAttempt.call_id == call)).one()
        return session.get_one(CampaignTarget, attempt.target_id)


def reasons(store: Store) -> Counter[str]:
    with store.session() as session:
        return Counter(session.scalars(select(CampaignTarget.reason)))


def test_the_preview_is_what_the_plan_does(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, "13800000001", "call-1")
    put(store, desk, "call-1", "101", 1)
    placed(store, desk, "call-1")
    refusing, silent = (retailer_of(store, desk, number) for number in ("13800000005", "13800000006"))
    with store.transaction() as session:
        session.execute(update(CallConsent).where(CallConsent.retailer_id == refusing).values(state="refused"))
        session.execute(delete(CallConsent).where(CallConsent.retailer_id == silent))
    number = campaign(store)
    with store.session() as session:
        seen = preview(session, session.get_one(Campaign, number), RULES, TEN)
    found = reasons(store)
    assert found.pop("") == seen.called
    assert dict(found) == dict(seen.left_out)
    assert {"ordered", "refused", "no_consent", "suspended"} <= found.keys()


def test_planning_again_adds_who_is_new_and_calls_nobody_twice(store: Store) -> None:
    number = campaign(store)
    with store.transaction() as session:
        assert plan(session, session.get_one(Campaign, number), RULES, TEN) == 0


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        (Filters(regions=("420102",)), lambda shop: shop.region.code == "420102"),
        (Filters(grades=("A",)), lambda shop: shop.grade == "A"),
        (Filters(batches=("daily",)), lambda shop: shop.batch.code == "daily"),
        (Filters(licences=("420102100001",)), lambda shop: shop.licence_no == "420102100001"),
    ],
)
def test_filters(store: Store, filters: Filters, fits: object) -> None:
    campaign(store, filters=filters)
    with store.session() as session:
        shops = session.scalars(select(Retailer).join(CampaignTarget, CampaignTarget.retailer_id == Retailer.id)).all()
        assert shops
        assert all(fits(shop) for shop in shops)  # type: ignore[operator]


def test_the_primary_then_the_backup_and_a_task_for_a_dead_number(store: Store) -> None:
    campaign(store, filters=the_shop(store))
    now, numbers = TEN, []
    for attempt in range(2):
        (claim,) = claimed(store, now)
        dialling = dialled(store, claim, f"c{attempt}", now)
        assert dialling
        numbers.append(dialling.phone_kind)
        target = settled(store, f"c{attempt}", "no_answer", now)
        assert target.state == "waiting"
        now = target.next_attempt_at
    assert numbers == ["primary", "backup"]
    assert claimed(store, now) != []
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(PhoneTask)) == 0


def test_three_failures_of_a_number_open_one_task(store: Store) -> None:
    campaign(store, filters=the_shop(store))
    with store.transaction() as session:
        target = session.scalars(select(CampaignTarget)).one()
        for number in range(4):
            ago = TEN - timedelta(days=40 + number)
            session.add(
                CallAttempt(
                    target_id=target.id, number_of=100 + number, retailer_id=target.retailer_id, call_id=f"old{number}",
                    number="13800000001", phone_kind="primary", began_at=ago, rang_at=ago, outcome="no_answer",
                )
            )  # fmt: skip
    (claim,) = claimed(store)
    with store.transaction() as session:
        session.execute(update(CallAttempt).values(target_id=claim.target, rang_at=None))
    dialled(store, claim, "c1")
    settled(store, "c1", "no_answer", TEN)
    with store.session() as session:
        assert [task.number for task in session.scalars(select(PhoneTask))] == ["13800000001"]


def test_what_changed_since_the_claim_is_seen_when_it_rings_and_answers(store: Store, desk: DomainOrderDesk) -> None:
    campaign(store, filters=the_shop(store))
    (claim,) = claimed(store)
    assert dialled(store, claim, "c1")
    with store.transaction() as session:
        claims.rings(session, "c1", TEN)
        assert claims.no_longer(session, "c1", TEN, RULES) == ""
    opened(store, desk, "13800000001", "call-1")
    put(store, desk, "call-1", "101", 1)
    placed(store, desk, "call-1")
    with store.session() as session:
        assert claims.no_longer(session, "c1", TEN, RULES) == "ordered"


@pytest.mark.parametrize("change", ["refused", "suspended", "ordered", "stopped"])
def test_between_claim_and_dial(store: Store, desk: DomainOrderDesk, change: str) -> None:
    campaign(store, filters=the_shop(store))
    (claim,) = claimed(store)
    with store.transaction() as session:
        if change == "refused":
            session.execute(update(CallConsent).values(state="refused"))
        elif change == "stopped":
            session.execute(update(Campaign).values(state="stopped"))
        elif change == "suspended":
            region = session.scalars(select(Retailer.region_id).where(Retailer.id == claim.retailer)).one()
            session.add(SuspensionNotice(region_id=region, reason="weather", starts_on=TODAY, approved_by="li"))
    if change == "ordered":
        opened(store, desk, "13800000001", "call-1")
        put(store, desk, "call-1", "101", 1)
        placed(store, desk, "call-1")
    assert dialled(store, claim, "c1") is None
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(CallAttempt)) == 0


def test_a_dead_node_s_claim_is_taken_up_its_call_is_not_repeated_at_once(store: Store) -> None:
    campaign(store, filters=the_shop(store))
    (claim,) = claimed(store)
    later = TEN + timedelta(seconds=31)
    assert claimed(store, TEN, "n2") == []
    (other,) = claimed(store, later, "n2")
    assert dialled(store, claim, "late", later) is None, "a frozen node that wakes up does not dial"
    assert dialled(store, other, "c1", later)
    assert claimed(store, later + timedelta(minutes=1), "n1") == []
    much_later = later + timedelta(minutes=36)
    with store.transaction() as session:
        assert claims.bury_the_dead(session, much_later, RETRY) == 1
    assert claimed(store, much_later, "n1") == []
    assert claimed(store, much_later + timedelta(minutes=30), "n1") != []


def test_a_line_that_failed_is_no_call_of_the_retailer(store: Store) -> None:
    campaign(store, filters=the_shop(store))
    now = TEN
    for attempt in range(5):
        (claim,) = claimed(store, now)
        dialling = dialled(store, claim, f"c{attempt}", now)
        assert dialling
        assert dialling.phone_kind == "primary"
        now = settled(store, f"c{attempt}", "line_failed", now).next_attempt_at


def test_an_outcome_is_noted_once(store: Store) -> None:
    campaign(store, filters=the_shop(store))
    (claim,) = claimed(store)
    dialled(store, claim, "c1")
    assert settled(store, "c1", "ordered", TEN).state == "done"
    again = settled(store, "c1", "no_answer", TEN)
    assert (again.state, again.reason) == ("done", "ordered")


def test_eight_workers_claim_each_target_once(store: Store) -> None:
    campaign(store)
    with store.session() as session:
        waiting = session.scalar(select(func.count()).where(CampaignTarget.state == "waiting")) or 0

    def work(token: str) -> list[int]:
        mine: list[int] = []
        while got := claimed(store, TEN, token, 7):
            mine += [claim.target for claim in got]
        return mine

    results = at_once(*(lambda token=f"w{number}": work(token) for number in range(8)))  # type: ignore[misc]
    taken = [target for result in results if isinstance(result, list) for target in result]
    assert len(taken) == len(set(taken)) == waiting
