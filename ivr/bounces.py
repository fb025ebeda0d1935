"""One press, once: a worn key gives the same key twice within a moment, and no hand presses twice that fast.

Lines ask this before a key stops the sound: a bounce must neither count nor silence what is being said.
"""

from __future__ import annotations

from dataclasses import dataclass

BOUNCE_S = 0.08


@dataclass(slots=True)
class Bounces:
    """Of one call, by one way that keys come. Times are seconds of any clock, the caller's own where there is one."""

    _key: str = ""
    _at: float = 0.0

    def is_bounce(self, key: str, at: float) -> bool:
        """Whether this is still the press before; a clock that went back makes none."""
        bounced = key == self._key and 0 <= at - self._at < BOUNCE_S
        self._key, self._at = key, at
        return bounced
