"""Whether a retailer may be called at this moment: consent, windows, caps, spacing, and whether there is a reason.

Pure. Asked when the campaign is planned, when the call is dialled, when it rings and when it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

CAP_DAYS = 30

NeverReason = Literal[
    "refused",  # said so once, on any channel: final
    "no_consent",  # nobody has a proof that it may be called
    "ordered",  # on any channel
    "suspended",
    "not_due",
    "past_cutoff",
    "closed",
    "no_phone",
    "called_enough",  # the caps of day or month
]
LaterReason = Literal["outside_window", "too_soon"]


@dataclass(frozen=True, slots=True)
class CallingRules:
    """When and how often. `windows` are local times of day [from, to); `spacing_s` lies between two rings."""

    zone: ZoneInfo
    windows: tuple[tuple[time, time], ...] = ((time(9), time(12)), (time(14), time(20)))
    per_day: int = 2
    per_month: int = 3
    spacing_s: int = 1800


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a retailer at this moment. `rang` are its calls of the last 30 days, on whatever number of it.

    `covers_more`: the consent allows more calls than the caps. `until` is the cut-off: later there is no reason.
    """

    consent: Literal["given", "refused", "none"]
    may_order: Literal["yes", "suspended", "not_due", "past_cutoff", "closed"]
    ordered: bool
    has_phone: bool
    rang: tuple[datetime, ...]
    until: datetime
    covers_more: bool = False
    is_notice: bool = False


@dataclass(frozen=True, slots=True)
class Now:
    """It may be called."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not before this moment."""

    at: datetime
    reason: LaterReason


@dataclass(frozen=True, slots=True)
class Never:
    """Not within this campaign."""

    reason: NeverReason


Verdict = Now | Later | Never


def may_call(facts: Facts, now: datetime, rules: CallingRules) -> Verdict:
    """The rule that forbids it first, the final ones before the passing ones."""
    if never := _never(facts, now, rules):
        return Never(never)
    later = _later(facts, now, rules)
    if later is None:
        return Now()
    return Never("past_cutoff") if later.at >= facts.until else later


def _never(facts: Facts, now: datetime, rules: CallingRules) -> NeverReason | None:
    if facts.consent != "given":
        return "refused" if facts.consent == "refused" else "no_consent"
    if not facts.has_phone:
        return "no_phone"
    if facts.may_order == "closed":
        return "closed"
    if not facts.is_notice:
        if facts.ordered:
            return "ordered"
        if facts.may_order != "yes":
            return facts.may_order
    if now >= facts.until:
        return "past_cutoff"
    return "called_enough" if _called_enough(facts, now, rules) else None


def _called_enough(facts: Facts, now: datetime, rules: CallingRules) -> bool:
    if facts.covers_more:
        return False
    today = now.astimezone(rules.zone).date()
    of_today = sum(at.astimezone(rules.zone).date() == today for at in facts.rang)
    of_month = sum(at > now - timedelta(days=CAP_DAYS) for at in facts.rang)
    return of_today >= rules.per_day or of_month >= rules.per_month


def _later(facts: Facts, now: datetime, rules: CallingRules) -> Later | None:
    earliest, reason = now, None
    if facts.rang and (free := max(facts.rang) + timedelta(seconds=rules.spacing_s)) > now:
        earliest, reason = free, "too_soon"
    opens = next_open(earliest, rules)
    if opens > earliest:
        return Later(opens, "outside_window")
    return Later(earliest, "too_soon") if reason else None


def next_open(at: datetime, rules: CallingRules) -> datetime:
    """This moment if it lies in a window, else when the next one opens; right on days of 23 and 25 hours too."""
    at = at.astimezone(UTC)
    today = at.astimezone(rules.zone).date()
    for days in range(8):
        day = today + timedelta(days=days)
        for opens, closes in sorted(rules.windows):
            begin, end = _moment(day, opens, rules.zone), _moment(day, closes, rules.zone)
            if at < begin:
                return begin
            if at < end:
                return at
    raise ValueError("no window opens within a week: correct the calling windows")


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """As UTC: aware times of one zone are compared by their wall clocks, which is wrong on the night clocks change."""
    return datetime.combine(day, clock, zone).astimezone(UTC)
