"""The pyVoIP line on the bench: each fault of pyVoIP that was measured, mended; and the watch it needs around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from ivr.lines.port import Arrived, Gone, Key
from ivr.lines.sip.hop import Hop
from ivr.media.port import StreamKey, StreamPlan, StreamSilent
from tests.lines.sip.bench import AUDIO, Message, Phone, sdp

pytest.importorskip("pyVoIP", reason="the extra orderline[pyvoip] is not installed", exc_type=ImportError)

from tests.lines.pyvoip.bench import PyVoipBench

Benches = Callable[..., PyVoipBench]


def call(phone: Phone, body: str | None = None) -> Message:
    """A whole call up to its ACK; pyVoIP rings at once."""
    phone.send("INVITE", sdp() if body is None else body)
    phone.bench.expect(180)
    phone.bench.answer()
    return phone.take_answer()


# -- calls


def test_a_call(bench: PyVoipBench, phone: Phone) -> None:
    answer = call(phone)
    assert "m=audio 30000 RTP/AVP 8 101\r\n" in answer.body
    assert answer["Contact"] == "<sip:600@127.0.0.1:5064>"
    assert bench.media.plans[bench.call] == StreamPlan(("127.0.0.1", 40000), "alaw", 8, 101)
    assert bench.told() == [Arrived("13800000001", "600", bench.clock.wall())]
    phone.send("BYE")
    assert bench.expect(200).tag("To") == phone.line_tag
    assert bench.told() == [Gone("caller_hung_up")]


def test_an_invite_that_comes_again_starts_no_second_call(bench: PyVoipBench, phone: Phone) -> None:
    text = phone.send("INVITE", sdp())
    bench.expect(180)
    bench.receive(text)
    bench.expect(180)
    bench.answer()
    bench.clock.advance(0.5)
    bench.expect(200)
    phone.take_answer()
    bench.receive(text)
    bench.expect_silence()
    assert len(bench.media.opened) == 1


def test_cancel(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE", sdp())
    ringing = bench.expect(180)
    phone.send("CANCEL", cseq=1)
    bench.expect(200)
    assert bench.expect(487).tag("To") == ringing.tag("To")
    phone.send("ACK", branch=phone.branch)
    assert bench.told()[1:] == [Gone("caller_hung_up")]


def test_a_reinvite_changes_the_stream_and_adds_none(bench: PyVoipBench, phone: Phone) -> None:
    call(phone)
    phone.send("INVITE", sdp("m=audio 45000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"))
    assert "RTP/AVP 0 101" in phone.take_answer().body
    plan = bench.media.plans[bench.call]
    assert (plan.remote, plan.law) == (("127.0.0.1", 45000), "ulaw")
    phone.send("INVITE", sdp(f"{AUDIO}a=sendonly\r\n"))
    assert "a=recvonly" in phone.take_answer().body
    assert not bench.media.plans[bench.call].sending
    phone.send("INVITE", sdp("m=audio 45000 RTP/AVP 18\r\n"))
    bench.expect(488)
    phone.send("ACK", branch=phone.branch)
    assert len(bench.media.opened) == 1


def test_without_an_offer(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE")
    bench.expect(180)
    bench.answer()
    answer = bench.expect(200)
    assert "RTP/AVP 8 0 101" in answer.body
    phone.line_tag = answer.tag("To")
    phone.send("ACK", sdp("m=audio 40000 RTP/AVP 0\r\n"))
    assert bench.media.plans[bench.call].law == "ulaw"


@pytest.mark.parametrize("body", [sdp("m=audio 4 RTP/AVP 18\r\n"), sdp("m=audio 4 RTP/SAVP 0\r\n"), "rubbish"])
def test_what_can_not_be_agreed_to(bench: PyVoipBench, phone: Phone, body: str) -> None:
    phone.send("INVITE", body)
    bench.expect(488)
    phone.send("ACK", branch=phone.branch)
    assert not bench.media.open_streams


@pytest.mark.parametrize(("cause", "status"), [("busy", 486), ("unavailable", 503), ("forbidden", 403)])
def test_refusals(bench: PyVoipBench, phone: Phone, cause: Any, status: int) -> None:
    phone.send("INVITE", sdp())
    bench.expect(180)
    bench.board.reject(bench.board.calls[bench.call], cause)
    bench.expect(status)
    phone.send("ACK", branch=phone.branch)
    assert bench.told()[1:] == [Gone("we_hung_up")]


def test_our_bye_reaches_the_pbx_and_its_answer_us(bench: PyVoipBench, phone: Phone) -> None:
    call(phone)
    bench.hang_up()
    bye = bench.expect_request("BYE")
    assert bye.uri == "sip:13800000001@127.0.0.1:5080"
    assert bye["Via"].startswith("SIP/2.0/UDP 127.0.0.1:5064;branch=z9hG4bK")
    assert (bye.tag("To"), bye.tag("From")) == ("theirs", phone.line_tag)
    bench.clock.advance(0.5)
    assert bench.expect_request("BYE")["Via"] == bye["Via"]
    phone.reply(bye, 200)
    bench.clock.advance(40)
    bench.expect_silence()


def test_hanging_up_waits_for_the_ack(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE", sdp())
    bench.expect(180)
    bench.answer()
    phone.line_tag = bench.expect(200).tag("To")
    bench.hang_up()
    bench.expect_silence()
    phone.send("ACK")
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told()[1:] == [Gone("we_hung_up")]


def test_bye_while_ours_waits_for_the_ack(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE", sdp())
    bench.expect(180)
    bench.answer()
    phone.line_tag = bench.expect(200).tag("To")
    bench.hang_up()
    phone.send("BYE")
    bench.expect(200)
    bench.clock.advance(40)
    bench.expect_silence()
    assert bench.told()[1:] == [Gone("we_hung_up")]
    assert bench.board.remembered == 0


def test_a_change_before_the_answer(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE", sdp())
    phone.line_tag = bench.expect(180).tag("To")
    phone.send("INVITE", sdp())
    assert bench.expect(500)["Retry-After"]
    phone.send("ACK", branch=phone.branch)
    bench.answer()
    bench.expect(200)
    phone.send("ACK", cseq=1)


def test_a_fault_of_the_application_breaks_no_call(bench: PyVoipBench, phone: Phone) -> None:
    def broken(_call: str, _event: object) -> None:
        raise RuntimeError("the application has a fault")

    bench.board._tell_application = broken
    call(phone)
    phone.send("BYE")
    bench.expect(200)
    assert not bench.media.open_streams


def test_an_answer_never_acknowledged(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE", sdp())
    bench.expect(180)
    bench.answer()
    bench.clock.advance(32.1)
    bye = bench.sent.pop()
    assert bye.method == "BYE"
    bench.sent.clear()
    phone.reply(bye, 200)
    assert bench.told()[1:] == [Gone("dead_line")]


def test_a_call_that_nobody_answers(bench: PyVoipBench, phone: Phone) -> None:
    phone.send("INVITE", sdp())
    bench.expect(180)
    bench.clock.advance(30)
    bench.expect(480)
    phone.send("ACK", branch=phone.branch)
    assert bench.told()[1:] == [Gone("line_closed")]


def test_a_call_too_many(make_bench: Benches) -> None:
    bench = make_bench(most_calls=1)
    Phone(bench).reply(bench.expect_request("REGISTER"), 200)
    call(Phone(bench))
    second = Phone(bench, call_id="two", tag="second")
    second.send("INVITE", sdp())
    bench.expect(486)
    second.send("ACK", branch=second.branch)


def test_a_silent_caller(bench: PyVoipBench, phone: Phone) -> None:
    call(phone)
    bench.board.heard_stream(bench.call, StreamSilent(29.0))
    bench.expect_silence()
    bench.board.heard_stream(bench.call, StreamSilent(30.0))
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told()[1:] == [Gone("dead_line")]


def test_a_caller_that_saves_silence_is_kept_longer(bench: PyVoipBench, phone: Phone) -> None:
    call(phone)
    bench.board.heard_stream(bench.call, StreamSilent(119.0, spoke=True))
    bench.expect_silence()
    bench.board.heard_stream(bench.call, StreamSilent(120.0, spoke=True))
    phone.reply(bench.expect_request("BYE"), 200)
    assert bench.told()[1:] == [Gone("dead_line")]


def test_keys_by_info_and_questions_by_options(bench: PyVoipBench, phone: Phone) -> None:
    call(phone)
    phone.send("INFO", "Signal=5\r\n", kind="application/dtmf-relay")
    bench.expect(200)
    assert bench.media.injected == [(bench.call, "5")]
    bench.board.heard_stream(bench.call, StreamKey("5", 1.0, 20))
    assert bench.told()[1:] == [Key("5", 1.0, 20)]
    phone.send("OPTIONS")
    assert "INFO" in bench.expect(200)["Allow"]
    for method in ("REFER", "UPDATE", "MESSAGE"):
        phone.send(method)
        bench.expect(405)


def test_requests_of_no_call(bench: PyVoipBench) -> None:
    ghost = Phone(bench, call_id="ghost", line_tag="nobody")
    for method in ("BYE", "INFO"):
        ghost.send(method)
        bench.expect(481)


def test_a_hundred_calls_leave_nothing(bench: PyVoipBench) -> None:
    for number in range(100):
        phone = Phone(bench, call_id=f"c{number}", tag=f"t{number}")
        call(phone)
        if number % 2:
            phone.send("BYE")
            bench.expect(200)
        else:
            bench.hang_up()
            phone.reply(bench.expect_request("BYE"), 200)
    bench.clock.advance(33)
    assert bench.board.remembered == 0


# -- strangers and nonsense


def test_only_the_pbx_is_listened_to(bench: PyVoipBench, phone: Phone) -> None:
    with capture_logs() as logs:
        for _ in range(20):
            bench.receive(phone.write("INVITE", sdp()), Hop("UDP", "127.0.0.9", 5080))
    bench.expect_silence()
    assert len(logs) == 1
    assert not bench.media.opened


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"INVITE", b"\0" * 40, b"INVITE sip:1 SIP/2.0\r\n\r\n", b"\xff\xfe"]
)
def test_nonsense(bench: PyVoipBench, data: bytes) -> None:
    bench.receive(data)
    bench.expect_silence()


def test_what_pyvoip_can_not_read_is_refused(bench: PyVoipBench, phone: Phone) -> None:
    """Sound for us, but pyVoIP's parser breaks on a header without a blank behind its colon."""
    bench.receive(phone.write("INVITE", sdp()).replace("From: <sip:", "From: <tel:"))
    bench.expect(500)
    phone.send("ACK", branch=phone.branch)
    assert not bench.media.open_streams
