"""The state of one conversation: a frozen value that any node or line can go on from.

Only plain values and values of the domain: it is stored as JSON after every event. A PIN is never in here, only how
many of its digits were keyed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ivr.dialogue.actions import Pace
from ivr.dialogue.settings import Settings
from orders.values import (
    Basket,
    CallResult,
    Errand,
    Language,
    LimitReason,
    Offer,
    OrderSummary,
    RetailerCard,
    Standing,
)
from speech.prompt import Prompt

FLOW_VERSION = 2
"""Grows when stored states of calls in progress could no longer be understood."""

SECRET_DIGIT = "?"  # noqa: S105 (a mask, the very opposite of a secret)
"""What stands in `entry` for each digit of a PIN."""


@dataclass(frozen=True, slots=True)
class CallState:
    """Where one call stands. `generation` grows with everything said or timed, so that stale reports are recognised.

    entry        digits keyed so far at this stage
    misses       silences and wrong entries in a row at this stage
    surprised    the caller could not foresee what is being said: keys from before it was heard are dropped
    heard        what was said was heard to its end, or far enough that a key answered it
    said         what was said last, for `9` and for a line that was interrupted; `said_notices` of it were notices
    transfer_asked  the line is trying to reach an agent
    back_to      the stage to return to from the agents' stages
    notices      what is to be said once the call-back request is stored
    errand       why we called, None when the retailer did
    result       what came of our call, as far as a key or its absence has decided it
    then         where the talk about one article returns to: the next article, or the read-back
    """

    flow: int = FLOW_VERSION
    stage: str = "arriving"
    settings: Settings = field(default_factory=Settings)
    caller: str = ""
    called: str = ""
    line: str = ""
    language: Language = "zh"
    pace: Pace = "normal"
    generation: int = 0
    entry: str = ""
    misses: int = 0
    surprised: bool = False
    heard: bool = False
    said: tuple[Prompt, ...] = ()
    said_notices: int = 0
    cards: tuple[RetailerCard, ...] = ()
    retailer_id: int = 0
    standing: Standing | None = None
    owns_draft: bool = False
    wants_second: bool = False
    basket: Basket = field(default_factory=lambda: Basket(version=0))
    offer: Offer | None = None
    requested: int = 0
    limit: int = 0
    limit_reason: LimitReason = ""
    substitute: Offer | None = None
    replaces: str = ""
    then: str = "awaiting_article"
    order: OrderSummary | None = None
    sales_open: bool = True
    back_to: str = ""
    transfer_asked: bool = False
    notices: tuple[Prompt, ...] = ()
    reason: str = ""
    errand: Errand | None = None
    result: CallResult | Literal[""] = ""

    @property
    def ended(self) -> bool:
        return self.stage == "ended"
