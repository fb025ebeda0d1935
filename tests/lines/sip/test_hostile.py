"""What strangers and broken phones send: an error or silence, never an exception, a second call or one that stays.

The cases are ours, in the spirit of RFC 4475; what is random comes from hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from ivr.lines.port import Arrived
from ivr.lines.sip.hop import Hop
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


def changed(**parts: str | None) -> bytes:
    """A sound OPTIONS with some lines changed, or left out (None)."""
    lines = [line for line in (SOUND | parts).values() if line is not None]
    return ("\r\n".join([*lines, "", ""])).encode()


# -- accepted though it looks strange


TORTUOUS = (
    "INVITE sip:4001;x=%20y@127.0.0.1:5062;unknownparam SIP/2.0\r\n"
    "TO :\r\n sip:4001@line.example ;  \r\n\tother = 1\r\n"
    'from   : "A \\" bc <x>" <sip:13800000001@peer.example>\r\n  ;\r\n  tag = 98asjd8\r\n'
    "MaX-fOrWaRdS: 0068\r\n"
    "Call-ID: tortuous.invite@127.0.0.1\r\n"
    "l: {length}\r\n"
    "cseq: 0009\r\n  INVITE\r\n"
    "v:  SIP  / 2.0  / UDP\r\n  127.0.0.1 : 5080 ; branch  = z9hG4bKtort ; rport\r\n"
    "s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    "Content-Type: application/sdp\r\n"
    'm:"Quoted string \\"\\"" <sip:1@127.0.0.1> ; newparam =\r\n      newvalue ; q = 0.33\r\n\r\n'
)


def test_a_strange_but_sound_invite(bench: Bench) -> None:
    bench.receive(TORTUOUS.replace("MaX-fOrWaRdS: 0068", "MaX-fOrWaRdS: 68").format(length=len(sdp())) + sdp())
    bench.expect(100)
    [arrived] = bench.told()
    assert isinstance(arrived, Arrived)
    assert arrived.caller == "13800000001"
    bench.answer()
    answer = bench.expect(200)
    assert answer["CSeq"].split() == ["0009", "INVITE"]
    bench.clock.advance(40)
    bench.sent.clear()


def test_short_names_of_headers(bench: Bench, phone: Phone) -> None:
    text = phone.write("INVITE", sdp())
    for name, short in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Contact", "m")):
        text = text.replace(f"\r\n{name}:", f"\r\n{short}:")
    bench.receive(text.replace("Content-Type", "c").replace("Content-Length", "l"))
    bench.expect(100)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\r\n", b"\0", b"  \r\n", b"\0\0\0\0"])
def test_keep_alives_are_no_messages(bench: Bench, data: bytes) -> None:
    with capture_logs() as logs:
        bench.receive(data)
    bench.expect_silence()
    assert logs == []


def test_bytes_behind_the_body_are_not_part_of_it(bench: Bench, phone: Phone) -> None:
    bench.receive(phone.write("INVITE", sdp()) + "INVITE sip:2@x SIP/2.0\r\nm=audio 0\r\n")
    bench.expect(100)
    assert len(bench.told()) == 1


# -- refused


FLAWED: list[tuple[str, bytes, int]] = [
    ("no From", changed(**{"from": None}), 400),
    ("no To", changed(to=None), 400),
    ("no Call-ID", changed(**{"call-id": None}), 400),
    ("no CSeq", changed(cseq=None), 400),
    ("no Via", changed(via=None), 0),
    ("two Froms", changed(more="From: <sip:9@x>;tag=b"), 400),
    ("two Call-IDs", changed(more="i: another"), 400),
    ("two lengths", changed(more="Content-Length: 0\r\nl: 5"), 400),
    ("From without a tag", changed(**{"from": "From: <sip:1@x>"}), 400),
    ("a tag within the URI only", changed(**{"from": "From: <sip:1@x;tag=a>"}), 400),
    ("CSeq of another method", changed(cseq="CSeq: 1 INVITE"), 400),
    ("CSeq too large", changed(cseq="CSeq: 36893488147419103232 OPTIONS"), 400),
    ("CSeq of 2^31", changed(cseq="CSeq: 2147483648 OPTIONS"), 400),
    ("CSeq negative", changed(cseq="CSeq: -1 OPTIONS"), 400),
    ("CSeq of other digits", changed(cseq="CSeq: ٣ OPTIONS"), 400),
    ("length negative", changed(more="Content-Length: -999"), 400),
    ("length of letters", changed(more="Content-Length: ten"), 400),
    ("length beyond the body", changed(more="Content-Length: 9999"), 400),
    ("length enormous", changed(more="Content-Length: 99999999999999999999"), 400),
    ("hops of letters", changed(more="Max-Forwards: many"), 400),
    ("version 7", changed(line="OPTIONS sip:4001@127.0.0.1 SIP/7.0"), 505),
    ("no version", changed(line="OPTIONS sip:4001@127.0.0.1"), 0),
    ("blanks in the URI", changed(line="OPTIONS sip:a b@127.0.0.1 SIP/2.0"), 400),
    ("blanks behind", changed(line="OPTIONS sip:4001@127.0.0.1 SIP/2.0 x"), 400),
    ("URI in brackets", changed(line="OPTIONS <sip:4001@127.0.0.1> SIP/2.0"), 416),
    ("scheme of the web", changed(line="OPTIONS http://x/ SIP/2.0"), 416),
    ("no scheme", changed(line="OPTIONS 4001 SIP/2.0"), 416),
    ("a method of colons", changed(line="OP:TIONS sip:1@x SIP/2.0", cseq="CSeq: 1 OP:TIONS"), 400),
    ("Via of HTTP", changed(via="Via: HTTP/1.1/TCP x"), 0),
    ("Via without a host", changed(via="Via: SIP/2.0/UDP ;branch=z9hG4bKx"), 0),
    ("Via of letters as port", changed(via="Via: SIP/2.0/UDP 1.2.3.4:port;branch=z9hG4bKx"), 0),
    ("Via with port 0", changed(via="Via: SIP/2.0/UDP 1.2.3.4:0;branch=z9hG4bKx"), 0),
    ("Via with port 99999", changed(via="Via: SIP/2.0/UDP 1.2.3.4:99999;branch=z9hG4bKx"), 0),
    ("Via of a word", changed(via="Via: nonsense"), 0),
    ("71 Vias", changed(via="\r\n".join([VIA] * 71)), 0),
    ("a header of 5,000 letters", changed(more="Subject: " + "x" * 5000), 400),
    ("300 headers", changed(more="\r\n".join(f"X-{n}: 1" for n in range(300))), 0),
    ("a zero byte", changed(more="Subject: a\0b"), 400),
    ("a Call-ID of two words", changed(**{"call-id": "Call-ID: a b"}), 400),
    ("a Call-ID of 300 letters", changed(**{"call-id": "Call-ID: " + "c" * 300}), 400),
    ("a first line only", b"OPTIONS sip:1@x SIP/2.0\r\n\r\n", 0),
    ("no line end", b"INVITE", 0),
    ("another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    ("STUN", bytes.fromhex("000100002112a442") + b"x" * 12, 0),
    ("RTP", bytes.fromhex("8000") + b"\1" * 170, 0),
    ("no UTF-8", b"\xff\xfe\xfd", 0),
    ("a status of letters", b"SIP/2.0 abc OK\r\n\r\n", 0),
    ("a status out of range", b"SIP/2.0 4294967301 better not break the receiver\r\n\r\n", 0),
]


@pytest.mark.parametrize(("data", "status"), [pytest.param(*case[1:], id=case[0]) for case in FLAWED])
def test_flawed_messages(bench: Bench, data: bytes, status: int) -> None:
    bench.receive(data)
    if status:
        refusal = bench.expect(status)
        assert refusal.hop == PEER
        assert refusal.tag("To")
    bench.expect_silence()
    assert bench.endpoint.remembered == 0
    assert bench.events == []


def test_a_flawed_ack_is_not_answered(bench: Bench) -> None:
    bench.receive(changed(line="ACK sip:1@x SIP/2.0", cseq="CSeq: 1 ACK", **{"from": None}))
    bench.expect_silence()


def test_responses_to_nothing(bench: Bench) -> None:
    for status in (100, 200, 486):
        bench.receive(
            f"SIP/2.0 {status} X\r\n{VIA}\r\nFrom: <sip:1@x>;tag=a\r\nTo: <sip:2@y>;tag=b\r\n"
            f"Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
        )
    bench.expect_silence()


def test_a_refusal_has_the_same_tag_each_time(bench: Bench) -> None:
    data = changed(cseq="CSeq: 1 INVITE")
    bench.receive(data)
    bench.receive(data)
    assert bench.expect(400)["To"] == bench.expect(400)["To"]


def test_more_requests_than_can_be_remembered(bench: Bench) -> None:
    bench.station.served._most = 10
    for number in range(30):
        Phone(bench, call_id=f"flood{number}", tag=f"f{number}").send("OPTIONS")
    statuses = [message.status for message in bench.sent]
    assert statuses == [200] * 10 + [503] * 20
    bench.sent.clear()
    bench.clock.advance(33)
    Phone(bench, call_id="after", tag="after").send("OPTIONS")
    bench.expect(200)


# -- strangers


@pytest.mark.parametrize("silent", [False, True])
def test_strangers(make_bench: Benches, silent: bool) -> None:
    bench = make_bench(silent_refusal=silent)
    stranger = Phone(bench, source=STRANGER)
    with capture_logs() as logs:
        for _ in range(50):
            stranger.send("INVITE", sdp())
            stranger.send("ACK")
            stranger.send("REGISTER")
        bench.receive(b"rubbish", STRANGER)
    assert [message.status for message in bench.sent] == ([] if silent else [403] * 100)
    bench.sent.clear()
    assert len(logs) == 1
    assert bench.endpoint.remembered == 0
    assert bench.events == []


def test_a_stranger_can_not_end_or_change_a_call(bench: Bench, phone: Phone) -> None:
    phone.call()
    thief = Phone(bench, source=STRANGER, tag=phone.tag, line_tag=phone.line_tag, cseq=5)
    for method in ("BYE", "INVITE", "INFO"):
        thief.send(method)
        bench.expect(403)
    assert bench.endpoint.calls == ["call-1"]
    assert len(bench.told()) == 1


# -- what is written back or reported never carries more than it should


@pytest.mark.parametrize(
    "user",
    [
        "1%0d%0aEvil:%201",
        "1\\r\\nEvil",
        "1;evil",
        '1"evil',
        "1<evil>",
        "1 evil",
        "\u202e12",
        "1\u2028Evil: 1",
        "'; DROP",
    ],
)
def test_numbers_carry_nothing_else(make_bench: Benches, user: str) -> None:
    bench = make_bench(trusted_peers=("127.0.0.0/8",))
    phone = Phone(bench, number=user, uri=f"sip:{user}@127.0.0.1".replace(" ", "+"))
    phone.send("INVITE", sdp(), more=f"P-Asserted-Identity: <sip:{user}@x>\r\n")
    for arrived in bench.told():
        assert isinstance(arrived, Arrived)
        assert set(arrived.caller + arrived.called) <= set("+0123456789*#ABCD")
    bench.sent.clear()
    bench.endpoint.close_calls()
    bench.sent.clear()


def test_lines_folded_into_a_header_stay_one_line(bench: Bench, phone: Phone) -> None:
    text = phone.write("OPTIONS").replace("To: <sip:4001@line.example>", "To: <sip:4001@line.example>\r\n\t;x=Evil: 1")
    bench.receive(text)
    answer = bench.expect(200)
    assert "evil" not in answer.headers
    assert "Evil" in answer["To"]
