"""Calls that come in: answered once, cancelled, refused, repeated, late with their offer, too many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Arrived, Gone
from ivr.media.port import StreamPlan
from tests.lines.sip.bench import Bench, Phone, sdp

Benches = Callable[..., Bench]


def test_a_call_is_answered_and_its_stream_connected(bench: Bench, phone: Phone) -> None:
    phone.invite()
    assert bench.told() == [Arrived("13800000001", "4001", bench.clock.wall())]
    bench.answer()
    answer = phone.take_answer()
    assert "m=audio 30000 RTP/AVP 8 101\r\n" in answer.body
    assert "a=ptime:20\r\n" in answer.body
    assert "c=IN IP4 127.0.0.1\r\n" in answer.body
    assert answer["Contact"] == "<sip:orderline@127.0.0.1:5062>"
    assert bench.media.plans["call-1"] == StreamPlan(("127.0.0.1", 40000), "alaw", 8, 101)
    phone.send("BYE")
    bench.expect(200)
    assert bench.told() == [Gone("caller_hung_up")]
    assert not bench.media.open_streams


def test_an_invite_that_comes_again_starts_no_second_call(bench: Bench, phone: Phone) -> None:
    text = phone.invite()
    bench.receive(text)
    bench.expect(100)
    bench.answer()
    first = bench.expect(200)
    bench.receive(text)  # The answer may have been lost, or crossed: it is repeated by its own timer.
    bench.expect_silence()
    bench.clock.advance(0.5)
    assert bench.expect(200).body == first.body
    phone.line_tag = first.tag("To")
    phone.send("ACK")
    bench.receive(text)
    bench.expect_silence()
    assert len(bench.media.opened) == 1


def test_the_answer_is_repeated_until_it_is_acknowledged(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.answer()
    phone.line_tag = bench.expect(200).tag("To")
    bench.clock.advance(3.6)
    for _ in range(3):  # at 0.5, 1.5 and 3.5 s
        bench.expect(200)
    bench.expect_silence()
    phone.send("ACK")
    bench.clock.advance(60)
    bench.expect_silence()


def test_an_answer_never_acknowledged_ends_in_a_bye(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.answer()
    bench.told()
    bench.clock.advance(32.1)
    *answers, bye = bench.sent
    assert {message.status for message in answers} == {200}
    assert bye.method == "BYE"
    bench.sent.clear()
    phone.reply(bye, 200)
    assert bench.told() == [Gone("dead_line")]


def test_hanging_up_waits_for_the_ack(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.answer()
    phone.line_tag = bench.expect(200).tag("To")
    bench.told()
    bench.hang_up()
    assert bench.told() == [Gone("we_hung_up")]
    bench.expect_silence()
    phone.send("ACK")
    bye = bench.expect_request("BYE")
    phone.reply(bye, 200)
    assert bench.endpoint.leg("call-1") is None


def test_cancel_while_it_rings(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.clock.advance(1.0)
    bench.expect(180)
    phone.send("CANCEL", cseq=1)
    assert bench.expect(200)["CSeq"] == "1 CANCEL"
    terminated = bench.expect(487)
    assert bench.told()[1:] == [Gone("caller_hung_up")]
    assert bench.endpoint.leg("call-1") is None
    phone.line_tag = terminated.tag("To")
    phone.send("ACK", branch=phone.branch)
    bench.clock.advance(10)
    bench.expect_silence()


def test_a_refusal_is_repeated_until_it_is_acknowledged(bench: Bench, phone: Phone) -> None:
    phone.invite()
    phone.send("CANCEL", cseq=1)
    bench.expect(200)
    bench.expect(487)
    bench.clock.advance(1.6)
    assert [message.status for message in bench.sent] == [487, 487]
    bench.sent.clear()
    phone.send("ACK", branch=phone.branch)
    bench.clock.advance(40)
    bench.expect_silence()


def test_cancel_after_the_answer_changes_nothing(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.answer()
    phone.send("CANCEL", cseq=1)
    assert [message.status for message in bench.sent] == [200, 200]
    bench.sent.popleft()
    bench.sent.popleft()
    assert bench.told()[1:] == []
    phone.line_tag = bench.endpoint.leg("call-1").dialog.local_tag  # type: ignore[union-attr]
    phone.send("ACK")
    phone.send("BYE")
    bench.expect(200)
    assert bench.told() == [Gone("caller_hung_up")]


def test_answering_after_the_cancel_does_nothing(bench: Bench, phone: Phone) -> None:
    phone.invite()
    leg = bench.endpoint.leg("call-1")
    phone.send("CANCEL", cseq=1)
    bench.expect(200)
    bench.expect(487)
    leg.answer()  # type: ignore[union-attr]
    phone.send("ACK", branch=phone.branch)
    bench.clock.advance(1)
    bench.expect_silence()
    assert not bench.media.plans


def test_cancel_of_nothing(bench: Bench, phone: Phone) -> None:
    phone.send("CANCEL", cseq=1, branch="z9hG4bKunknown")
    bench.expect(481)


@pytest.mark.parametrize(("cause", "status"), [("busy", 486), ("unavailable", 503), ("forbidden", 403)])
def test_refusals(bench: Bench, phone: Phone, cause: str, status: int) -> None:
    phone.invite()
    bench.endpoint.leg("call-1").reject(cause)  # type: ignore[union-attr, arg-type]
    refusal = bench.expect(status)
    assert (refusal.get("Retry-After") != "") == (status == 503)
    assert bench.told()[1:] == [Gone("we_hung_up")]
    phone.send("ACK", branch=phone.branch)


def test_a_call_that_nobody_answers_is_let_go(make_bench: Benches) -> None:
    bench = make_bench(answer_within_s=20)
    phone = Phone(bench)
    phone.invite()
    bench.clock.advance(20)
    bench.expect(180)
    bench.expect(480)
    assert bench.told()[1:] == [Gone("line_closed")]
    phone.send("ACK", branch=phone.branch)


@pytest.mark.parametrize("status", [486, 503])
def test_a_call_too_many(make_bench: Benches, status: int) -> None:
    bench = make_bench(most_calls=1, full_status=status)
    first, second = Phone(bench), Phone(bench, call_id="two", tag="second")
    first.call()
    second.send("INVITE", sdp())
    assert int(bench.expect(status)["Retry-After"]) > 0
    second.send("ACK", branch=second.branch)
    assert bench.media.opened == ["call-1"]
    first.send("BYE")
    bench.expect(200)
    Phone(bench, call_id="three", tag="third").call()


def test_no_media_port_left(bench: Bench, phone: Phone) -> None:
    bench.media.is_full = True
    phone.send("INVITE", sdp())
    assert bench.expect(503)["Retry-After"]
    phone.send("ACK", branch=phone.branch)
    assert bench.told() == []


def test_the_same_invite_by_two_ways_rings_once(bench: Bench, phone: Phone) -> None:
    phone.invite()
    phone.send("INVITE", sdp(), cseq=1)
    bench.expect(482)
    phone.send("ACK", branch=phone.branch)
    assert bench.media.opened == ["call-1"]


def test_a_stranger_with_the_same_call_id_takes_nothing_over(bench: Bench, phone: Phone) -> None:
    phone.call()
    thief = Phone(bench, tag="thief", line_tag=phone.line_tag)
    thief.send("BYE")
    bench.expect(481)
    thief.send("INVITE", sdp())
    bench.expect(481)
    thief.send("ACK", branch=thief.branch)
    assert bench.told()[1:] == []
