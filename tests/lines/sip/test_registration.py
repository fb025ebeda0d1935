"""Registration as an extension: challenged, refreshed, lost, found again, taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.sip.hop import Hop
from ivr.lines.sip.registration import Registration
from ivr.lines.sip.settings import RegistrarSettings
from tests.lines.sip.bench import Bench, Message, Phone, digest, sdp

Benches = Callable[..., Bench]
PBX = Hop("UDP", "192.0.2.60", 5060)
CHALLENGE = 'WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5\r\n'


class Registrar:
    """Both sides of one registration."""

    def __init__(self, bench: Bench, host: str = PBX.host) -> None:
        self.bench = bench
        settings = RegistrarSettings("sip:600@pbx.example", (host, 5060), "600", "secret")
        self.registration = Registration(bench.station, settings)
        self.phone = Phone(bench, source=PBX, contact="")
        self.registration.begin()

    def asked(self) -> Message:
        return self.bench.expect_request("REGISTER")

    def grant(self, request: Message, expires: int = 300) -> None:
        self.phone.reply(request, 200, more=f"Contact: {request['Contact']};expires={expires}\r\n")


@pytest.fixture
def pbx(bench: Bench) -> Registrar:
    return Registrar(bench)


def test_registered_with_digest(bench: Bench, pbx: Registrar) -> None:
    first = pbx.asked()
    assert (first.uri, first.hop) == ("sip:pbx.example", PBX)
    assert first["Contact"] == "<sip:600@127.0.0.1:5062>"
    assert first["Expires"] == "300"
    pbx.phone.reply(first, 401, more=CHALLENGE)
    second = pbx.asked()
    assert digest(second, "Authorization", "secret")
    assert second["Call-ID"] == first["Call-ID"]
    assert int(second["CSeq"].split()[0]) == int(first["CSeq"].split()[0]) + 1
    pbx.grant(second)
    assert pbx.registration.state == "registered"
    pbx.registration.end()
    bench.expect_request("REGISTER")


def test_refreshed_before_it_ends(bench: Bench, pbx: Registrar) -> None:
    pbx.grant(pbx.asked(), 100)
    for _ in range(3):
        bench.clock.advance(84)
        bench.expect_silence()
        bench.clock.advance(1)
        pbx.grant(pbx.asked(), 100)
    pbx.registration.end()
    farewell = pbx.asked()
    assert farewell["Expires"] == "0"
    pbx.phone.reply(farewell, 401, more=CHALLENGE)
    assert digest(pbx.asked(), "Authorization", "secret")


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_refused_and_tried_again(bench: Bench, pbx: Registrar, status: int) -> None:
    waits = []
    for _ in range(8):
        pbx.phone.reply(pbx.asked(), status)
        assert pbx.registration.state == "failing"
        assert pbx.registration.status == status
        waited = 0.0
        while not bench.sent:
            bench.clock.advance(0.25)
            waited += 0.25
        waits.append(waited)
    assert waits[0] <= 3
    assert 54 <= waits[-1] <= 67
    pbx.grant(pbx.asked())
    assert pbx.registration.state == "registered"
    pbx.registration.end()
    bench.sent.clear()


def test_a_registrar_that_is_gone_is_found_again(bench: Bench, pbx: Registrar) -> None:
    pbx.grant(pbx.asked(), 100)
    bench.clock.advance(85 + 16)
    assert pbx.registration.state == "failing"
    bench.sent.clear()
    bench.clock.advance(3)
    pbx.grant(pbx.asked())
    assert pbx.registration.state == "registered"
    pbx.registration.end()
    bench.sent.clear()


def test_a_wrong_password_is_no_storm(bench: Bench, pbx: Registrar) -> None:
    for _ in range(3):
        pbx.phone.reply(pbx.asked(), 401, more=CHALLENGE)
    bench.expect_silence()
    assert pbx.registration.state == "failing"
    pbx.registration.end()


def test_too_short_an_interval(bench: Bench, pbx: Registrar) -> None:
    pbx.phone.reply(pbx.asked(), 423, more="Min-Expires: 900\r\n")
    again = pbx.asked()
    assert again["Expires"] == "900"
    pbx.phone.reply(again, 423, more="Min-Expires: 900\r\n")
    assert pbx.registration.state == "failing"
    pbx.registration.end()


def test_an_interval_of_nothing_is_no_storm(bench: Bench, pbx: Registrar) -> None:
    pbx.grant(pbx.asked(), 0)
    bench.clock.advance(4.9)
    bench.expect_silence()
    pbx.registration.end()
    pbx.asked()


def test_by_name(bench: Bench) -> None:
    bench.resolved["pbx.example"] = PBX.host
    pbx = Registrar(bench, "pbx.example")
    assert pbx.asked().hop == PBX
    pbx.registration.end()


def test_a_name_that_is_not_known_yet(bench: Bench) -> None:
    pbx = Registrar(bench, "pbx.example")
    assert pbx.registration.state == "failing"
    bench.resolved["pbx.example"] = PBX.host
    bench.clock.advance(3)
    pbx.grant(pbx.asked())
    pbx.registration.end()
    bench.sent.clear()


def test_the_registrar_may_call_though_it_is_on_no_list(bench: Bench, pbx: Registrar) -> None:
    pbx.grant(pbx.asked())
    caller = Phone(bench, source=PBX, contact="<sip:pbx@192.0.2.60>")
    caller.call()
    stranger = Phone(bench, source=Hop("UDP", "192.0.2.61", 5060), call_id="two")
    stranger.send("INVITE", sdp())
    bench.expect(403)
    pbx.registration.end()
    bench.sent.clear()
