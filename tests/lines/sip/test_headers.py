"""What an INVITE says besides: extensions, session timers, who calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Arrived
from tests.lines.sip.bench import Bench, Phone, sdp

Benches = Callable[..., Bench]


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
