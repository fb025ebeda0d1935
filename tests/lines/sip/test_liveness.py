"""Callers that vanish: session timers on either side, and questions when the sound stops."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Gone
from ivr.media.port import StreamSilent
from tests.lines.sip.bench import Bench, Phone, sdp

Benches = Callable[..., Bench]
TIMER = "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n"


def is_alive(bench: Bench) -> bool:
    return bench.endpoint.calls == ["call-1"]


def silent(bench: Bench, for_s: float = 5.0, *, spoke: bool = False) -> None:
    bench.endpoint.heard_stream("call-1", StreamSilent(for_s, spoke))


# -- we refresh


def test_we_refresh_by_update_at_half_time(bench: Bench, phone: Phone) -> None:
    phone.call(more="Allow: INVITE, UPDATE, BYE\r\n")
    bench.clock.advance(899)
    bench.expect_silence()
    for wait in (1, 900, 900):
        bench.clock.advance(wait)
        update = bench.expect_request("UPDATE")
        assert update["Session-Expires"] == "1800;refresher=uac"
        assert update.body == ""
        phone.reply(update, 200, more="Session-Expires: 1800;refresher=uac\r\n")
    assert is_alive(bench)


def test_by_reinvite_where_update_is_not_allowed(bench: Bench, phone: Phone) -> None:
    phone.call(more="Allow: INVITE, BYE\r\n")
    bench.clock.advance(900)
    again = bench.expect_request("INVITE")
    phone.reply(again, 200, body=sdp(), more="Session-Expires: 1800;refresher=uac\r\n")
    ack = bench.expect_request("ACK")
    assert ack["CSeq"].split()[0] == again["CSeq"].split()[0]
    phone.reply(again, 200, body=sdp())
    bench.expect_request("ACK")
    assert is_alive(bench)


def test_a_peer_that_does_not_know_update_after_all(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.clock.advance(900)
    phone.reply(bench.expect_request("UPDATE"), 405)
    bench.clock.advance(0)
    again = bench.expect_request("INVITE")
    phone.reply(again, 488)
    bench.expect_request("ACK")
    assert is_alive(bench)  # It answers, so it lives.


@pytest.mark.parametrize("status", [481, 408])
def test_a_refresh_into_nothing_ends_the_call(bench: Bench, phone: Phone, status: int) -> None:
    phone.call()
    bench.told()
    bench.clock.advance(900)
    phone.reply(bench.expect_request("UPDATE"), status)
    phone.reply(bench.expect_request("BYE"), 481)
    assert bench.told() == [Gone("dead_line")]


def test_a_refresh_that_nobody_answers_ends_the_call(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.told()
    bench.clock.advance(900 + 32)
    assert {message.method for message in bench.sent} == {"UPDATE", "BYE"}
    assert bench.told() == [Gone("dead_line")]
    bench.sent.clear()


def test_both_refresh_at_once(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.clock.advance(900)
    phone.reply(bench.expect_request("UPDATE"), 491)
    bench.clock.advance(4)
    phone.reply(bench.expect_request("UPDATE"), 200)
    assert is_alive(bench)


def test_a_reinvite_that_crosses_ours(bench: Bench, phone: Phone) -> None:
    phone.call(more="Allow: INVITE, BYE\r\n")
    bench.clock.advance(900)
    ours = bench.expect_request("INVITE")
    phone.send("INVITE", sdp())
    bench.expect(491)
    phone.send("ACK", branch=phone.branch)
    phone.reply(ours, 491)
    bench.expect_request("ACK")
    assert is_alive(bench)


def test_a_refresh_too_often(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.clock.advance(900)
    phone.reply(bench.expect_request("UPDATE"), 422, more="Min-SE: 3600\r\n")
    bench.clock.advance(0)
    update = bench.expect_request("UPDATE")
    assert update["Session-Expires"].startswith("3600")
    phone.reply(update, 200)
    bench.clock.advance(1700)
    bench.expect_silence()


# -- they refresh


def test_they_do_not_refresh(bench: Bench, phone: Phone) -> None:
    phone.call(more=TIMER)
    bench.told()
    bench.clock.advance(567)
    assert is_alive(bench)
    bench.clock.advance(1.1)  # 600 - 32
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told() == [Gone("dead_line")]


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_they_refresh(bench: Bench, phone: Phone, method: str) -> None:
    phone.call(more=TIMER)
    for _ in range(4):
        bench.clock.advance(400)
        phone.send(method, sdp() if method == "INVITE" else "", more=TIMER)
        answer = bench.expect(200)
        assert answer["Session-Expires"] == "600;refresher=uac"
        if method == "INVITE":
            phone.send("ACK")
    assert is_alive(bench)


def test_a_refresh_too_short(bench: Bench, phone: Phone) -> None:
    phone.call(more=TIMER)
    phone.send("UPDATE", more="Supported: timer\r\nSession-Expires: 10;refresher=uac\r\n")
    assert bench.expect(422)["Min-SE"] == "90"


# -- silence


def test_a_silent_caller_that_answers_is_kept(make_bench: Benches) -> None:
    bench = make_bench(dead_after_s=0)
    phone = Phone(bench)
    phone.call()
    for seconds in range(5, 200, 5):
        silent(bench, float(seconds))
        phone.reply(bench.expect_request("OPTIONS"), 200)
        bench.clock.advance(5)
    assert is_alive(bench)


@pytest.mark.parametrize("status", [481, 408])
def test_a_silent_caller_whose_phone_knows_no_call(bench: Bench, phone: Phone, status: int) -> None:
    phone.call()
    bench.told()
    silent(bench)
    phone.reply(bench.expect_request("OPTIONS"), status)
    phone.reply(bench.expect_request("BYE"), 481)
    assert bench.told() == [Gone("dead_line")]


def test_a_silent_caller_that_is_gone(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.told()
    silent(bench)
    bench.clock.advance(5)
    silent(bench, 10.0)  # One question at a time.
    bench.clock.advance(3.1)
    assert len({message["CSeq"] for message in bench.sent if message.method == "OPTIONS"}) == 1
    assert bench.sent[-1].method == "BYE"
    assert bench.told() == [Gone("dead_line")]
    bench.sent.clear()


def test_a_phone_without_options_is_alive(bench: Bench, phone: Phone) -> None:
    phone.call()
    silent(bench)
    phone.reply(bench.expect_request("OPTIONS"), 501)
    assert is_alive(bench)


def test_one_way_audio_for_too_long(make_bench: Benches) -> None:
    bench = make_bench(dead_after_s=30)
    phone = Phone(bench)
    phone.call()
    bench.told()
    silent(bench, 29.9)
    phone.reply(bench.expect_request("OPTIONS"), 200)
    silent(bench, 30.0)
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told() == [Gone("dead_line")]


def test_a_phone_that_saves_silence_is_kept(make_bench: Benches) -> None:
    """It spoke before, and answers: it only sends nothing while nobody speaks."""
    bench = make_bench(dead_after_s=30)
    phone = Phone(bench)
    phone.call()
    for seconds in range(5, 200, 5):
        silent(bench, float(seconds), spoke=True)
        phone.reply(bench.expect_request("OPTIONS"), 200)
        bench.clock.advance(5)
    assert is_alive(bench)


def test_the_network_says_that_the_caller_is_gone(bench: Bench, phone: Phone) -> None:
    """ICMP quotes the datagram that did not arrive."""
    phone.call()
    bench.told()
    silent(bench)
    probe = bench.expect_request("OPTIONS")
    bench.endpoint.unreachable(f"OPTIONS x SIP/2.0\r\nVia: {probe['Via']}\r\n".encode(), probe.hop)
    bye = bench.expect_request("BYE")
    assert bench.told() == [Gone("dead_line")]
    bench.endpoint.unreachable(f"BYE x SIP/2.0\r\nVia: {bye['Via']}\r\n".encode(), bye.hop)
    assert bench.endpoint.leg("call-1") is None
