"""The live view: what goes on, read once for everybody, sent only to those who don't have it; and transcripts."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select

from admin.web.console.live_board import LiveBoards, pace_by_now, standings
from ivr.dialogue import events as told
from ivr.runner import Runner
from orders.models import Batch, Call, CallEvent, Draft, Order, Region, Retailer
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from tests.console.conftest import KEY, NOON, Console, call

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 23)


def test_calls_stand_with_their_stage_until_they_end(console: Console) -> None:
    call(console, "c1", "13800000001", "11234#13205#")
    call(console, "c2", "", "", ends=True)
    page = console.as_("supervisor").get("/live/part").text
    assert "13800000001" in page
    assert "2 requests refused" in page
    assert "Entering a quantity" in page
    assert "/live/calls/c1" in page
    assert "c2" not in page
    masked = console.as_("approver").get("/live/part").text
    assert "138****0001" in masked
    assert "13800000001" not in masked
    assert "/live/calls/" not in masked


def test_a_transcript_grows_and_hides_the_pin(console: Console) -> None:
    agent = console.as_("agent")
    call(console, "c1", "13800000001", "11234#1")
    before = agent.get("/live/calls/c1/part")
    assert "请输入密码" in before.text
    assert "●●●●#" in before.text
    assert "1234" not in before.text
    known = {"If-None-Match": before.headers["ETag"]}
    assert agent.client.get("/live/calls/c1/part", headers=known).status_code == 304
    runner = Runner(console.store, DomainOrderDesk(KEY, now=console.clock), node="n", boot="b", now=console.clock)
    runner.handle("c1", told.LineLost("caller_hung_up"))
    after = agent.client.get("/live/calls/c1/part", headers=known)
    assert after.status_code == 200
    assert "You hung up" in after.text


def test_a_record_of_another_version_shows_what_can_be_read(console: Console) -> None:
    call(console, "c1", "13800000001", "1")
    with console.store.transaction() as session:
        for row in session.scalars(select(CallEvent).where(CallEvent.sequence == 2)):
            row.event = row.actions = '{"is":"FutureEvent"}'
    page = console.as_("agent").get("/live/calls/c1").text
    assert "written by another version" in page
    assert "您好" in page


def test_fifty_viewers_cost_one_reading_a_second(console: Console) -> None:
    reads: list[str] = []
    clock = [0.0]
    boards = LiveBoards(console.store, ZONE, console.clock, tuple, lambda: clock[0])
    event.listen(console.store.engine, "before_cursor_execute", lambda *args: reads.append(args[2]))
    for _ in range(50):
        boards.board()
    once = len(reads)
    clock[0] = 1.1
    for _ in range(50):
        boards.board()
    assert 0 < len(reads) - once < once
    assert boards.board() is boards.board()


def test_what_has_not_changed_is_not_sent_again(console: Console) -> None:
    agent = console.as_("agent")
    mark = agent.get("/live/part").headers["ETag"]
    answer = agent.client.get("/live/part", headers={"If-None-Match": mark})
    assert (answer.status_code, answer.data) == (304, b"")


def place(store: Store, retailer: int, day: date, at: datetime, status: str = "accepted") -> None:
    with store.transaction() as session:
        draft = Draft(retailer_id=retailer, order_day=day, state="placed")
        session.add(draft)
        session.flush()
        key = f"{retailer}-{day}-{draft.id}"
        session.add(
            Order(
                order_no=f"{day:%Y%m%d}{draft.id:06d}",
                order_key=key,
                draft_id=draft.id,
                retailer_id=retailer,
                order_day=day,
                placed_at=at,
                amount_fen=100,
                status=status,
            )
        )


@pytest.fixture
def members(console: Console) -> list[int]:
    """The retailers of Monday's batch who are due."""
    with console.store.session() as session:
        query = select(Retailer.id).join(Batch).join(Region, Region.id == Retailer.region_id)
        due = query.where(Batch.code == "day1", Retailer.status == "active", Region.code != "420112")
        return list(session.scalars(due.order_by(Retailer.id)))


def test_success_counts_retailers_due_and_leaves_suspended_ones_out(console: Console, members: list[int]) -> None:
    for retailer in (members[0], members[0], members[1]):
        place(console.store, retailer, TODAY, NOON)
    place(console.store, members[2], TODAY, NOON, "rejected")
    with console.store.session() as session:
        found = {one.code: one for one in standings(session, TODAY, {})}
    assert (found["day1"].due, found["day1"].ordered) == (len(members), 2)
    assert "day2" not in found


def test_the_forecast_follows_the_same_weekdays_before(console: Console, members: list[int]) -> None:
    """On the last Mondays three in ten had ordered by noon, and everybody by four."""
    for week in (1, 2):
        day = TODAY - timedelta(weeks=week)
        for number, retailer in enumerate(members[:20]):
            hour = 3 if number < 6 else 7
            place(console.store, retailer, day, datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
    for retailer in members[:3]:
        place(console.store, retailer, TODAY, NOON)
    with console.store.session() as session:
        pace = pace_by_now(session, NOON.astimezone(ZONE))
        found = {one.code: one for one in standings(session, TODAY, pace)}
    assert list(pace.values()) == [pytest.approx(0.3)]
    assert found["day1"].forecast == 10
    assert found["daily"].forecast is None


def test_reports_count_calls_by_hour_and_how_far_they_came(console: Console) -> None:
    call(console, "a", "", "", ends=True)
    call(console, "b", "13800000001", "1", ends=True)
    call(console, "c", "13800000001", "11234#", ends=True)
    call(console, "d", "13800000006", "11234#13101#10##11", ends=True)
    with console.store.session() as session:
        assert session.scalars(select(Order).where(Order.call_id == "d")).one()
        assert session.scalars(select(Call.ended_at).where(Call.id == "d")).one() == NOON
    supervisor = console.as_("supervisor")
    rows = csv.reader(io.StringIO(supervisor.get("/pictures/funnel.csv").data.decode("utf-8-sig")))
    assert list(rows)[1:] == [
        ["Arrived", "4"],
        ["Known who it is", "3"],
        ["PIN passed", "2"],
        ["Ordering", "1"],
        ["Something chosen", "1"],
        ["Ordered", "1"],
    ]
    hours = supervisor.get("/pictures/calls_by_hour.csv?lang=zh").data.decode("utf-8-sig")
    assert "12:00,4,1" in hours
    assert hours.startswith("钟点,来电,其中下单")
    sales = supervisor.get("/pictures/sales_by_category.csv").data.decode("utf-8-sig")
    assert "10,10,115000" in sales
    assert supervisor.get("/pictures/nothing.csv").status_code == 404
