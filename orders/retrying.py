"""When to try again, and when to give up: pure decisions over attempts and times.

The schedule holds in the field for sales systems that are down over a night; jitter keeps a backlog from knocking at
one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FIELD_SCHEDULE_S = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Seconds to wait after the first, second … failure; after the last one the order is dead.

    `jitter` is the share of each wait that is random. `link_down_after` failures in a row close the sales link.
    """

    waits_s: tuple[int, ...] = FIELD_SCHEDULE_S
    jitter: float = 0.2
    link_down_after: int = 2
    probe_every_s: int = 15

    def next_attempt(self, attempts: int, now: datetime, chance: float) -> datetime | None:
        """When to try again after so many attempts, None when that was the last; `chance` is random in [0, 1)."""
        if attempts > len(self.waits_s):
            return None
        wait = self.waits_s[attempts - 1]
        return now + timedelta(seconds=wait * (1 - self.jitter + 2 * self.jitter * chance))
