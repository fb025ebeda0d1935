"""ITU-T G.711: 16-bit samples to µ-law and A-law bytes and back, by table, whole arrays at a time.

The tables are made from the formulae of the recommendation when the module is first used; nothing is measured here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5
FRAME_BYTES = 160
"""20 ms at 8 kHz."""


def encode_ulaw(samples: Samples) -> bytes:
    """One µ-law byte a sample."""
    table: NDArray[np.uint8] = _encoder(_ulaw_values())
    return table[samples.astype(np.int32) + 32768].tobytes()


def encode_alaw(samples: Samples) -> bytes:
    """One A-law byte a sample."""
    table: NDArray[np.uint8] = _encoder(_alaw_values())
    return table[samples.astype(np.int32) + 32768].tobytes()


def decode_ulaw(data: bytes | memoryview) -> Samples:
    """One sample a µ-law byte, full 16-bit scale."""
    return _decoder(_ulaw_values())[np.frombuffer(data, np.uint8)]


def decode_alaw(data: bytes | memoryview) -> Samples:
    """One sample an A-law byte, full 16-bit scale."""
    return _decoder(_alaw_values())[np.frombuffer(data, np.uint8)]


@cache
def _ulaw_values() -> tuple[int, ...]:
    """The sample of each µ-law byte: sign, 3-bit segment, 4-bit step, all inverted on the wire, bias 33 × 4."""
    values = []
    for byte in range(256):
        code = ~byte & 0xFF
        magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)) - 0x84
        values.append(-magnitude if code & 0x80 else magnitude)
    return tuple(values)


@cache
def _alaw_values() -> tuple[int, ...]:
    """The sample of each A-law byte: even bits inverted on the wire (0x55), positive sign bit set."""
    values = []
    for byte in range(256):
        code = byte ^ 0x55
        segment, step = (code >> 4) & 0x07, code & 0x0F
        magnitude = (step << 4) + 8 if segment == 0 else ((step << 4) + 0x108) << (segment - 1)
        values.append(magnitude if code & 0x80 else -magnitude)
    return tuple(values)


@cache
def _decoder(values: tuple[int, ...]) -> Samples:
    return np.array(values, dtype=np.int16)


@cache
def _encoder(values: tuple[int, ...]) -> NDArray[np.uint8]:
    """For each of the 65,536 samples the byte whose value is nearest."""
    # µ-law has two zeros; silence is written as 0xFF everywhere, so the greater byte comes first.
    order = sorted(range(256), key=lambda byte: (values[byte], -byte))
    levels = np.array([values[byte] for byte in order], dtype=np.int32)
    codes = np.array(order, dtype=np.uint8)
    borders = (levels[1:] + levels[:-1]) / 2
    samples = np.arange(-32768, 32768)
    return codes[np.searchsorted(borders, samples, side="left")]
