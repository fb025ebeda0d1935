"""G.711 against its own tables: every code survives the round trip, silence is silence, the error is the law's."""

from __future__ import annotations

import numpy as np
import pytest

from speech.g711 import ALAW_SILENCE, ULAW_SILENCE, decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

EVERY = bytes(range(256))


def test_every_code_comes_back() -> None:
    assert encode_alaw(decode_alaw(EVERY)) == EVERY
    # The two zeros of the law are one sample: both come back as the one that silence is written with.
    assert encode_ulaw(decode_ulaw(EVERY)) == EVERY.replace(b"\x7f", b"\xff")


def test_silence() -> None:
    nothing = np.zeros(3, np.int16)
    assert encode_ulaw(nothing) == bytes([ULAW_SILENCE]) * 3
    assert set(np.abs(decode_alaw(encode_alaw(nothing)))) == {8}
    assert decode_alaw(bytes([ALAW_SILENCE]))[0] == 8


@pytest.mark.parametrize(("encode", "decode"), [(encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)])
def test_the_error_is_that_of_the_law(encode, decode) -> None:  # type: ignore[no-untyped-def]
    tone = (np.sin(np.arange(8000) / 3) * 8000).astype(np.int16)
    noise = tone.astype(float) - decode(encode(tone))
    assert 10 * np.log10(np.mean(tone.astype(float) ** 2) / np.mean(noise**2)) > 36


def test_the_edges_of_the_scale() -> None:
    edges = np.array([-32768, -1, 1, 32767], np.int16)
    for encode, decode in ((encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)):
        again = decode(encode(edges))
        assert list(np.sign(again)) in ([-1, 0, 0, 1], [-1, -1, 1, 1])
        assert abs(int(again[0])) > 31_000
