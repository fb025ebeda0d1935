"""Where our requests and answers go: routes, contacts, connections, NAT, strangers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.sip.hop import Hop
from tests.lines.sip.bench import PEER, Bench, Phone, sdp

Benches = Callable[..., Bench]
MOVED = "m=audio 45000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


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
