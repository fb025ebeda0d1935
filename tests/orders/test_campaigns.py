"""A campaign's life on both databases: made, moved, made by the schedule, ended; reported as it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from orders.calling import claims
from orders.calling.campaigns import CampaignRefused, Wish, make, move
from orders.calling.outcomes import RetryPlan
from orders.calling.planning import Filters
from orders.calling.report import TargetLine, calls_by_outcome, follow_up, over_time, pace_of, summed, target_lines
from orders.calling.rules import CallingRules
from orders.calling.schedule import Cared, care
from orders.models import AuditEntry, Batch, CallAttempt, Campaign, CampaignTarget, Retailer
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from tests.orders.conftest import TEN, TODAY
from tests.orders.test_ordering import opened, placed, put

RULES = CallingRules(ZoneInfo("Asia/Shanghai"), windows=((time(0), time(23, 59)),))
RETRY = RetryPlan()
CUTOFF = TEN + timedelta(hours=6)
WISH = Wish("reminder", "Monday", TODAY, TEN, CUTOFF, Filters(batches=("daily",)))
HOUR = timedelta(hours=1)


def made(store: Store, wish: Wish = WISH, now: datetime = TEN) -> int:
    with store.transaction() as session:
        return make(session, wish, RULES, "li", now).id


def moved(store: Store, number: int, what: str, now: datetime = TEN) -> str:
    with store.transaction() as session:
        return move(session, number, what, "li", now).state


def cared(store: Store, now: datetime, before: timedelta = timedelta(0)) -> Cared:
    with store.transaction() as session:
        return care(session, now, RULES, RETRY, before)


def states(store: Store, number: int) -> Counter[str]:
    with store.session() as session:
        return Counter(session.scalars(select(CampaignTarget.state).where(CampaignTarget.campaign_id == number)))


def lines_of(store: Store, number: int) -> list[TargetLine]:
    with store.session() as session:
        return list(target_lines(session, session.get_one(Campaign, number)))


def called(store: Store, call: str, outcome: str, now: datetime = TEN) -> None:
    """The next due target is called, and this comes of it."""
    with store.transaction() as session:
        (claim,) = claims.claim(session, "n1", now, 1)
        assert claims.begin_dialling(session, claim, call, now, RULES)
        session.flush()
        claims.rings(session, call, now)
        claims.settle(session, call, outcome, now + timedelta(seconds=30), RETRY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": " "}, "a name"),
        ({"ends_at": TEN}, "choose later times"),
        ({"starts_at": CUTOFF + HOUR}, "choose later times"),
        ({"ends_at": CUTOFF + 24 * HOUR}, "on the order day itself"),
        ({"kind": "notice"}, "needs its words"),
        ({"kind": "notice", "text_zh": "雪" * 25}, "at most 24 characters"),
        ({"kind": "notice", "text_zh": "雪。" * 4}, "say it in 3"),
        ({"kind": "notice", "text_zh": "雪", "text_en": "snow " * 21}, "at most 100 characters"),
        ({"filters": Filters(batches=("daily", "nightly"))}, "no batch nightly"),
        ({"filters": Filters(licences=("1",))}, "no licence 1"),
        ({"filters": Filters(last_outcomes=("busy", "bored"))}, "no call ends as bored: there are ordered, "),
    ],
)
def test_what_can_t_be_made_says_why(store: Store, changed: dict[str, object], why: str) -> None:
    with pytest.raises(CampaignRefused, match=why):
        made(store, replace(WISH, **changed))  # type: ignore[arg-type]


def test_start_pause_resume_stop(store: Store) -> None:
    number = made(store, replace(WISH, starts_at=TEN + HOUR))
    assert cared(store, TEN) == Cared()
    assert moved(store, number, "start") == "running"
    with store.transaction() as session:
        assert len(claims.claim(session, "n1", TEN, 100)) > 1, "it has begun before its time"
    assert moved(store, number, "pause") == "paused"
    with store.transaction() as session:
        assert claims.claim(session, "n1", TEN + HOUR, 100) == []
    with pytest.raises(CampaignRefused, match="only a running one can pause"):
        moved(store, number, "pause")
    assert moved(store, number, "resume") == "running"
    assert moved(store, number, "stop") == "stopped"
    assert set(states(store, number)) == {"done", "left_out"}
    with store.session() as session:
        whats = session.scalars(select(AuditEntry.what).where(AuditEntry.about == f"campaign {number}"))
        assert list(whats) == [f"campaign {what}" for what in ("made", "start", "pause", "resume", "stop")]


def test_an_unknown_or_outdated_campaign_is_not_moved(store: Store) -> None:
    with pytest.raises(CampaignRefused, match="no campaign 77"):
        moved(store, 77, "start")
    number = made(store)
    with pytest.raises(CampaignRefused, match="past its end"):
        moved(store, number, "start", CUTOFF)


def test_it_begins_and_ends_by_itself(store: Store) -> None:
    number = made(store, replace(WISH, starts_at=TEN + HOUR))
    assert cared(store, TEN + HOUR).begun == 1
    waiting = states(store, number)["waiting"]
    called(store, "c1", "ordered", TEN + HOUR)
    assert cared(store, TEN + 2 * HOUR) == Cared()
    assert cared(store, CUTOFF) == Cared(ended=1, missed=waiting - 1)
    assert {line.reason for line in lines_of(store, number) if line.state == "done"} == {"ordered", "past_cutoff"}


def test_it_ends_when_nobody_is_left(store: Store) -> None:
    number = made(store, replace(WISH, filters=Filters(licences=("420102100001",))))
    moved(store, number, "start")
    called(store, "c1", "ordered")
    assert cared(store, TEN + HOUR) == Cared(ended=1)


def test_only_those_whose_newest_call_ended_so(store: Store) -> None:
    """Whatever campaign it belonged to, and an older call does not count."""
    first = made(store)
    moved(store, first, "start")
    for call, outcome in (("c1", "no_answer"), ("c2", "busy"), ("c3", "declined")):
        called(store, call, outcome)
    with store.session() as session:
        attempts = session.execute(select(CallAttempt.call_id, CallAttempt.retailer_id)).all()
        daily = session.scalar(select(func.count()).select_from(Retailer).join(Batch).where(Batch.code == "daily"))
    rung = {one.call_id: one.retailer_id for one in attempts}
    with store.transaction() as session:
        older = session.scalars(select(CallAttempt).where(CallAttempt.call_id == "c3")).one()
        session.execute(update(CallAttempt).where(CallAttempt.call_id == "c2").values(retailer_id=older.retailer_id))
    chosen = replace(WISH, name="again", filters=Filters(last_outcomes=("busy", "no_answer")))
    assert targets(store, made(store, chosen)) == {rung["c1"]}, "declined after busy"
    untouched = replace(chosen, filters=Filters(batches=("daily",), last_outcomes=("never",)))
    others = targets(store, made(store, untouched))
    assert len(others) == (daily or 0) - 2
    assert not others & {rung["c1"], rung["c3"]}


def targets(store: Store, number: int) -> set[int]:
    with store.session() as session:
        return set(session.scalars(select(CampaignTarget.retailer_id).where(CampaignTarget.campaign_id == number)))


def test_who_is_added_after_it_was_made_is_called_too(store: Store) -> None:
    number = made(store, replace(WISH, starts_at=TEN + HOUR))
    before = sum(states(store, number).values())
    with store.transaction() as session:
        daily = session.scalars(select(Batch.id).where(Batch.code == "daily")).one()
        session.execute(update(Retailer).where(Retailer.licence_no == "420102100007").values(batch_id=daily))
    cared(store, TEN + HOUR)
    assert sum(states(store, number).values()) == before + 1


def test_the_schedule_makes_each_batch_s_campaign_once(store: Store) -> None:
    six_hours = 6 * HOUR
    assert cared(store, TEN - HOUR, six_hours).made == 0
    first = cared(store, TEN, six_hours)  # office and Monday's batch close at four
    assert (first.made, first.begun) == (2, 2)
    assert cared(store, TEN + HOUR, six_hours) == Cared()
    assert cared(store, TEN + 8 * HOUR, six_hours).made == 1, "the daily batch closes at midnight"
    with store.session() as session:
        keys = session.scalars(select(Campaign.plan_key).order_by(Campaign.plan_key)).all()
    assert keys == ["2026-11-23 daily", "2026-11-23 day1", "2026-11-23 office"]


def test_a_retry_after_the_cutoff_is_none(store: Store) -> None:
    number = made(store, replace(WISH, filters=Filters(licences=("420102100001",))))
    moved(store, number, "start")
    called(store, "c1", "busy", CUTOFF - timedelta(minutes=10))
    assert states(store, number) == {"done": 1}


def test_the_report_adds_up(store: Store, desk: DomainOrderDesk) -> None:
    opened(store, desk, "13800000005", "web")
    number = made(store)
    moved(store, number, "start")
    for call, outcome in (("c1", "ordered"), ("c2", "no_answer"), ("c3", "opted_out")):
        called(store, call, outcome)
    put(store, desk, "web", "101", 1)
    placed(store, desk, "web")
    lines = lines_of(store, number)
    with store.session() as session:
        campaign = session.get_one(Campaign, number)
        report = summed(lines, calls_by_outcome(session, campaign))
        course = over_time(session, campaign, timedelta(minutes=10))
        assert pace_of(session, campaign, 8).call_s == 35, "three calls are no pace yet"
    assert report.targets == len(lines) == sum(report.by_state.values())
    assert report.calls == {"ordered": 1, "no_answer": 1, "opted_out": 1}
    assert (
        report.due == sum(report.causes.values()) == sum(line.reason not in ("suspended", "closed") for line in lines)
    )
    assert report.ordered == 1, "what counts is an order, not what a call says"
    assert report.success_rate == 1 / report.due
    assert course == [(TEN, 3, 1)]


def test_the_pace_is_taken_from_calls_that_ended(store: Store) -> None:
    number = made(store, replace(WISH, filters=Filters()))
    moved(store, number, "start")
    for call in range(12):
        called(store, f"c{call}", "no_answer")
    with store.session() as session:
        pace = pace_of(session, session.get_one(Campaign, number), 8)
        assert session.scalars(select(CallAttempt.outcome)).all() == ["no_answer"] * 12
    assert (pace.lines, pace.call_s, pace.tries) == (8, 30, 1)


def test_follow_up_is_by_manager_and_spares_who_refused(store: Store) -> None:
    number = made(store, replace(WISH, filters=Filters()))
    moved(store, number, "start")
    called(store, "c1", "opted_out")
    lines = lines_of(store, number)
    refused = next(line.licence_no for line in lines if line.reason == "opted_out")
    listed = follow_up(lines)
    assert len(listed) > 1
    everybody = [line for theirs in listed.values() for line in theirs]
    assert refused not in {line.licence_no for line in everybody}
    assert all(line.manager == manager for manager, theirs in listed.items() for line in theirs)
