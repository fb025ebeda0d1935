"""What can come of a call to a retailer, and when it is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orders.values import CallResult

Outcome = CallResult


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Seconds until the next try by outcome; an outcome that is not named is final. `most` tries in one campaign."""

    wait_s: dict[str, int] = field(
        default_factory=lambda: {
            "no_answer": 2700,
            "busy": 1800,
            "declined": 3600,
            "hung_up_early": 3600,
            "voicemail": 3600,
            "no_key": 3600,
            "asked_later": 3600,
            "bad_number": 1800,
            "line_failed": 60,
            "not_known": 1800,
        }
    )
    most: int = 3
    bad_number: tuple[str, ...] = ("bad_number", "no_answer")
    phone_task_after: int = 3


def after(outcome: Outcome, tries: int, now: datetime, retry: RetryPlan) -> datetime | None:
    """When to try again after so many tries, None when this was the last."""
    wait = retry.wait_s.get(outcome)
    if wait is None or (tries >= retry.most and outcome != "line_failed"):
        return None
    return now + timedelta(seconds=wait)
