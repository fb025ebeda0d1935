"""Calling out: each call is asked for once, whatever becomes of the answer; numbers, pace and the account's list."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.lines.twilio.dialling import LOOKS, AlreadyClaimed, Dialling, NeverPlaced, Pace
from ivr.lines.twilio.rest import Rest, placing_of
from orders.migrations import upgrade
from orders.models import CloudCall
from orders.store import Store, open_store
from tests.lines.twilio.account import Account, Begun
from tests.lines.twilio.cloud import ACCOUNT, TOKEN
from tests.lines.twilio.office import SETTINGS

TO = "+8613800000001"


@dataclass
class Desk:
    """A node that dials; its waiting moves its clock."""

    store: Store
    account: Account = field(default_factory=Account)
    at: datetime = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.account.now = lambda: self.at
        self.dialling = self.node("a")

    def node(self, name: str, per_s: float = 1000) -> Dialling:
        pace = Pace(per_s, clock=self.seconds)
        rest = Rest(ACCOUNT, TOKEN, self.account)
        return Dialling(self.store, rest, pace, node=name, now=lambda: self.at, wait=self.wait)

    def seconds(self) -> float:
        return self.at.timestamp()

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += timedelta(seconds=seconds)

    def dial(self, call: str = "out-1", to: str = TO) -> str | NeverPlaced:
        return self.dialling.dial(call, placing_of(SETTINGS, call, to, 30))

    def row(self, call: str = "out-1") -> CloudCall:
        with self.store.session() as session:
            row = session.get(CloudCall, call)
            assert row is not None
            return row


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'calls.db'}")
    upgrade(store)
    yield Desk(store)
    store.close()


def test_a_call_is_written_down_before_it_is_asked_for(desk: Desk) -> None:
    seen: list[str] = []
    desk.account.ring = lambda _: seen.append(desk.row().state)
    sid = desk.dial()
    assert seen == ["claimed"]
    assert (desk.row().state, desk.row().sid) == ("placed", sid)
    asked = desk.account.begun[str(sid)].asked
    assert asked["Url"].endswith("/twilio/voice/answered?dial=out-1")
    assert asked["MachineDetection"] == "Enable"
    assert asked["From"] == SETTINGS.number


def test_the_same_call_is_never_asked_for_again(desk: Desk) -> None:
    desk.dial()
    with pytest.raises(AlreadyClaimed):
        desk.dial()
    with pytest.raises(AlreadyClaimed):
        desk.dial("out-2")
    assert len(desk.account.begun) == 1
    desk.dialling.over("out-1", "completed")
    desk.dial("out-2")
    assert len(desk.account.begun) == 2


def test_a_lost_answer_is_looked_up(desk: Desk) -> None:
    desk.account.moods = ["lost"]
    desk.account.lag = 2
    sid = desk.dial()
    assert list(desk.account.begun) == [sid]
    assert desk.row().sid == sid
    assert desk.waited[-3:] == list(LOOKS)


def test_a_lost_answer_is_told_by_the_first_webhook(desk: Desk) -> None:
    """Before the list knows it."""
    desk.account.moods, desk.account.lag = ["lost"], 99
    rung: list[Begun] = []
    desk.account.ring = rung.append
    with ThreadPoolExecutor(1) as pool:
        waited = desk.wait

        def wait(seconds: float) -> None:
            waited(seconds)
            if rung:
                pool.submit(desk.dialling.seen, "out-1", rung[0].sid).result()

        desk.wait = wait  # type: ignore[method-assign]
        desk.dialling = desk.node("a")
        assert desk.dial() == rung[0].sid


def test_a_call_that_is_nowhere_is_not_asked_for_again_until_that_is_certain(desk: Desk) -> None:
    desk.account.moods = ["down"]
    assert isinstance(desk.dial(), NeverPlaced)
    with pytest.raises(AlreadyClaimed):
        desk.dial("out-2")
    assert desk.dialling.settle() == 0
    desk.at += timedelta(minutes=3)
    assert desk.dialling.settle() == 1
    assert desk.row().outcome == "never placed"
    desk.dial("out-2")
    assert len(desk.account.begun) == 1


def test_another_node_settles_what_a_dead_one_began(desk: Desk) -> None:
    """Killed after Twilio had placed the call, before the answer came."""

    class Killed(BaseException):
        pass

    def die(_: Begun) -> None:
        raise Killed

    desk.account.ring = die
    with suppress(Killed):
        desk.dial()
    assert desk.row().state == "claimed"
    desk.at += timedelta(minutes=3)
    other = desk.node("b")
    assert other.settle() == 1
    sid = next(iter(desk.account.begun))
    assert (desk.row().state, desk.row().sid) == ("placed", sid)
    desk.account.begun[sid].status = "completed"
    assert other.settle() == 1
    assert (desk.row().state, desk.row().outcome) == ("over", "completed")


def test_an_older_call_to_the_number_is_not_taken_for_this_one(desk: Desk) -> None:
    first = desk.dial("out-1")
    desk.dialling.over("out-1", "completed")
    desk.at += timedelta(seconds=1)
    desk.account.moods = ["lost"]
    second = desk.dial("out-2")
    assert second != first
    assert second == list(desk.account.begun)[1]


def test_what_twilio_refuses_is_over(desk: Desk) -> None:
    desk.account.moods = ["refused"]
    why = desk.dial()
    assert isinstance(why, NeverPlaced)
    assert (why.status, why.code) == (400, 21211)
    assert desk.row().state == "over"


def test_too_fast_is_tried_again_later(desk: Desk) -> None:
    desk.account.moods = ["fast", "fast", "well"]
    assert isinstance(desk.dial(), str)
    assert len(desk.account.begun) == 1
    assert sum(desk.waited) >= 3


def test_an_account_that_stays_too_busy(desk: Desk) -> None:
    desk.account.moods = ["fast"] * 9
    why = desk.dial()
    assert isinstance(why, NeverPlaced)
    assert why.status == 429
    assert desk.row().state == "over"


def test_calls_keep_the_account_s_pace() -> None:
    pace = Pace(2, clock=lambda: 100.0)
    assert [pace.wait_s() for _ in range(4)] == [0, 0.5, 1.0, 1.5]


def test_a_webhook_of_another_call_is_not_taken_for_this_one(desk: Desk) -> None:
    sid = desk.dial()
    assert desk.dialling.seen("out-1", str(sid))
    assert not desk.dialling.seen("out-1", "CA" + "0" * 32)
    assert not desk.dialling.seen("out-9", str(sid))


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("13800000001", "+8613800000001"),
        ("02160001111", "+862160001111"),
        ("+4930123456", "+4930123456"),
        ("nonsense", ""),
        ("+0123", ""),
        ("", ""),
    ],
)
def test_numbers_as_twilio_dials_them(number: str, dialled: str) -> None:
    assert SETTINGS.international(number) == dialled
