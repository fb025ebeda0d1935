"""What the other side may do while a call stands: change it, hold it, press keys by INFO, ask, end it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Gone, Interrupted, Key, PlayEnded
from ivr.lines.sip.hop import Hop
from ivr.media.port import ClipsEnded, StreamKey, StreamRestarted
from tests.lines.sip.bench import AUDIO, PEER, Bench, Phone, sdp

Benches = Callable[..., Bench]
MOVED = "m=audio 45000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def plan_of(bench: Bench) -> tuple[tuple[str, int], str, bool, bool]:
    plan = bench.media.plans["call-1"]
    return plan.remote, plan.law, plan.sending, plan.receiving


def version(body: str) -> int:
    return int(body.split("o=")[1].split(" ")[2])


# -- changes


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


# -- keys


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= *\r\nDuration= 250", "*"),
        ("application/dtmf-relay", "Duration=250\nsignal=11\n", "#"),
        ("Application/DTMF-Relay; charset=x", "Signal=d\r\n", "D"),
        ("application/dtmf", "7", "7"),
        ("application/dtmf", "#\r\n", "#"),
        ("application/dtmf", "Signal=3\r\n", "3"),
    ],
)
def test_keys_by_info(bench: Bench, phone: Phone, kind: str, body: str, key: str) -> None:
    phone.call()
    bench.told()
    phone.send("INFO", body, kind=kind)
    bench.expect(200)
    assert bench.media.injected == [("call-1", key)]
    bench.endpoint.heard_stream("call-1", StreamKey(key, 7.0, 40))
    assert bench.told() == [Key(key, 7.0, 40)]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/dtmf-relay", "Signal=17\r\n", 400),
        ("application/dtmf", "12", 200),  # by number: 10 is *, 11 is #, 12 to 15 are A to D
        ("application/dtmf", "123", 400),
        ("application/dtmf", "٣", 400),
        ("application/dtmf-relay", "Signal=\r\n5", 400),
        ("text/plain", "5", 415),
        ("", "", 200),
    ],
)
def test_info_that_is_no_key(bench: Bench, phone: Phone, kind: str, body: str, status: int) -> None:
    phone.call()
    phone.send("INFO", body, kind=kind)
    bench.expect(status)
    assert bench.media.injected == ([("call-1", "A")] if body == "12" else [])


def test_an_info_that_comes_again_is_one_key(bench: Bench, phone: Phone) -> None:
    phone.call()
    text = phone.send("INFO", "Signal=5\r\n", kind="application/dtmf-relay")
    bench.receive(text)
    assert [bench.expect(200).status, bench.expect(200).status] == [200, 200]
    assert bench.media.injected == [("call-1", "5")]


def test_a_gateway_that_sends_each_key_by_both_ways(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.told()

    def info(key: str) -> None:
        phone.send("INFO", f"Signal={key}\r\n", kind="application/dtmf-relay")
        bench.expect(200)
        for stream, given in bench.media.injected:
            bench.endpoint.heard_stream(stream, StreamKey(given, 0.0, 0))
        bench.media.injected.clear()

    def sound(key: str) -> None:
        bench.endpoint.heard_stream("call-1", StreamKey(key, 0.0, 0))

    for first, second in ((info, sound), (sound, info)):
        first("1")
        second("1")
        bench.clock.advance(0.2)
        first("1")
        second("1")
        bench.clock.advance(1)
    info("2")
    info("2")
    assert [event.key for event in bench.told() if isinstance(event, Key)] == ["1", "1", "1", "1", "2", "2"]


def test_what_the_stream_tells(bench: Bench, phone: Phone) -> None:
    phone.call()
    bench.told()
    bench.endpoint.heard_stream("call-1", ClipsEnded(3))
    bench.endpoint.heard_stream("call-1", StreamRestarted())
    bench.endpoint.heard_stream("call-2", ClipsEnded(3))
    assert bench.told() == [PlayEnded(3), Interrupted("media_restarted")]
    phone.send("BYE")
    bench.expect(200)
    bench.endpoint.heard_stream("call-1", StreamKey("1", 0.0, 0))
    assert bench.told() == [Gone("caller_hung_up")]


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


# -- where requests go


def test_requests_follow_the_route_and_the_contact(make_bench: Benches) -> None:
    bench = make_bench(peers=("127.0.0.0/8", "192.0.2.0/24"))
    phone = Phone(bench, contact="<sip:far@203.0.113.9:5999>")
    routes = "Record-Route: <sip:192.0.2.2:5070;lr>, <sip:192.0.2.1;lr>\r\n"
    answer = phone.call(more=routes)
    assert answer.headers["record-route"] == ["<sip:192.0.2.2:5070;lr>", "<sip:192.0.2.1;lr>"]
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert bye.uri == "sip:far@203.0.113.9:5999"
    assert bye.headers["route"] == ["<sip:192.0.2.2:5070;lr>", "<sip:192.0.2.1;lr>"]
    assert bye.hop == Hop("UDP", "192.0.2.2", 5070)
    phone.reply(bye, 200)


def test_a_strict_router_stands_in_the_request_line(make_bench: Benches) -> None:
    bench = make_bench(peers=("127.0.0.0/8", "192.0.2.0/24"))
    phone = Phone(bench)
    phone.call(more="Record-Route: <sip:192.0.2.2>\r\nRecord-Route: <sip:192.0.2.1;lr>\r\n")
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert bye.uri == "sip:192.0.2.2"
    assert bye.headers["route"] == ["<sip:192.0.2.1;lr>", "<sip:13800000001@127.0.0.1:5080>"]
    phone.reply(bye, 200)


def test_a_challenge_within_a_call_is_answered_once(make_bench: Benches) -> None:
    bench = make_bench(username="600", password="secret")
    phone = Phone(bench)
    phone.call()
    bench.hang_up()
    bye = bench.expect_request("BYE")
    challenge = 'Proxy-Authenticate: Digest realm="t", nonce="n", algorithm=SHA-512\r\n'
    more = challenge + challenge.replace("SHA-512", "MD5")
    phone.reply(bye, 407, more=more)
    again = bench.expect_request("BYE")
    assert 'username="600"' in again["Proxy-Authorization"]
    assert again["CSeq"] == "2 BYE"
    assert again["Via"] != bye["Via"]
    phone.reply(again, 407, more=more)
    bench.expect_silence()
    assert bench.endpoint.leg("call-1") is None


def test_a_fault_of_the_application_breaks_no_call(bench: Bench, phone: Phone) -> None:
    def broken(_call: str, _event: object) -> None:
        raise RuntimeError("the application has a fault")

    bench.station.report = broken
    phone.call()
    phone.send("BYE")
    bench.expect(200)
    assert bench.endpoint.leg("call-1") is None


def test_a_closing_line_says_so(bench: Bench, phone: Phone) -> None:
    bench.endpoint.close_calls()
    phone.send("OPTIONS")
    bench.expect(503)
    phone.send("INVITE", sdp())
    assert bench.expect(503)["Retry-After"]
    phone.send("ACK", branch=phone.branch)


@pytest.mark.parametrize(
    ("source", "contact", "hop"),
    [
        (PEER, "<sip:x@127.0.0.1:5999>", Hop("UDP", "127.0.0.1", 5999)),
        (PEER, "<sip:x@127.0.0.7:5999;transport=tcp>", Hop("TCP", "127.0.0.7", 5999)),
        (PEER, "<sip:x@peer.example>", PEER),  # a name: to where it came from
        (PEER, "<sip:x@198.51.100.1>", PEER),  # nobody we take calls from
        (Hop("UDP", "1.1.1.1", 5060), "<sip:x@192.168.1.7>", Hop("UDP", "1.1.1.1", 5060)),  # behind NAT
        (PEER, "<tel:+86138>", PEER),
        (PEER, "<sip:x@127.0.0.1:99999>", PEER),
    ],
)
def test_where_a_bye_goes(make_bench: Benches, source: Hop, contact: str, hop: Hop) -> None:
    bench = make_bench(peers=("127.0.0.0/8", "1.1.1.1", "192.168.0.0/16"))
    phone = Phone(bench, source=source, contact=contact)
    phone.call()
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert bye.hop == hop
    phone.reply(bye, 200)


def test_a_reinvite_moves_the_target(bench: Bench, phone: Phone) -> None:
    phone.call()
    phone.contact = "<sip:moved@127.0.0.5:5090>"
    phone.send("INVITE", sdp())
    phone.take_answer()
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert (bye.uri, bye.hop) == ("sip:moved@127.0.0.5:5090", Hop("UDP", "127.0.0.5", 5090))
    phone.reply(bye, 200)


def test_over_tcp_the_connection_is_used_while_it_is_open(bench: Bench) -> None:
    connection = Hop("TCP", "127.0.0.1", 49152)
    bench.open_hops.add(connection)
    phone = Phone(bench, source=connection, contact="<sip:x@127.0.0.1:5080;transport=tcp>")
    answer = phone.call()
    assert answer["Contact"] == "<sip:orderline@127.0.0.1:5062;transport=tcp>"
    assert answer.hop == connection
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert bye.hop == connection
    assert bye["Via"].startswith("SIP/2.0/TCP 127.0.0.1:5062;")
    phone.reply(bye, 200)


def test_over_tcp_the_contact_is_called_when_the_connection_is_gone(bench: Bench) -> None:
    connection = Hop("TCP", "127.0.0.1", 49152)
    bench.open_hops.add(connection)
    phone = Phone(bench, source=connection, contact="<sip:x@127.0.0.1:5080;transport=tcp>")
    phone.call()
    bench.open_hops.clear()
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert bye.hop == Hop("TCP", "127.0.0.1", 5080)
    phone.reply(bye, 200)


@pytest.mark.parametrize(
    ("via", "to"),
    [
        ("SIP/2.0/UDP 127.0.0.1:5080", Hop("UDP", "127.0.0.1", 5080)),
        ("SIP/2.0/UDP 203.0.113.1:6000", Hop("UDP", "127.0.0.1", 5080)),  # never to a third party
        ("SIP / 2.0 / UDP 127.0.0.1:5080", Hop("UDP", "127.0.0.1", 5080)),
    ],
)
def test_answers_go_to_the_sender(bench: Bench, via: str, to: Hop) -> None:
    phone = Phone(bench, via=via)
    phone.send("OPTIONS")
    answer = bench.expect(200)
    assert answer.hop == to
    assert "rport=5080" in answer["Via"]
    assert "received=127.0.0.1" in answer["Via"]


def test_without_rport_answers_go_to_the_port_of_the_via(bench: Bench, phone: Phone) -> None:
    text = phone.write("OPTIONS").replace(";rport", "").replace("127.0.0.1:5080", "203.0.113.1:6000")
    bench.receive(text)
    assert bench.expect(200).hop == Hop("UDP", "127.0.0.1", 6000)
