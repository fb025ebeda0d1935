"""Whom a wish to dial reaches, and who we say we are when asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.lines.port import DialFailed, Dialled, Gone
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.settings import RegistrarSettings
from tests.lines.sip.bench import Bench, Message, Phone, digest, sdp

Benches = Callable[..., Bench]
OVER = Gone("we_hung_up")
CALLED = "sip:13900000009@127.0.0.1:5080"


def dial(bench: Bench, to: str = CALLED, caller_id: str = "4001", ring_s: float = 35.0) -> Message:
    bench.endpoint.dial(Dialled("out", to, caller_id, ring_s))
    return bench.expect_request("INVITE")


def answered(bench: Bench, phone: Phone, invite: Message, body: str | None = None, **how: Any) -> Message:
    phone.reply(invite, 200, body=sdp() if body is None else body, **how)
    return bench.expect_request("ACK")


@pytest.mark.parametrize(
    ("status", "asks", "answers"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
def test_a_challenge_is_answered(make_bench: Benches, status: int, asks: str, answers: str) -> None:
    bench = make_bench(username="600", password="secret")
    phone = Phone(bench)
    invite = dial(bench)
    phone.reply(invite, status, more=f'{asks}: Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5\r\n')
    bench.expect_request("ACK")
    again = bench.expect_request("INVITE")
    assert again["CSeq"] == "2 INVITE"
    assert again["Via"] != invite["Via"]
    assert again["Call-ID"] == invite["Call-ID"]
    assert digest(again, answers, "secret")
    ack = answered(bench, phone, again)
    assert ack[answers] == again[answers]
    assert ack["CSeq"] == "2 ACK"


def test_a_password_that_is_wrong(make_bench: Benches) -> None:
    bench = make_bench(username="600", password="wrong")
    phone = Phone(bench)
    challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"\r\n'
    phone.reply(dial(bench), 401, more=challenge)
    for _ in range(2):
        bench.expect_request("ACK")
        phone.reply(bench.expect_request("INVITE"), 401, more=challenge)
    bench.expect_request("ACK")
    assert bench.told("out") == [DialFailed("challenged", 401), OVER]


@pytest.mark.parametrize(
    "challenge", ["", "WWW-Authenticate: Basic realm=x\r\n", "WWW-Authenticate: Digest\r\n", 'WWW-Authenticate: "\r\n']
)
def test_a_challenge_that_is_none(make_bench: Benches, challenge: str) -> None:
    bench = make_bench(username="600", password="secret")
    Phone(bench).reply(dial(bench), 401, more=challenge)
    bench.expect_request("ACK")
    assert bench.told("out") == [DialFailed("challenged", 401), OVER]


@pytest.mark.parametrize(
    "to",
    [
        "",
        "bob",
        "sip:",
        "sip:x@y>\r\nEvil: 1",
        "sip:a b@c",
        "13900000009\r\n",
        "１３９",
        "sip:x@127.0.0.1;transport=tls",
    ],
)
def test_targets_that_are_none(make_bench: Benches, to: str) -> None:
    bench = make_bench(outbound=("127.0.0.1", 5080))
    bench.endpoint.dial(Dialled("out", to, ""))
    assert bench.told("out") == [DialFailed("rejected", 404), OVER]


def test_a_number_without_a_trunk(bench: Bench) -> None:
    bench.endpoint.dial(Dialled("out", "13900000009", ""))
    assert bench.told("out") == [DialFailed("rejected", 404), OVER]


def test_a_number_by_the_trunk(make_bench: Benches) -> None:
    bench = make_bench(outbound=("trunk.example", 5070), caller_id="4001")
    bench.resolved["trunk.example"] = "192.0.2.1"
    invite = dial(bench, "+8613900000009", caller_id="")
    assert (invite.uri, invite.hop) == ("sip:+8613900000009@trunk.example:5070", Hop("UDP", "192.0.2.1", 5070))
    assert invite["From"].startswith("<sip:4001@")


def test_a_number_by_the_registrar(make_bench: Benches) -> None:
    bench = make_bench(registrar=RegistrarSettings("sip:600@pbx.example", ("127.0.0.1", 5060), "600", "secret"))
    invite = dial(bench, "8001", caller_id="")
    assert (invite.uri, invite.hop) == ("sip:8001@pbx.example", Hop("UDP", "127.0.0.1", 5060))
    assert invite["From"].startswith("<sip:600@pbx.example>")


@pytest.mark.parametrize("caller_id", ["x\r\nEvil: 1", "sip:1@2", "<>", "1" * 40])
def test_a_caller_id_that_is_none(bench: Bench, caller_id: str) -> None:
    assert dial(bench, caller_id=caller_id)["From"].startswith("<sip:orderline@")


def test_a_name_that_nobody_knows(bench: Bench) -> None:
    bench.endpoint.dial(Dialled("out", "sip:x@nowhere.invalid", ""))
    assert bench.told("out") == [DialFailed("unreachable", 0), OVER]


def test_no_line_free(make_bench: Benches) -> None:
    bench = make_bench(most_calls=1)
    Phone(bench).call()
    bench.endpoint.dial(Dialled("out", CALLED, ""))
    assert bench.told("out") == [DialFailed("unreachable", 503), OVER]


def test_no_media_port_left(bench: Bench) -> None:
    bench.media.is_full = True
    bench.endpoint.dial(Dialled("out", CALLED, ""))
    assert bench.told("out") == [DialFailed("unreachable", 503), OVER]


def test_the_same_wish_twice_is_one_call(bench: Bench, phone: Phone) -> None:
    invite = dial(bench)
    bench.endpoint.dial(Dialled("out", CALLED, ""))
    phone.reply(invite, 486)
    bench.expect_request("ACK")
    assert bench.told("out") == [DialFailed("busy", 486), OVER]
