"""Handing a caller over: every way it can end, each told exactly once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Gone, LineEvent, TransferEnded
from ivr.lines.sip.settings import RegistrarSettings
from ivr.lines.sip.transfers import target_uri
from tests.lines.sip.bench import Bench, Message, Phone, sdp

Benches = Callable[..., Bench]
FRAG = "message/sipfrag;version=2.0"


def transfer(bench: Bench, phone: Phone, target: str = "sip:agents@pbx.example") -> Message:
    phone.call()
    bench.told()
    leg = bench.endpoint.leg("call-1")
    assert leg is not None
    leg.transferring.begin(target)
    return bench.expect_request("REFER")


def notify(phone: Phone, line: str, state: str = "active;expires=60", event: str = "refer") -> None:
    phone.send("NOTIFY", f"SIP/2.0 {line}\r\n", kind=FRAG, more=f"Event: {event}\r\nSubscription-State: {state}\r\n")


def ended(bench: Bench) -> list[LineEvent]:
    return bench.told()


def test_a_transfer_that_goes_through(bench: Bench, phone: Phone) -> None:
    refer = transfer(bench, phone)
    assert refer["Refer-To"] == "<sip:agents@pbx.example>"
    assert refer["Referred-By"] == "<sip:4001@line.example>"
    phone.reply(refer, 202)
    for line in ("100 Trying", "180 Ringing"):
        notify(phone, line)
        bench.expect(200)
    assert ended(bench) == []
    notify(phone, "200 OK", "terminated;reason=noresource")
    bench.expect(200)
    phone.reply(bench.expect_request("BYE"), 200)
    assert ended(bench) == [TransferEnded(True, 200), Gone("transferred")]


@pytest.mark.parametrize("status", [486, 603, 503])
def test_a_target_that_does_not_take_the_call(bench: Bench, phone: Phone, status: int) -> None:
    phone.reply(transfer(bench, phone), 202)
    notify(phone, f"{status} No", "terminated")
    bench.expect(200)
    assert ended(bench) == [TransferEnded(False, status)]
    assert bench.endpoint.calls == ["call-1"]


@pytest.mark.parametrize("status", [403, 405, 501, 603])
def test_a_peer_that_does_not_transfer(bench: Bench, phone: Phone, status: int) -> None:
    phone.reply(transfer(bench, phone), status)
    bench.clock.advance(60)
    assert ended(bench) == [TransferEnded(False, status)]


def test_nothing_is_heard_of_it(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 202)
    bench.clock.advance(30.1)
    assert ended(bench) == [TransferEnded(False, 408)]
    notify(phone, "200 OK", "terminated")  # Too late: the dialogue has gone on.
    bench.expect(200)
    assert ended(bench) == []


def test_the_subscription_ends_without_a_result(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 202)
    notify(phone, "100 Trying", "terminated;reason=timeout")
    bench.expect(200)
    assert ended(bench) == [TransferEnded(False, 408)]


def test_a_refer_that_nobody_answers(make_bench: Benches) -> None:
    bench = make_bench(transfer_wait_s=100.0)
    phone = Phone(bench)
    transfer(bench, phone)
    bench.clock.advance(32.1)
    bench.sent.clear()
    assert ended(bench) == [TransferEnded(False, 408)]


def test_bye_after_the_acceptance_is_a_transfer(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 202)
    phone.send("BYE")
    bench.expect(200)
    assert ended(bench) == [TransferEnded(True, 202), Gone("transferred")]


def test_bye_before_the_acceptance_is_a_hang_up(bench: Bench, phone: Phone) -> None:
    refer = transfer(bench, phone)
    phone.send("BYE")
    bench.expect(200)
    phone.reply(refer, 481)
    assert ended(bench) == [Gone("caller_hung_up")]


def test_the_caller_on_hold_meanwhile(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 202)
    phone.send("INVITE", sdp("m=audio 40000 RTP/AVP 8\r\na=inactive\r\n"))
    phone.take_answer()
    notify(phone, "200 OK", "terminated")
    bench.expect(200)
    phone.reply(bench.expect_request("BYE"), 200)
    assert ended(bench) == [TransferEnded(True, 200), Gone("transferred")]


def test_asked_for_again_while_one_is_under_way(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 202)
    bench.endpoint.leg("call-1").transferring.begin("sip:b@c")  # type: ignore[union-attr]
    assert ended(bench) == []
    notify(phone, "486 Busy", "terminated")
    bench.expect(200)
    assert ended(bench) == [TransferEnded(False, 486)]


def test_again_after_a_failure(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 603)
    bench.endpoint.leg("call-1").transferring.begin("8001")  # type: ignore[union-attr]
    refer = bench.expect_request("REFER")
    assert refer["Refer-To"] == "<sip:8001@127.0.0.1:5080>"
    phone.reply(refer, 202)
    phone.send("BYE")
    bench.expect(200)


def test_reports_that_are_none(bench: Bench, phone: Phone) -> None:
    phone.reply(transfer(bench, phone), 202)
    notify(phone, "100 Trying", event="presence")
    bench.expect(489)
    for body in ("rubbish", "", "SIP/2.0 abc", "HTTP/1.1 200 OK"):
        phone.send("NOTIFY", body, kind=FRAG, more="Event: refer\r\nSubscription-State: active\r\n")
        bench.expect(200)
    assert ended(bench) == []


@pytest.mark.parametrize("target", ["", "sip:", "a b", "sip:x@y>\r\nEvil: 1", "x" * 65, "8001@elsewhere", "tel:1"])
def test_targets_that_are_none(bench: Bench, phone: Phone, target: str) -> None:
    phone.call()
    bench.told()
    bench.endpoint.leg("call-1").transferring.begin(target)  # type: ignore[union-attr]
    assert ended(bench) == [TransferEnded(False, 404)]


def test_extensions_belong_to_our_registrar(make_bench: Benches) -> None:
    registrar = RegistrarSettings("sip:600@pbx.example", ("127.0.0.1", 5060), "600", "secret")
    bench = make_bench(registrar=registrar)
    phone = Phone(bench)
    refer = transfer(bench, phone, "*8#")
    assert refer["Refer-To"] == "<sip:*8%23@pbx.example>"
    phone.reply(refer, 603)


def test_target_uri() -> None:
    assert target_uri("8001", "pbx:5070") == "sip:8001@pbx:5070"
    assert target_uri("SIP:a@b", "pbx") == "SIP:a@b"
