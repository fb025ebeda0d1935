"""The port behind which every kind of line stands: play, stop, transfer, hang up, dial out; events come back.

An adapter owns one kind of line. It knows neither prompts' wording nor stages: it is given clips, and reports what the
other side did. Methods may be called from any thread, return at once, and never raise for a call that is gone: the
adapter has reported, or will report, `LineLost` for it. One contract suite runs against each adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from speech.prompt import Clip

DialFailure = Literal["busy", "declined", "no_answer", "unreachable", "rejected", "challenged", "cancelled"]


@dataclass(frozen=True, slots=True)
class Arrived:
    """An inbound call waits to be answered. `caller` is the number as the network gave it, "" when withheld.

    Times are seconds of `time.time()`.
    """

    caller: str
    called: str
    at: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """A call whose process is gone goes on here, under the name it always had; `at` is when it first arrived.

    The first event of the call on this node, as `Arrived` else is. Keys pressed in the gap are lost.
    """

    cause: str
    caller: str
    called: str
    at: float


@dataclass(frozen=True, slots=True)
class TakenElsewhere:
    """The call goes on at another node: forget it here, it has not ended. Nothing follows."""


@dataclass(frozen=True, slots=True)
class Ringing:
    """The telephone dialled out to rings, as far as the network tells; at most once, before `Answered`."""

    at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The party dialled out to has picked up (never reported for inbound calls). `machine`: an answering machine did.

    Lines that can't tell a machine from a person say False.
    """

    at: float
    machine: bool = False


@dataclass(frozen=True, slots=True)
class DialFailed:
    """The call dialled out has not come to be, and why; `status` is the protocol's own code, for the log."""

    failure: DialFailure
    status: int


@dataclass(frozen=True, slots=True)
class Key:
    """One key, once, however the line carried it; a bounce of a worn key is none, and stops no sound.

    `playing` is the tag of what the key stopped, None when all was quiet; `heard_ms` is how much was heard of it.
    """

    key: str
    at: float
    heard_ms: int = 0
    playing: int | None = None


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """The clips given under this tag were heard to their end (not reported when stopped or interrupted)."""

    tag: int


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """The transfer went through (then the call is over for us) or not (then the caller is still with us)."""

    done: bool
    status: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Sound was broken off by a fault on our side and the line is well again: say the last prompt once more."""

    cause: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The call is over, for this cause; the last event of a call, reported exactly once (or `TakenElsewhere` is)."""

    cause: Literal["caller_hung_up", "we_hung_up", "dead_line", "protocol_error", "line_closed", "transferred"]


LineEvent = (
    Arrived
    | Resumed
    | TakenElsewhere
    | Ringing
    | Answered
    | DialFailed
    | Key
    | PlayEnded
    | TransferEnded
    | Interrupted
    | Gone
)
LineEvents = Callable[[str, LineEvent], None]
"""Where an adapter reports: (call id, event). May be called from any thread; returns at once."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """A wish to call out: number or SIP URI, the caller ID to show, how long it may ring."""

    call: str
    to: str
    caller_id: str
    ring_s: float = 35.0


class Line(Protocol):
    """One kind of line. `name` is unique on the node and stands in every call's record."""

    name: str

    def answer(self, call: str) -> None:
        """Pick up an `Arrived` call."""

    def reject(self, call: str, cause: Literal["busy", "unavailable", "forbidden"]) -> None:
        """Refuse an `Arrived` call that was not answered; `Gone` follows."""

    def play(self, call: str, clips: Sequence[Clip], tag: int) -> None:
        """Play these clips in place of whatever is playing. Any key stops them within one 20 ms frame."""

    def stop_playing(self, call: str) -> None:
        """Fall silent (silence is still sent: the line stays alive)."""

    def transfer(self, call: str, target: str) -> None:
        """Hand the caller to this SIP URI or extension; `TransferEnded` follows."""

    def hang_up(self, call: str) -> None:
        """End the call; `Gone` follows."""

    def dial(self, wish: Dialled) -> None:
        """Call out; `Ringing` perhaps, then `Answered` or `DialFailed` and `Gone` follow under `wish.call`."""
