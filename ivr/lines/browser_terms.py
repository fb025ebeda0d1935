"""What the browser line takes and what it refuses: limits, keys, numbers made clean, refusals by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

KEYS = frozenset("0123456789*#ABCD")
LONGEST_HEARD_MS = 600_000
_NOT_IN_NUMBERS = re.compile(r"[^0-9*#A-D+]")


class UnknownCall(LookupError):
    """No such call, or its page was told long ago that it is over."""


class LineFull(RuntimeError):
    """As many calls as this line takes are in progress, or the line is closed."""


class BadKey(ValueError):
    """The page sent what no keypad can send; the message says what is wrong."""


class KeysMissing(ValueError):
    """Keys between the last one and this one have not come; `expected` is the number to go on from."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"keys from number {expected} on have not come")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """Limits of the browser line; times in seconds.

    dead_after_s     a page that has not asked for this long is gone (it asks at least every `longest_wait_s`)
    kept_after_end_s how long an ended call can still be asked for its last commands
    play_grace_s     a page that does not report the end of a sound is taken to have heard it this long after
    """

    most_calls: int = 20
    most_commands: int = 200
    dead_after_s: float = 15.0
    longest_wait_s: float = 8.0
    kept_after_end_s: float = 30.0
    play_grace_s: float = 6.0
    sweep_every_s: float = 0.5
    secret_prompts: frozenset[str] = frozenset({"pin_wanted"})


def clean_number(number: str) -> str:
    """A caller's number as any line may report it: at most 32 of `0-9 * # A-D` after one `+`; "" for none."""
    kept = _NOT_IN_NUMBERS.sub("", number)
    plus = "+" if kept.startswith("+") else ""
    digits = kept.replace("+", "")[:32]
    return plus + digits if digits else ""
