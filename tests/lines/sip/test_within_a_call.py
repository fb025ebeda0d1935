"""What the other side may do while a call stands: change it, hold it, press keys by INFO, ask, end it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Gone
from tests.lines.sip.bench import Bench, Phone

Benches = Callable[..., Bench]
MOVED = "m=audio 45000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


# -- asking, ending, order


def test_options_within_and_without_a_call(bench: Bench, phone: Phone) -> None:
    phone.call()
    phone.send("OPTIONS")
    assert "INVITE" in bench.expect(200)["Allow"]
    Phone(bench, call_id="ask", tag="ask").send("OPTIONS")
    answer = bench.expect(200)
    assert answer["Accept"] == "application/sdp"
    assert answer.tag("To")


@pytest.mark.parametrize("method", ["REFER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "FLY"])
def test_methods_that_are_not_allowed(bench: Bench, phone: Phone, method: str) -> None:
    Phone(bench, call_id="ask", tag="ask").send(method)
    assert "BYE" in bench.expect(405)["Allow"]
    phone.call()
    phone.send(method)
    bench.expect(405)


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "NOTIFY", "PRACK", "INVITE"])
def test_requests_for_a_call_that_is_not_there(bench: Bench, method: str) -> None:
    ghost = Phone(bench, call_id="ghost", line_tag="nobody")
    ghost.send(method)
    bench.expect(481)
    if method == "INVITE":
        ghost.send("ACK", branch=ghost.branch)


def test_numbers_must_grow(bench: Bench, phone: Phone) -> None:
    phone.call()
    phone.send("INFO", "Signal=5\r\n", kind="application/dtmf-relay", cseq=1)
    bench.expect(500)
    assert not bench.media.injected


def test_bye_that_comes_again(bench: Bench, phone: Phone) -> None:
    phone.call()
    text = phone.send("BYE")
    bench.expect(200)
    bench.receive(text)
    bench.expect(200)
    assert len(bench.told()) == 2
    assert bench.endpoint.leg("call-1") is None


def test_our_bye_is_sent_until_it_is_answered(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.hang_up()
    bench.clock.advance(1.6)
    byes = [bench.expect_request("BYE") for _ in range(3)]  # at 0, 0.5 and 1.5 s
    assert len({bye["Via"] for bye in byes}) == 1
    assert byes[0].uri == "sip:13800000001@127.0.0.1:5080"
    assert byes[0].tag("To") == "theirs"
    phone.reply(byes[0], 200)
    bench.clock.advance(60)
    bench.expect_silence()
    assert bench.endpoint.leg("call-1") is None


def test_hanging_up_twice_says_bye_once(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.hang_up()
    bench.hang_up()
    phone.reply(bench.expect_request("BYE"), 481)
    assert [event for event in bench.told() if isinstance(event, Gone)] == [Gone("we_hung_up")]


def test_both_hang_up_at_once(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.hang_up()
    bye = bench.expect_request("BYE")
    phone.send("BYE")
    bench.expect(200)
    phone.reply(bye, 481)
    assert [event for event in bench.told() if isinstance(event, Gone)] == [Gone("we_hung_up")]


def test_hanging_up_before_the_answer(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.hang_up()
    bench.expect(480)
    phone.send("ACK", branch=phone.branch)
    assert bench.told()[1:] == [Gone("we_hung_up")]


def test_bye_before_the_answer_ends_the_invite_too(bench: Bench, phone: Phone) -> None:
    phone.invite()
    bench.clock.advance(1)
    phone.line_tag = bench.expect(180).tag("To")
    phone.send("BYE")
    assert {bench.next().status, bench.next().status} == {200, 487}
    phone.send("ACK", cseq=1)
    assert bench.told()[1:] == [Gone("caller_hung_up")]
    bench.sent.clear()
