"""Calls that we make: every way they can come to be, or not, each told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.lines.port import Answered, DialFailed, DialFailure, Dialled, Gone, Key, Ringing
from ivr.lines.sip.hop import Hop
from ivr.media.port import StreamKey, StreamPlan
from tests.lines.sip.bench import AUDIO, PEER, Bench, Message, Phone, sdp

Benches = Callable[..., Bench]
OVER = Gone("we_hung_up")
CALLED = "sip:13900000009@127.0.0.1:5080"


def dial(bench: Bench, to: str = CALLED, caller_id: str = "4001", ring_s: float = 35.0) -> Message:
    bench.endpoint.dial(Dialled("out", to, caller_id, ring_s))
    return bench.expect_request("INVITE")


def answered(bench: Bench, phone: Phone, invite: Message, body: str | None = None, **how: Any) -> Message:
    phone.reply(invite, 200, body=sdp() if body is None else body, **how)
    return bench.expect_request("ACK")


def rings(bench: Bench, phone: Phone, invite: Message) -> None:
    phone.reply(invite, 180)
    assert bench.told("out") == [Ringing(bench.clock.wall())]


def test_somebody_picks_up(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    assert invite.uri == CALLED
    assert invite.hop == PEER
    assert invite["From"].startswith("<sip:4001@127.0.0.1:5062>;tag=")
    assert "m=audio 30000 RTP/AVP 8 0 101" in invite.body
    phone.reply(invite, 100)
    assert bench.told("out") == []
    rings(bench, phone, invite)
    phone.reply(invite, 183)
    assert bench.told("out") == []  # It rings once.
    ack = answered(bench, phone, invite)
    assert ack["CSeq"] == "1 ACK"
    assert ack.uri == "sip:13800000001@127.0.0.1:5080"
    assert bench.told("out") == [Answered(bench.clock.wall())]
    assert bench.media.plans["out"] == StreamPlan(("127.0.0.1", 40000), "alaw", 8, 101)
    bench.endpoint.heard_stream("out", StreamKey("1", 3.0, 0))
    assert bench.told("out") == [Key("1", 3.0, 0)]
    bench.hang_up("out")
    bye = bench.expect_request("BYE")
    assert bye["CSeq"] == "2 BYE"
    phone.reply(bye, 200)
    assert bench.told("out") == [OVER]


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "declined"),
        (607, "declined"),
        (480, "no_answer"),
        (408, "no_answer"),
        (503, "unreachable"),
        (500, "unreachable"),
        (404, "rejected"),
        (484, "rejected"),
        (488, "rejected"),
        (302, "rejected"),
        (401, "challenged"),
        (407, "challenged"),
    ],
)
def test_why_a_call_did_not_come_to_be(bench: Bench, phone: Phone, status: int, failure: DialFailure) -> None:
    invite = dial(bench)
    rings(bench, phone, invite)
    text = phone.reply(invite, status, more="Contact: <sip:premium@203.0.113.1>\r\n")
    ack = bench.expect_request("ACK")
    assert ack["Via"] == invite["Via"]
    assert ack["CSeq"] == "1 ACK"
    bench.receive(text)  # our ACK was lost
    bench.expect_request("ACK")
    assert bench.told("out") == [DialFailed(failure, status), OVER]
    assert not bench.media.open_streams
    assert bench.endpoint.leg("out") is None


def test_nothing_comes_back(bench: Bench) -> None:
    dial(bench)
    bench.clock.advance(6.3)
    assert len(bench.sent) == 3  # again after 0.5, 1.5 and 3.5 s
    assert bench.told("out") == []
    bench.clock.advance(0.2)
    assert bench.told("out") == [DialFailed("unreachable", 408), OVER]
    bench.sent.clear()
    bench.clock.advance(100)
    bench.expect_silence()


def test_a_provisional_answer_stops_the_repetitions(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    phone.reply(invite, 100)
    bench.clock.advance(30)
    bench.expect_silence()
    assert bench.told("out") == []
    phone.reply(invite, 486)
    bench.expect_request("ACK")


def test_the_network_says_that_nobody_is_there(bench: Bench) -> None:
    invite = dial(bench)
    bench.endpoint.unreachable(f"INVITE x SIP/2.0\r\nVia: {invite['Via']}\r\nFrom: y".encode(), PEER)
    assert bench.told("out") == [DialFailed("unreachable", 503), OVER]


def test_a_lie_about_another_datagram_changes_nothing(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    for lie in (b"\x00\xff", b"INVITE x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKother\r\n", b"branch="):
        bench.endpoint.unreachable(lie, PEER)
    assert bench.told("out") == []
    phone.reply(invite, 404)
    bench.expect_request("ACK")


def test_a_tcp_connection_that_can_not_be_made(bench: Bench) -> None:
    invite = dial(bench, "sip:1@127.0.0.1:5080;transport=tcp")
    assert invite.hop == Hop("TCP", "127.0.0.1", 5080)
    bench.endpoint.unreachable(b"", invite.hop)
    assert bench.told("out") == [DialFailed("unreachable", 503), OVER]


def test_it_rings_too_long(bench: Bench, phone: Phone) -> None:
    invite = dial(bench, ring_s=20)
    rings(bench, phone, invite)
    bench.clock.advance(20)
    cancel = bench.expect_request("CANCEL")
    assert cancel["Via"] == invite["Via"]
    assert cancel["CSeq"] == "1 CANCEL"
    assert bench.told("out") == [DialFailed("no_answer", 408), OVER]
    phone.reply(cancel, 200)
    phone.reply(invite, 487)
    bench.expect_request("ACK")
    assert bench.endpoint.leg("out") is None


def test_the_cancel_waits_for_a_sign_of_life(bench: Bench, phone: Phone) -> None:
    invite = dial(bench, ring_s=3)
    bench.clock.advance(3)
    assert {message.method for message in bench.sent} == {"INVITE"}
    bench.sent.clear()
    assert bench.told("out") == [DialFailed("unreachable", 408), OVER]
    phone.reply(invite, 180)
    phone.reply(bench.expect_request("CANCEL"), 200)
    phone.reply(invite, 487)
    bench.expect_request("ACK")


def test_the_answer_crosses_the_cancel(bench: Bench, phone: Phone) -> None:
    invite = dial(bench, ring_s=20)
    rings(bench, phone, invite)
    bench.clock.advance(20)
    cancel = bench.expect_request("CANCEL")
    phone.reply(invite, 200, body=sdp())
    phone.reply(cancel, 481)
    bench.expect_request("ACK")
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told("out") == [DialFailed("no_answer", 408), OVER]
    phone.reply(invite, 200, body=sdp())  # Our ACK was lost: the answer comes again.
    bench.expect_request("ACK")
    bench.expect_silence()


def test_we_give_up_while_it_rings(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    rings(bench, phone, invite)
    bench.hang_up("out")
    phone.reply(bench.expect_request("CANCEL"), 200)
    phone.reply(invite, 487)
    bench.expect_request("ACK")
    assert bench.told("out") == [DialFailed("cancelled", 487), OVER]


def test_sound_before_the_answer(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    phone.reply(invite, 183, body=sdp())
    assert bench.told("out") == [Ringing(bench.clock.wall())]
    assert bench.media.plans["out"].remote == ("127.0.0.1", 40000)
    bench.endpoint.heard_stream("out", StreamKey("1", 0.0, 0))
    assert bench.told("out") == []  # Nobody has picked up yet.
    answered(bench, phone, invite, "")
    assert bench.told("out") == [Answered(bench.clock.wall())]


def test_other_sound_after_the_answer(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    phone.reply(invite, 183, body=sdp())
    answered(bench, phone, invite, sdp("m=audio 42000 RTP/AVP 0\r\n"))
    plan = bench.media.plans["out"]
    assert (plan.remote[1], plan.law, plan.keys_payload_type, plan.inband_keys) == (42000, "ulaw", -1, True)


@pytest.mark.parametrize("body", ["", sdp("m=audio 0 RTP/AVP 0\r\n"), sdp("m=audio 4 RTP/AVP 18\r\n"), "rubbish"])
def test_an_answer_that_is_none(bench: Bench, phone: Phone, body: str) -> None:
    answered(bench, phone, dial(bench), body)
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told("out") == [DialFailed("rejected", 488), Gone("protocol_error")]


def test_two_phones_pick_up(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    answered(bench, phone, invite)
    other = Phone(bench, contact="<sip:second@127.0.0.8>", tag="second")
    other.reply(invite, 200, body=sdp())
    ack, bye = bench.expect_request("ACK"), bench.expect_request("BYE")
    assert ack.tag("To") == bye.tag("To") == "second"
    assert ack.uri == bye.uri == "sip:second@127.0.0.8"
    assert (ack["CSeq"], bye["CSeq"]) == ("1 ACK", "2 BYE")
    phone.reply(bye, 200)
    assert bench.endpoint.calls == ["out"]
    assert bench.told("out") == [Answered(bench.clock.wall())]


def test_an_answer_that_comes_again_is_acknowledged_again(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    text = phone.reply(invite, 200, body=sdp())
    first = bench.expect_request("ACK")
    bench.receive(text)
    assert bench.expect_request("ACK")["CSeq"] == first["CSeq"]
    assert bench.told("out") == [Answered(bench.clock.wall())]


def test_requests_within_follow_contact_and_route_of_the_answer(make_bench: Benches) -> None:
    bench = make_bench(peers=("127.0.0.0/8", "192.0.2.0/24"))
    phone = Phone(bench, contact="<sip:desk@127.0.0.44:5999>")
    routes = "Record-Route: <sip:192.0.2.9;lr>\r\nRecord-Route: <sip:192.0.2.8;lr>\r\n"
    ack = answered(bench, phone, dial(bench), more=routes)
    assert ack.uri == "sip:desk@127.0.0.44:5999"
    assert ack.headers["route"] == ["<sip:192.0.2.8;lr>", "<sip:192.0.2.9;lr>"]
    assert ack.hop == Hop("UDP", "192.0.2.8", 5060)


def test_the_called_hangs_up_and_changes(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    answered(bench, phone, invite)
    bench.told("out")
    phone.call_id, phone.line_tag = invite["Call-ID"], invite.tag("From")
    phone.send("INVITE", sdp(f"{AUDIO}a=inactive\r\n"))
    phone.take_answer()
    assert not bench.media.plans["out"].sending
    phone.send("BYE")
    bench.expect(200)
    assert bench.told("out") == [Gone("caller_hung_up")]


def test_a_session_timer_too_short_for_them(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    assert invite["Session-Expires"] == "1800"
    phone.reply(invite, 422, more="Min-SE: 7200\r\n")
    bench.expect_request("ACK")
    again = bench.expect_request("INVITE")
    assert (again["Session-Expires"], again["Min-SE"], again["CSeq"]) == ("7200", "7200", "2 INVITE")
    answered(bench, phone, again, more="Session-Expires: 7200;refresher=uas\r\nRequire: timer\r\n")
    bench.clock.advance(7200 - 33)
    bench.expect_silence()
    bench.clock.advance(1.1)
    phone.reply(bench.expect_request("BYE"), 200)
    assert Gone("dead_line") in bench.told("out")
