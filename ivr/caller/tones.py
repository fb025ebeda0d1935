"""Keys as two tones in the sound itself (ITU-T Q.23), for lines that know no other way. Pure."""

from __future__ import annotations

from functools import cache

import numpy as np

from speech.g711 import FRAME_BYTES, encode_alaw, encode_ulaw

RATE = 8000
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
ROWS = ("123A", "456B", "789C", "*0#D")
LEVEL = 6000
"""Of 32767 a tone: about -9 dBm0 both together, as telephones send."""


@cache
def tone_frames(key: str, ms: int, law: str) -> tuple[bytes, ...]:
    """The key's tones as 20 ms frames; the last one is filled up with silence. Raises ValueError for no key."""
    row = next((row for row, keys in enumerate(ROWS) if key in keys), None)
    if row is None or len(key) != 1:
        raise ValueError(f"{key!r} is no key of a telephone")
    low, high = LOW[row], HIGH[ROWS[row].index(key)]
    count = RATE * ms // 1000
    at = np.arange(count) / RATE
    tones = LEVEL * (np.sin(2 * np.pi * low * at) + np.sin(2 * np.pi * high * at))
    samples = np.zeros(-(-count // FRAME_BYTES) * FRAME_BYTES, dtype=np.int16)
    samples[:count] = tones.astype(np.int16)
    data = encode_ulaw(samples) if law == "ulaw" else encode_alaw(samples)
    return tuple(data[start : start + FRAME_BYTES] for start in range(0, len(data), FRAME_BYTES))
