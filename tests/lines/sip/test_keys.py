"""Keys by INFO, by sound and by both at once; what else a stream tells."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.port import Gone, Interrupted, Key, PlayEnded
from ivr.media.port import ClipsEnded, StreamKey, StreamRestarted
from tests.lines.sip.bench import Bench, Phone

Benches = Callable[..., Bench]
MOVED = "m=audio 45000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


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
    bench.clock.advance(0.079)
    info("2")  # a bounce
    bench.clock.advance(0.081)
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
