"""What a conversation wants done, as imperative plain values: the first group by the line, the second by the domain.

The domain's actions (`Ask`) are answered by one event each, inside the same transaction; the line's actions are done
after the commit, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orders.values import CallResult, Language
from speech.prompt import Prompt

Pace = Literal["normal", "slow"]


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """Pick up."""


@dataclass(frozen=True, slots=True)
class PlayPrompts:
    """Say these, in place of whatever is being said; any key interrupts. `PromptsEnded(generation)` answers.

    The first `notices` of them stand before a question that was not heard yet.
    """

    prompts: tuple[Prompt, ...]
    language: Language
    pace: Pace
    generation: int
    notices: int = 0


@dataclass(frozen=True, slots=True)
class ArmTimer:
    """One timer a call: this replaces the one before. `TimerExpired(generation)` answers, unless disarmed.

    `after_sound`: counted from when what is being said should have come to its end.
    """

    generation: int
    after_ms: int
    after_sound: bool = False


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Hand the caller to the agents."""

    target: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call after what has been said was heard."""


@dataclass(frozen=True, slots=True)
class FindRetailersByPhone:
    number: str


@dataclass(frozen=True, slots=True)
class FindRetailersByLicence:
    digits: str


@dataclass(frozen=True, slots=True)
class CheckPin:
    """The runner holds the keys in memory; this names only how many there should be."""

    retailer_id: int
    keys: int


@dataclass(frozen=True, slots=True)
class LearnStanding:
    retailer_id: int


@dataclass(frozen=True, slots=True)
class OpenDraft:
    retailer_id: int
    order_day: str
    take_over: bool = False
    anew: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """Without an answer: it can't fail in a way the caller could act on."""


@dataclass(frozen=True, slots=True)
class FillUsual:
    pass


@dataclass(frozen=True, slots=True)
class FindArticle:
    code: str


@dataclass(frozen=True, slots=True)
class PutLine:
    code: str
    requested: int
    settle: Literal["ask", "limit"] = "ask"
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class ReviewBasket:
    pass


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place what was read back: this version of the draft at this total (fen; 0: not known, from an older record)."""

    version: int
    amount_fen: int = 0


@dataclass(frozen=True, slots=True)
class FindOrders:
    retailer_id: int


@dataclass(frozen=True, slots=True)
class FindAllocation:
    retailer_id: int


@dataclass(frozen=True, slots=True)
class RequestCallback:
    retailer_id: int
    number: str
    reason: str
    stage: str


@dataclass(frozen=True, slots=True)
class CheckErrand:
    """Of a call that we made: is there still a reason for it, now that it is answered?"""


@dataclass(frozen=True, slots=True)
class PromiseCall:
    """The retailer asks to be called later."""


@dataclass(frozen=True, slots=True)
class RefuseCalls:
    """The retailer does not want to be called any more: final at once."""


@dataclass(frozen=True, slots=True)
class SettleErrand:
    """What came of a call that we made, with its end. Without an answer, as `ReleaseDraft`."""

    result: CallResult


LineAction = AnswerCall | PlayPrompts | ArmTimer | TransferCall | HangUp
Ask = (
    FindRetailersByPhone
    | FindRetailersByLicence
    | CheckPin
    | LearnStanding
    | OpenDraft
    | ReleaseDraft
    | FillUsual
    | FindArticle
    | PutLine
    | ReviewBasket
    | PlaceOrder
    | FindOrders
    | FindAllocation
    | RequestCallback
    | CheckErrand
    | PromiseCall
    | RefuseCalls
    | SettleErrand
)
Action = LineAction | Ask
