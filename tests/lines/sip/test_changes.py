"""re-INVITE and UPDATE: other addresses, other laws, hold, refusals, answers that get lost."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lines.port import Gone
from tests.lines.sip.bench import AUDIO, Bench, Phone, sdp

Benches = Callable[..., Bench]
MOVED = "m=audio 45000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def plan_of(bench: Bench) -> tuple[tuple[str, int], str, bool, bool]:
    plan = bench.media.plans["call-1"]
    return plan.remote, plan.law, plan.sending, plan.receiving


def version(body: str) -> int:
    return int(body.split("o=")[1].split(" ")[2])


def test_another_address_and_law(bench: Bench, phone: Phone) -> None:
    first = phone.call()
    phone.send("INVITE", sdp(MOVED, host="127.0.0.9"))
    answer = phone.take_answer()
    assert plan_of(bench) == (("127.0.0.9", 45000), "ulaw", True, True)
    assert "m=audio 30000 RTP/AVP 0 101" in answer.body
    assert version(answer.body) == version(first.body) + 1
    assert bench.media.opened == ["call-1"]


def test_hold_and_unhold(bench: Bench, phone: Phone) -> None:
    phone.call()
    phone.send("INVITE", sdp(f"{AUDIO}a=sendonly\r\n"))
    assert "a=recvonly" in phone.take_answer().body
    assert plan_of(bench)[2:] == (False, True)
    phone.send("INVITE", sdp(host="0.0.0.0"))
    phone.take_answer()
    assert plan_of(bench)[2:] == (False, True)
    phone.send("INVITE", sdp())
    assert "a=sendrecv" in phone.take_answer().body
    assert plan_of(bench)[2:] == (True, True)


def test_a_change_that_is_not_acceptable_leaves_the_call_as_it_was(bench: Bench, phone: Phone) -> None:
    phone.call()
    before = plan_of(bench)
    phone.send("INVITE", sdp("m=audio 40000 RTP/AVP 18\r\n"))
    bench.expect(488)
    phone.send("ACK", branch=phone.branch)
    assert plan_of(bench) == before
    phone.send("BYE")
    bench.expect(200)


def test_a_reinvite_without_offer_gets_ours(bench: Bench, phone: Phone) -> None:
    phone.call()
    phone.send("INVITE")
    answer = bench.expect(200)
    assert "m=audio 30000 RTP/AVP 8 0 101" in answer.body
    phone.send("ACK", sdp(MOVED))
    assert plan_of(bench)[:2] == (("127.0.0.1", 45000), "ulaw")


def test_a_reinvite_that_comes_again_is_answered_again(bench: Bench, phone: Phone) -> None:
    phone.call()
    text = phone.send("INVITE", sdp(MOVED))
    bench.expect(200)
    bench.receive(text)
    bench.clock.advance(0.5)
    phone.take_answer()
    bench.clock.advance(40)
    bench.expect_silence()


def test_a_reinvite_never_acknowledged_ends_the_call(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.told()
    phone.send("INVITE", sdp(MOVED))
    bench.clock.advance(32.1)
    bye = bench.sent.pop()
    assert bye.method == "BYE"
    bench.sent.clear()
    phone.reply(bye, 200)
    assert bench.told() == [Gone("dead_line")]


def test_a_second_offer_before_the_first_is_answered(bench: Bench, phone: Phone) -> None:
    phone.invite("")
    bench.answer()
    phone.line_tag = bench.expect(200).tag("To")
    phone.send("INVITE", sdp())
    assert bench.expect(500)["Retry-After"]
    phone.send("ACK", branch=phone.branch)
    phone.send("ACK", sdp(), cseq=1)
    assert plan_of(bench)[1] == "alaw"


def test_update_with_and_without_an_offer(bench: Bench, phone: Phone) -> None:
    phone.call()
    phone.send("UPDATE", sdp(MOVED))
    assert "RTP/AVP 0 101" in bench.expect(200).body
    assert plan_of(bench)[:2] == (("127.0.0.1", 45000), "ulaw")
    phone.send("UPDATE")
    assert bench.expect(200).body == ""
    phone.send("UPDATE", sdp("m=audio 4 RTP/AVP 18\r\n"))
    bench.expect(488)
    assert plan_of(bench)[1] == "ulaw"


def test_update_before_the_answer(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.clock.advance(1)
    phone.line_tag = bench.expect(180).tag("To")
    phone.send("UPDATE", sdp(MOVED))
    assert bench.expect(500)["Retry-After"]
    bench.answer()
    bench.expect(200)
    phone.send("ACK", cseq=1)
