"""Whatever comes, in whatever order: no exception, no second end, nothing left behind."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.lines.port import Arrived, Gone, Key
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.reading import read
from ivr.media.port import StreamKey
from tests.lines.sip.bench import PEER, Bench, Phone, sdp

Benches = Callable[..., Bench]
STRANGER = Hop("UDP", "203.0.113.66", 5060)

VIA = "Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKx;rport"
SOUND = {
    "line": "OPTIONS sip:4001@127.0.0.1 SIP/2.0",
    "via": VIA,
    "from": "From: <sip:1@x>;tag=a",
    "to": "To: <sip:2@y>",
    "call-id": "Call-ID: c1",
    "cseq": "CSeq: 1 OPTIONS",
}


TOKENS = st.sampled_from(
    [
        *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "NOTIFY", "REFER", "sip:4001@127.0.0.1"),
        *("SIP/2.0", "SIP/2.0 200 OK", "\r\n", "\r\n\r\n", ":", ";", "=", ",", "<", ">", '"', "\\", "tag=a", "branch="),
        *("z9hG4bKx", "Via: SIP/2.0/UDP 127.0.0.1:5080", "From: <sip:1@x>", "To: <sip:2@y>", "Call-ID: c", "CSeq: 1 "),
        *(
            "Content-Length: ",
            "Content-Type: application/sdp",
            "Contact: ",
            "Require: ",
            "v=0",
            "m=audio ",
            "a=rtpmap:",
        ),
        *("c=IN IP4 ", "-1", "0", "99999999999999999999", "\0", "é", "％", " ", "\t", "[::1]", "%00"),
    ]
)
RELAXED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(st.one_of(st.binary(max_size=400), st.lists(TOKENS, max_size=40).map(lambda parts: "".join(parts).encode())))
def test_reading_never_raises(data: bytes) -> None:
    read(data, PEER)


@RELAXED
@given(
    st.randoms(use_true_random=False), st.sampled_from(["INVITE", "OPTIONS", "BYE", "INFO", "UPDATE", "CANCEL", "ACK"])
)
def test_damaged_messages_never_hurt_the_line(rnd: random.Random, method: str) -> None:
    """Sound messages with bytes changed, cut out, doubled and swapped, before, within and after a call."""
    bench = Bench(peers=("127.0.0.0/8",))
    phone = Phone(bench)
    phone.call()
    bench.told()
    for number in range(6):
        body = sdp() if method in ("INVITE", "UPDATE") else ""
        text = phone.write(method, body, cseq=20 + number).encode()
        bench.receive(damaged(text, rnd))
        bench.endpoint.heard_stream("call-1", StreamKey("1", 0.0, 0))
    told = bench.told()
    assert sum(isinstance(event, Gone) for event in told) <= 1
    assert Gone not in [type(event) for event in told[:-1]]
    assert all(isinstance(event, Key | Gone) for event in told)
    bench.sent.clear()
    bench.finish()


@RELAXED
@given(st.lists(st.sampled_from("IiaAcCbBHrtoO1h"), max_size=14), st.randoms(use_true_random=False))
def test_no_order_of_events_leaves_a_call_behind(steps: list[str], rnd: random.Random) -> None:
    """Any order of both sides' doings: at most one end a call, nothing after it, and nothing left at the end."""
    bench = Bench()
    phone = Phone(bench)
    sent: list[str] = []
    for step in steps:
        leg = bench.endpoint.leg("call-1")
        match step:
            case "I":
                sent.append(phone.send("INVITE", sdp(), cseq=max(phone.cseq, 1)))
            case "i" if sent:
                bench.receive(rnd.choice(sent))
            case "a" if leg is not None and leg.dialog.local_tag:
                phone.line_tag = leg.dialog.local_tag
                phone.cseq = max(phone.cseq, 1)
                phone.send("ACK", cseq=rnd.choice([1, phone.cseq]))
            case "A" if leg is not None:
                leg.answer()  # type: ignore[attr-defined]
            case "c":
                sent.append(phone.send("CANCEL", cseq=1))
            case "C":
                bench.clock.advance(rnd.choice([0.1, 0.6, 5, 33]))
            case "b":
                sent.append(phone.send("BYE"))
            case "B" | "H" if leg is not None:
                leg.hang_up()
            case "r" if leg is not None:
                leg.reject("busy")  # type: ignore[attr-defined]
            case "t" if leg is not None:
                leg.transferring.begin("8001")
            case "o" | "O":
                for message in list(bench.sent):
                    if message.method in ("BYE", "REFER", "OPTIONS", "UPDATE") and rnd.random() < 0.5:
                        phone.reply(message, rnd.choice([100, 200, 202, 481, 500]))
                bench.sent.clear()
            case "1":
                bench.endpoint.heard_stream("call-1", StreamKey("1", 0.0, 0))
            case "h" if phone.line_tag:
                sent.append(phone.send("INVITE", sdp()))
    for call in {call for call, _ in bench.events}:
        told = bench.told(call)
        assert isinstance(told[0], Arrived)
        assert sum(isinstance(event, Gone) for event in told) <= 1
        assert not any(isinstance(event, Gone) for event in told[:-1])
    bench.sent.clear()
    bench.finish()


def damaged(text: bytes, rnd: random.Random) -> bytes:
    data = bytearray(text)
    for _ in range(rnd.randrange(1, 5)):
        at = rnd.randrange(len(data) + 1)
        match rnd.randrange(6):
            case 0:
                del data[at : at + rnd.randrange(1, 30)]
            case 1:
                data[at:at] = rnd.randbytes(rnd.randrange(1, 8))
            case 2:
                data[at:at] = data[at : at + rnd.randrange(1, 60)]
            case 3 if data:
                data[at % len(data)] = rnd.randrange(256)
            case 4:
                data = data[:at]
            case 5:
                data[at:at] = rnd.choice([b"\r\n", b"\n\n", b":", b";", b",", b"<", b'"', b"%", b"\0", b"99999999999"])
    return bytes(data)


def test_five_hundred_calls_leave_nothing(bench: Bench) -> None:
    for number in range(500):
        phone = Phone(bench, call_id=f"c{number}", tag=f"t{number}")
        if number % 5 == 4:
            phone.invite()
            phone.send("CANCEL", cseq=1)
            bench.sent.clear()
            continue
        phone.call()
        call = bench.media.opened[-1]
        if number % 5 == 0:
            phone.send("BYE")
        elif number % 5 == 1:
            bench.hang_up(call)
            phone.reply(bench.expect_request("BYE"), 200)
        elif number % 5 == 2:
            bench.hang_up(call)
            phone.send("BYE")
        else:
            bench.hang_up(call)  # and nobody ever answers
        bench.sent.clear()
    assert bench.endpoint.calls == []
    assert not bench.media.open_streams
    bench.clock.advance(33)
    bench.sent.clear()
    assert bench.endpoint.remembered == 0
    assert bench.clock.pending == 0
    assert len(bench.media.opened) == 500
