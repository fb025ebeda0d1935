"""Offers and answers of arriving calls: laws, directions, other media, what can't be agreed to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Gone
from ivr.media.port import StreamPlan
from tests.lines.sip.bench import AUDIO, Bench, Phone, sdp

Benches = Callable[..., Bench]


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
