"""Settings that can't work are refused; frames of a stream are found."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.lines.sip.framing import Framer, StreamBroken
from ivr.lines.sip.settings import RegistrarSettings, SipSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"peers": ("300.1.1.1",)}, "sip.peers"),
        ({"trusted_peers": ("x",)}, "sip.trusted_peers"),
        ({"laws": ()}, "sip.laws"),
        ({"laws": ("g729",)}, "sip.laws"),
        ({"port": 70000}, "sip.port"),
        ({"min_session_s": 30}, "sip.min_session_s"),
        ({"advertised_host": "pbx.example"}, "sip.advertised_host"),
        ({"username": 'a"b'}, "sip.username"),
    ],
)
def test_settings_that_can_not_work(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SipSettings(**settings)


@pytest.mark.parametrize("aor", ["600@pbx", "sip:600", "sip:6 00@pbx", "sip:600@pbx>\r\n"])
def test_registrars_that_can_not_work(aor: str) -> None:
    with pytest.raises(ValueError, match=r"registrar\.aor"):
        RegistrarSettings(aor, ("127.0.0.1", 5060), "600", "x")


def test_frames_bit_by_bit() -> None:
    framer = Framer()
    whole = b"OPTIONS x\r\nContent-Length: 3\r\n\r\nabc"
    found = [message for byte in b"\r\n\r\n" + whole + b"\r\n" + whole for message in framer.feed(bytes([byte]))]
    assert found == [whole, whole]
    assert framer.pings == 1


def test_a_head_without_an_end() -> None:
    framer = Framer()
    for _ in range(1000):
        framer.feed(b"X: yyyyyyyyyy\r\n")
    with pytest.raises(StreamBroken, match="without an end"):
        framer.feed(b"X: yyyyyyyyyy\r\n" * 1000)
