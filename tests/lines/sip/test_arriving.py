"""Calls that come in: answered once, cancelled, refused, repeated, late with their offer, too many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Arrived, Gone
from ivr.media.port import StreamPlan
from tests.lines.sip.bench import AUDIO, Bench, Phone, sdp

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


# -- what is offered


def test_without_an_offer_ours_goes_out_and_the_ack_answers(bench: Bench, phone: Phone) -> None:
    phone.invite("")
    bench.answer()
    answer = bench.expect(200)
    assert "m=audio 30000 RTP/AVP 8 0 101" in answer.body
    assert not bench.media.plans
    phone.line_tag = answer.tag("To")
    phone.send("ACK", sdp("m=audio 40000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n"))
    assert bench.media.plans["call-1"] == StreamPlan(("127.0.0.1", 40000), "ulaw", 0, 96)


def test_an_ack_without_the_answer_that_was_due(bench: Bench, phone: Phone) -> None:
    phone.invite("")
    bench.answer()
    phone.line_tag = bench.expect(200).tag("To")
    phone.send("ACK")
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told()[1:] == [Gone("protocol_error")]


@pytest.mark.parametrize(
    "body",
    [
        sdp("m=audio 40000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n"),
        sdp("m=audio 40000 RTP/SAVP 0\r\n"),
        sdp("m=video 40000 RTP/AVP 31\r\n"),
        sdp("m=audio 0 RTP/AVP 0\r\n"),
        sdp("m=audio 99999 RTP/AVP 0\r\n"),
        sdp("m=audio abc RTP/AVP 0\r\n"),
        sdp("m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000\r\n"),
        sdp(host="239.1.1.1"),
        sdp(host="peer.example"),
        sdp(host="::1"),
        "v=x\r\n",
        "rubbish",
        "v=0\r\n" + "m=audio 1 RTP/AVP 18\r\n" * 40,
    ],
)
def test_what_can_not_be_agreed_to(bench: Bench, phone: Phone, body: str) -> None:
    phone.send("INVITE", body)
    bench.expect(488)
    phone.send("ACK", branch=phone.branch)
    assert bench.told() == []
    assert not bench.media.open_streams


def test_another_body_than_a_session_description(bench: Bench, phone: Phone) -> None:
    phone.send("INVITE", "<xml/>", kind="application/xml")
    assert bench.expect(415)["Accept"] == "application/sdp"
    phone.send("ACK", branch=phone.branch)


@pytest.mark.parametrize(
    ("media", "law", "number", "keys"),
    [
        (AUDIO, "alaw", 8, 101),
        ("m=audio 40000 RTP/AVP 0 8\r\n", "alaw", 8, -1),
        ("m=audio 40000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n", "ulaw", 0, 97),
        ("m=audio 40000 RTP/AVP 18 0 97\r\na=rtpmap:97 telephone-event/16000\r\n", "ulaw", 0, -1),
        ("m=audio 40000 RTP/AVP 100\r\na=rtpmap:100 pcma/8000/1\r\n", "alaw", 100, -1),
    ],
)
def test_the_best_liked_law_and_their_numbers(
    bench: Bench, phone: Phone, media: str, law: str, number: int, keys: int
) -> None:
    answer = phone.call(sdp(media))
    plan = bench.media.plans["call-1"]
    assert (plan.law, plan.payload_type, plan.keys_payload_type) == (law, number, keys)
    assert plan.inband_keys == (keys < 0)
    assert f"m=audio 30000 RTP/AVP {number}{f' {keys}' if keys >= 0 else ''}\r\n" in answer.body


def test_the_order_of_laws_is_a_setting(make_bench: Benches) -> None:
    bench = make_bench(laws=("ulaw", "alaw"))
    Phone(bench).call()
    assert bench.media.plans["call-1"].law == "ulaw"


def test_other_media_lines_are_refused_in_their_place(bench: Bench, phone: Phone) -> None:
    video = "m=video 50000 RTP/AVP 31 34\r\na=rtpmap:31 H261/90000\r\n"
    answer = phone.call(sdp(f"{video}{AUDIO}m=audio 40004 RTP/AVP 0\r\n"))
    lines = [line for line in answer.body.split("\r\n") if line.startswith("m=")]
    assert lines == ["m=video 0 RTP/AVP 31 34", "m=audio 30000 RTP/AVP 8 101", "m=audio 0 RTP/AVP 0"]


@pytest.mark.parametrize(
    ("body", "answered", "sending", "receiving"),
    [
        (sdp(f"{AUDIO}a=sendonly\r\n"), "recvonly", False, True),
        (sdp(f"{AUDIO}a=recvonly\r\n"), "sendonly", True, False),
        (sdp(f"{AUDIO}a=inactive\r\n"), "inactive", False, False),
        (sdp(session="a=sendonly\r\n"), "recvonly", False, True),
        (sdp(f"{AUDIO}c=IN IP4 0.0.0.0\r\n"), "recvonly", False, True),
    ],
)
def test_directions(bench: Bench, phone: Phone, body: str, answered: str, sending: bool, receiving: bool) -> None:
    answer = phone.call(body)
    plan = bench.media.plans["call-1"]
    assert (plan.sending, plan.receiving) == (sending, receiving)
    assert f"a={answered}\r\n" in answer.body


# -- extensions, session timers, numbers


def test_an_unknown_required_extension(bench: Bench, phone: Phone) -> None:
    phone.send("INVITE", sdp(), more="Require: 100rel, teleportation\r\n")
    assert bench.expect(420)["Unsupported"] == "teleportation"
    phone.send("ACK", branch=phone.branch)


def test_who_requires_100rel_hears_no_ringing(bench: Bench, phone: Phone) -> None:
    phone.invite(more="Require: 100rel\r\n")
    bench.clock.advance(5)
    bench.expect_silence()
    bench.answer()
    phone.take_answer()


@pytest.mark.parametrize(
    ("more", "answered"),
    [
        ("", "1800;refresher=uas"),
        ("Supported: timer\r\n", "1800;refresher=uas"),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac"),
        ("Supported: timer\r\nSession-Expires: 9999\r\n", "1800;refresher=uas"),
        ("Supported: timer\r\nSession-Expires: 9999\r\nMin-SE: 3000\r\n", "3000;refresher=uas"),
        ("Session-Expires: 30\r\n", "90;refresher=uas"),
        ("x: 600;refresher=uac\r\nSupported: timer\r\n", "600;refresher=uac"),
    ],
)
def test_the_session_timer_agreed_on(bench: Bench, phone: Phone, more: str, answered: str) -> None:
    answer = phone.call(more=more)
    assert answer["Session-Expires"] == answered
    assert (answer.get("Require") == "timer") == ("timer" in more)


def test_a_session_timer_too_short(bench: Bench, phone: Phone) -> None:
    phone.send("INVITE", sdp(), more="Supported: timer\r\nSession-Expires: 60\r\n")
    assert bench.expect(422)["Min-SE"] == "90"
    phone.send("ACK", branch=phone.branch)
    assert bench.told() == []
    phone.call(more="Supported: timer\r\nSession-Expires: 90\r\nMin-SE: 90\r\n")


TRUSTING = {"trusted_peers": ("127.0.0.1/32",)}


@pytest.mark.parametrize(
    ("settings", "number", "more", "caller"),
    [
        ({}, "13800000001", "", "13800000001"),
        ({}, "+86-138-0000.0001", "", "+8613800000001"),
        ({}, "anonymous", "", ""),
        ({}, "bob", "", ""),
        ({}, "1380%0D%0Aevil", "", ""),
        ({}, "1" * 40, "", ""),
        ({}, "１３８００００", "", ""),
        ({}, "13800000001", "P-Asserted-Identity: <sip:10086@x>\r\n", "13800000001"),
        (TRUSTING, "13800000001", "P-Asserted-Identity: <sip:10086@x>\r\n", "10086"),
        (TRUSTING, "anonymous", "P-Asserted-Identity: <tel:+8610086>\r\n", "+8610086"),
        (TRUSTING, "13800000001", 'Remote-Party-ID: "x" <sip:10010@x>;party=calling\r\n', "10010"),
        (TRUSTING, "1", "P-Asserted-Identity: <sip:10086@x>\r\nPrivacy: id\r\n", ""),
        ({}, "13800000001", "Privacy: header;id\r\n", ""),
        ({}, "13800000001", "Diversion: <sip:999@x>\r\n", "13800000001"),
    ],
)
def test_whose_number_it_is(
    make_bench: Benches, settings: dict[str, object], number: str, more: str, caller: str
) -> None:
    bench = make_bench(**settings)
    Phone(bench, number=number).invite(more=more)
    [arrived] = bench.told()
    assert isinstance(arrived, Arrived)
    assert arrived.caller == caller
    bench.hang_up()
    bench.expect(480)
