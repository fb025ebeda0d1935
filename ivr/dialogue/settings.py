"""The numbers a conversation runs by, taken from the configuration when the call arrives and kept with its state.

They travel in `CallArrived`, so that a call goes on under the numbers it began with, on any node, and a replay decides
as the call did.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in milliseconds; counts are whole. `agents` is the transfer target, "" while there are none."""

    first_key_ms: int = 6000
    between_keys_ms: int = 4000
    heard_enough_ms: int = 400
    misses_allowed: int = 3
    most_cartons: int = 500
    recording: bool = False
    agents: str = ""
    slow_factor_percent: int = 160
