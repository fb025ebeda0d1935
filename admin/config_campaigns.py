"""The section of the configuration about calling retailers out: `[campaigns]`."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from admin.config_sections import Asterisk, Section, Sip

_WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
Minutes = Annotated[int, Field(ge=1, le=1440)]


def _window(text: str) -> str:
    if not _WINDOW.fullmatch(text) or text[:5] >= text[6:]:
        raise ValueError(f"{text!r} is no window of the day; write e.g. 09:00-12:00")
    return text


Window = Annotated[str, AfterValidator(_window)]


class CampaignRetry(Section):
    """Minutes until a retailer is tried again, by what came of the last call; anything else is final."""

    no_answer: Minutes = Field(default=45, description="it rang, nobody came")
    busy: Minutes = Field(default=30, description="busy")
    declined: Minutes = Field(default=60, description="the call was turned down")
    hung_up: Minutes = Field(default=60, description="hung up before it had heard anything")
    voicemail: Minutes = Field(default=60, description="a machine answered")
    no_key: Minutes = Field(default=60, description="heard it all and pressed nothing")
    later: Minutes = Field(default=60, description="asked to be called later")
    bad_number: Minutes = Field(default=30, description="no such number; then the backup phone is tried")
    line_failed: Minutes = Field(default=1, description="our line failed; the retailer heard nothing")
    not_known: Minutes = Field(default=30, description="our node died while dialling")
    most: int = Field(default=3, ge=1, le=10, description="calls of one campaign to one retailer")


class Campaigns(Section):
    """Reminder calls and notices to retailers, who agreed to them (`orderline import consents`)."""

    enabled: bool = Field(default=False, description="whether this node calls out")
    lines: tuple[Literal["asterisk", "sip"], ...] = Field(
        default=("asterisk", "sip"), min_length=1, description="by which lines, the best liked first"
    )
    ports: int = Field(default=30, ge=1, le=2000, description="calls at once in both directions that the lines carry")
    most: int = Field(default=8, ge=1, le=2000, description="calls out at once")
    starts_per_s: float = Field(default=2.0, gt=0, le=50, description="calls begun in a second, at most")
    reserve: float = Field(default=0.25, ge=0, le=1, description="share of ports kept free for retailers who call")
    reserve_at_cutoff: float = Field(default=0.5, ge=0, le=1, description="the same at the cut-off")
    reserve_grows_min: int = Field(
        default=120, ge=0, le=1440, description="how long before the cut-off it begins to grow"
    )
    ring_s: float = Field(default=30.0, ge=5, le=120, description="how long a telephone may ring")
    caller_id: str = Field(
        default="", pattern=r"^[+0-9]{0,20}$", description="the number shown; empty: the line's own caller_id"
    )
    callback_number: str = Field(
        default="", pattern=r"^[+0-9]{0,20}$", description="the number told to answering machines; empty: none"
    )
    windows: tuple[Window, ...] = Field(
        default=("09:00-12:00", "14:00-20:00"), min_length=1, description="when retailers may be called, local time"
    )
    per_day: int = Field(default=2, ge=1, le=10, description="calls to one retailer in a day, on all its numbers")
    per_month: int = Field(default=3, ge=1, le=60, description="the same in 30 days, unless its consent covers more")
    spacing_min: Minutes = Field(default=30, description="minutes between two calls to one retailer")
    phone_task_after: int = Field(
        default=3, ge=1, le=20, description="failed calls after which a person is to look into a number"
    )
    remind_before_min: int = Field(
        default=0, ge=0, le=1440, description="minutes before each cut-off to remind who has not ordered; 0: never"
    )
    retry: CampaignRetry = Field(default=CampaignRetry(), description=CampaignRetry.__doc__)

    def windows_of_day(self) -> tuple[tuple[time, time], ...]:
        """The windows as times of day."""
        return tuple((time.fromisoformat(window[:5]), time.fromisoformat(window[6:])) for window in self.windows)


def campaign_problems(campaigns: Campaigns, sip: Sip, asterisk: Asterisk) -> list[str]:
    """What does not fit, each with what to do."""
    problems = []
    if campaigns.reserve > campaigns.reserve_at_cutoff:
        problems.append("campaigns.reserve is greater than campaigns.reserve_at_cutoff: it grows, so lower it")
    if not campaigns.enabled:
        return problems
    by_sip = sip.enabled and bool(sip.outbound or sip.registrar.server)
    if not any({"asterisk": asterisk.enabled, "sip": by_sip}[line] for line in campaigns.lines):
        problems.append(
            "campaigns.enabled needs a line that calls out: asterisk.enabled, or sip.outbound, and its name in "
            "campaigns.lines"
        )
    carried = sip.max_calls * by_sip + asterisk.max_calls * asterisk.enabled
    if carried and campaigns.ports > carried:
        problems.append(f"campaigns.ports = {campaigns.ports}, but the lines carry {carried} calls: lower it")
    return problems
