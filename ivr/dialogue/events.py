"""What a conversation is told: what the caller did, what the line did, what the domain answered.

Past tense, plain values. `at_ms` counts from the call's arrival. The first group comes from lines and timers; the
second answers actions of `ivr.dialogue.actions`, one to one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ivr.dialogue.settings import Settings
from orders.values import (
    AllocationLine,
    Basket,
    Errand,
    LineVerdict,
    Offer,
    OrderSummary,
    PinVerdict,
    Placement,
    RetailerCard,
    Standing,
)


@dataclass(frozen=True, slots=True)
class CallArrived:
    """A retailer dialled in. `caller` is "" when the number is withheld; `line` names the line it came on.

    With an `errand` it is we who called, and the retailer, whose number is `caller`, has picked up.
    """

    caller: str
    called: str
    line: str
    settings: Settings = field(default_factory=Settings)
    errand: Errand | None = None


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One key. No PIN comes in here: at a secret stage the runner passes "?" for every digit.

    `playing` is the generation of what the key stopped, 0 in silence; `heard_ms` is how much was heard of it, and
    `asked_ms` how much of that after its notices: of the question itself.
    """

    key: str
    at_ms: int
    heard_ms: int = 0
    asked_ms: int = 0
    playing: int = 0


@dataclass(frozen=True, slots=True)
class PromptsEnded:
    """Everything said under this generation was heard to its end."""

    generation: int


@dataclass(frozen=True, slots=True)
class TimerExpired:
    """The timer armed under this generation ran out."""

    generation: int


@dataclass(frozen=True, slots=True)
class LineLost:
    """The caller hung up or the line broke; nothing can be said any more."""

    cause: str


@dataclass(frozen=True, slots=True)
class LineResumed:
    """The same call can be heard again after a gap (media restarted, call moved to another node): say it once more."""

    cause: str


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """No agent could be reached; the caller is still here."""

    cause: str


@dataclass(frozen=True, slots=True)
class RetailersFound:
    cards: tuple[RetailerCard, ...]


@dataclass(frozen=True, slots=True)
class PinChecked:
    verdict: PinVerdict


@dataclass(frozen=True, slots=True)
class StandingLearnt:
    standing: Standing


@dataclass(frozen=True, slots=True)
class DraftOpened:
    basket: Basket


@dataclass(frozen=True, slots=True)
class DraftHeld:
    """Another call of the same retailer is writing the draft."""


@dataclass(frozen=True, slots=True)
class DraftLost:
    """The draft was taken over by another call or an agent; this call may no longer write it."""


@dataclass(frozen=True, slots=True)
class UsualFilled:
    basket: Basket
    changed: int


@dataclass(frozen=True, slots=True)
class ArticleFound:
    offer: Offer


@dataclass(frozen=True, slots=True)
class ArticleUnknown:
    code: str


@dataclass(frozen=True, slots=True)
class LinePut:
    verdict: LineVerdict


@dataclass(frozen=True, slots=True)
class BasketReviewed:
    basket: Basket


@dataclass(frozen=True, slots=True)
class OrderDecided:
    placement: Placement


@dataclass(frozen=True, slots=True)
class OrdersFound:
    orders: tuple[OrderSummary, ...]


@dataclass(frozen=True, slots=True)
class AllocationFound:
    lines: tuple[AllocationLine, ...]


@dataclass(frozen=True, slots=True)
class CallbackStored:
    number: int


@dataclass(frozen=True, slots=True)
class ErrandChecked:
    """Why there is no reason for this call any more, "" while there is."""

    reason: str


@dataclass(frozen=True, slots=True)
class CallPromised:
    """When the retailer is called again ("15:30"), "" when it may not be."""

    at: str


@dataclass(frozen=True, slots=True)
class CallsRefused:
    """Noted: this retailer is never called again."""


Answer = (
    RetailersFound
    | PinChecked
    | StandingLearnt
    | DraftOpened
    | DraftHeld
    | DraftLost
    | UsualFilled
    | ArticleFound
    | ArticleUnknown
    | LinePut
    | BasketReviewed
    | OrderDecided
    | OrdersFound
    | AllocationFound
    | CallbackStored
    | ErrandChecked
    | CallPromised
    | CallsRefused
)
Event = CallArrived | KeyPressed | PromptsEnded | TimerExpired | LineLost | LineResumed | TransferFailed | Answer
