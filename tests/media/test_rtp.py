"""RTP and telephone events: what is valid is read, what is hostile is dropped, each key counts once."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from ivr.media.rtp import KeyReceiver, KeySender, Packet, event_payload, parse


def packet(payload: bytes, *, first: int = 0x80, second: int = 0, timestamp: int = 5) -> memoryview:
    return memoryview(struct.pack("!BBHII", first, second, 7, timestamp, 99) + payload)


def test_a_plain_packet() -> None:
    parsed = parse(packet(b"x" * 160, second=0x88))
    assert parsed is not None
    assert (parsed.payload_type, parsed.marker, parsed.sequence, parsed.timestamp, parsed.ssrc) == (8, True, 7, 5, 99)
    assert bytes(parsed.payload) == b"x" * 160


def test_padding_extension_and_sources_are_left_out() -> None:
    padded = parse(packet(b"abc" + b"\0\0\3", first=0xA0))
    extended = parse(packet(b"\0\0\0\1" + b"EXTN" + b"abc", first=0x90))
    listed = parse(packet(b"SRC1" + b"abc", first=0x81))
    assert [bytes(one.payload) for one in (padded, extended, listed) if one] == [b"abc"] * 3


def test_lies_about_lengths_are_dropped() -> None:
    assert parse(packet(b"\xff", first=0xA0)) is None
    assert parse(packet(b"\0\0\xff\xff", first=0x90)) is None
    assert parse(packet(b"", first=0x8F)) is None
    assert parse(packet(b"", first=0x40)) is None
    assert parse(memoryview(b"")) is None
    assert parse(packet(b"x" * 60_000)) is None


@given(st.binary(max_size=200))
def test_no_bytes_are_fatal(data: bytes) -> None:
    parsed = parse(memoryview(data))
    if parsed:
        KeyReceiver().key(parsed)


def event(key: str, timestamp: int, *, end: bool = False, duration: int = 160) -> Packet:
    return Packet(
        101,
        marker=False,
        sequence=0,
        timestamp=timestamp,
        ssrc=1,
        payload=memoryview(event_payload(key, duration, end=end)),
    )


def test_each_key_once_whichever_packets_arrive() -> None:
    receiver = KeyReceiver()
    whole = [event("7", 100), event("7", 100), event("7", 100, end=True), event("7", 100, end=True)]
    assert [receiver.key(one) for one in whole] == ["7", None, None, None]
    assert receiver.key(event("7", 900, end=True)) == "7"  # only an end packet came: still a key
    assert receiver.key(event("7", 1800)) == "7"  # end packets were lost: the next key is told by its timestamp
    assert receiver.key(event("7", 900)) is None  # late


def test_bounces_are_told_by_the_other_sides_clock() -> None:
    receiver = KeyReceiver()
    pressed = [receiver.key(event("7", at)) for at in (0xFFFFFF00, 0x100, 0x37F, 0x600)]
    assert pressed == ["7", None, None, "7"]  # 64 ms, over the timestamp's wrap; 79.9 ms; 80.1 ms
    assert receiver.key(event("8", 0x610)) == "8"


def test_events_that_are_no_keys() -> None:
    receiver = KeyReceiver()
    for payload in (b"", b"\x01", b"\x10\x0a\x00\xa0", b"\xff\xff\xff\xff"):
        assert receiver.key(Packet(101, False, 0, 1, 1, memoryview(payload))) is None


def test_keys_sent_are_keys_received() -> None:
    sender, receiver, keys = KeySender(), KeyReceiver(), []
    sender.press("12#*0D9")
    timestamp = 0
    while sender.busy:
        timestamp += 160
        sent = sender.next(timestamp)
        if sent:
            keys.append(receiver.key(Packet(101, sent[2], 0, sent[0], 1, memoryview(sent[1]))))
    assert "".join(key for key in keys if key) == "12#*0D9"
