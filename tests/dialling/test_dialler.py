"""A retailer is called once, by the rules, when there is a line to spare; and the answered call is a call like any."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ivr.dialling.pacing import Pacing
from ivr.lines import port
from ivr.replay import replay_stored
from orders.models import CallAttempt, Order
from speech.wording import Wording
from tests.dialling.rig import CallingLine, Rig

SUNSHINE, GLOBE = "420102100001", "420104100005"
ENDED = port.Gone("we_hung_up")


@pytest.fixture
def rig(wording: Wording) -> Rig:
    return Rig(wording)


def test_the_call_becomes_the_order(rig: Rig) -> None:
    campaign = rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    assert (wish.to, wish.caller_id) == ("13800000001", "95001")
    assert wish.call.startswith("n1-out-")
    rig.report(wish.call, port.Ringing(1.0), port.Answered(2.0))
    assert rig.said(wish.call) == ["reminder", "reminder_choice"]
    rig.keys(wish.call, "1")
    assert rig.said(wish.call) == ["pin_wanted"]
    rig.keys(wish.call, "1234#11")
    assert rig.said(wish.call)[0] == "order_accepted"
    rig.report(wish.call, port.Gone("caller_hung_up"))
    assert rig.outcome(wish.call) == "ordered"
    assert (rig.target(campaign).state, rig.target(campaign).reason) == ("done", "ordered")
    with rig.world.store.session() as session:
        order = session.scalars(select(Order).where(Order.call_id == wish.call)).one()
    assert order.channel == "phone"
    assert replay_stored(rig.world.store, wish.call) is None


def test_nobody_is_dialled_twice(rig: Rig) -> None:
    rig.campaign(SUNSHINE)
    assert len(rig.round()) == 1
    assert rig.round() == []
    assert rig.round(29) == []


@pytest.mark.parametrize(
    ("failed", "rang", "outcome", "again"),
    [
        (port.DialFailed("busy", 486), False, "busy", True),
        (port.DialFailed("declined", 603), True, "declined", True),
        (port.DialFailed("no_answer", 408), True, "no_answer", True),
        (port.DialFailed("rejected", 404), False, "bad_number", True),
        (port.DialFailed("unreachable", 503), False, "line_failed", True),
        (port.DialFailed("challenged", 407), False, "line_failed", True),
        (port.DialFailed("unreachable", 503), True, "no_answer", True),
    ],
)
def test_what_the_line_says_is_noted(rig: Rig, failed: port.DialFailed, rang: bool, outcome: str, again: bool) -> None:
    campaign = rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    rig.report(wish.call, *([port.Ringing(1.0)] if rang else []), failed, ENDED)
    assert rig.outcome(wish.call) == outcome
    target = rig.target(campaign)
    assert (target.state, target.reason) == ("waiting" if again else "done", outcome)


def test_shops_that_share_a_telephone_are_called_one_after_the_other(rig: Rig) -> None:
    rig.campaign("420102100002", "420102100012", "420103100022")
    (first,) = rig.round()
    assert rig.round(2) == []
    rig.report(first.call, port.DialFailed("busy", 486), ENDED)
    (second,) = rig.round(300)
    assert (first.to, second.to) == ("13800000002", "13800000002")


def test_busy_is_never_tried_on_another_line_but_a_failed_line_is_left(wording: Wording) -> None:
    rig = Rig(wording, [CallingLine("board"), CallingLine("trunk")])
    rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    rig.report(wish.call, port.DialFailed("busy", 486), ENDED)
    assert rig.round() == []
    (again,) = rig.round(1800)
    assert (again.to, len(rig.lines[0].wishes)) == ("13900000001", 2), "the backup phone, by the same line"
    rig.report(again.call, port.DialFailed("unreachable", 503), ENDED)
    rig.campaign(GLOBE)
    (other,) = rig.round()
    assert rig.lines[1].wishes == [other]


def test_it_is_called_off_when_it_rings_for_nothing(rig: Rig) -> None:
    campaign = rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    rig.suspend(SUNSHINE)
    rig.report(wish.call, port.Ringing(1.0))
    assert rig.lines[0].hung_up == [wish.call]
    rig.report(wish.call, port.DialFailed("cancelled", 487), ENDED)
    assert (rig.outcome(wish.call), rig.target(campaign).state) == ("called_off", "done")


def test_what_changed_between_ringing_and_answer_is_seen(rig: Rig) -> None:
    rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    rig.report(wish.call, port.Ringing(1.0))
    rig.suspend(SUNSHINE)
    rig.report(wish.call, port.Answered(2.0))
    assert rig.said(wish.call) == ["reminder_void", "goodbye"]


def test_a_machine_hears_company_and_number_only(rig: Rig) -> None:
    rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    rig.report(wish.call, port.Ringing(1.0), port.Answered(2.0, machine=True))
    tag, said = rig.lines[0].said[wish.call][-1]
    assert said == ["voicemail", "voicemail_number"]
    rig.report(wish.call, port.PlayEnded(tag))
    assert rig.lines[0].hung_up == [wish.call]
    rig.report(wish.call, ENDED)
    assert rig.outcome(wish.call) == "voicemail"


def test_an_answer_nobody_waits_for_is_hung_up(rig: Rig) -> None:
    rig.report("unknown", port.Answered(1.0))
    assert rig.lines[0].hung_up == ["unknown"]


def test_an_answer_that_can_t_be_stored_is_hung_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.campaign(SUNSHINE)
    (wish,) = rig.round()

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(rig.runner, "handle", full)
    rig.report(wish.call, port.Answered(2.0))
    rig.timers.run_out(f"{wish.call}/retry")
    assert rig.lines[0].hung_up == [wish.call]


def test_an_outcome_that_can_t_be_stored_is_stored_later(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    settle = type(rig.desk).settle

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(type(rig.desk), "settle", broken)
    rig.report(wish.call, port.DialFailed("busy", 486), ENDED)
    assert rig.outcome(wish.call) == ""
    monkeypatch.setattr(type(rig.desk), "settle", settle)
    rig.round()
    assert rig.outcome(wish.call) == "busy"


def test_inbound_first_and_dialling_goes_on_by_itself(wording: Wording) -> None:
    rig = Rig(wording, pacing=Pacing(lines=4, most=4, reserve=0.5, reserve_at_cutoff=0.5, starts_per_s=100))
    for number in range(2):
        rig.report(f"in{number}", port.Arrived("13800000007", "95001", 1.0))
    rig.campaign(SUNSHINE, GLOBE)
    assert rig.round() == []
    rig.report("in0", port.Gone("caller_hung_up"))
    assert len(rig.round()) == 1
    assert rig.round() == []


def test_a_standstill_before_the_dial_is_no_call(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.campaign(SUNSHINE)
    errand = type(rig.desk).errand

    def slow(*arguments: object) -> object:
        rig.seconds += 60
        return errand(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(rig.desk), "errand", slow)
    assert rig.round() == []
    with rig.world.store.session() as session:
        assert session.scalars(select(CallAttempt.outcome)).all() == ["line_failed"]


def test_what_an_earlier_process_was_dialling_counts_as_a_call(rig: Rig) -> None:
    campaign = rig.campaign(SUNSHINE, GLOBE)
    first, second = rig.round()
    rig.report(second.call, port.Answered(2.0))
    assert rig.dialler.reclaim() == 1
    assert rig.outcome(first.call) == "not_known"
    assert rig.outcome(second.call) == "", "it is talked to, and its conversation settles it"
    assert campaign


def test_stopping_cancels_what_rings(rig: Rig) -> None:
    rig.campaign(SUNSHINE)
    (wish,) = rig.round()
    rig.dialler.stop()
    assert rig.lines[0].hung_up == [wish.call]
