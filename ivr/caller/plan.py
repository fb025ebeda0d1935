"""What a scripted call is to do and what came of it: plain values, and the little language of its keys. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Transport = Literal["udp", "tcp"]
Law = Literal["alaw", "ulaw"]
KeyWay = Literal["rfc4733", "info", "inband"]
EndedBy = Literal["line", "caller", "nobody"]

_PIECE = re.compile(r"(?P<keys>[0-9*#A-Da-d]+)|(?P<hang_up>!)")
_PAUSE = re.compile(r"~(\d{1,3}(?:\.\d{1,2})?)$")
_CALLER = re.compile(r"[+0-9A-Za-z_.-]{0,40}")


class PlanError(ValueError):
    """The call can't be placed as asked; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Group:
    """Keys pressed one after the other once a new prompt is heard."""

    keys: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so long, whatever is heard."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUpNow:
    """End the call there and then."""


Act = Group | Pause | HangUpNow


def parse_keys(text: str) -> tuple[Act, ...]:
    """The acts of a script such as "1 101# ~2 10#!". Raises PlanError."""
    acts: list[Act] = []
    for token in text.split():
        if pause := _PAUSE.match(token):
            acts.append(Pause(float(pause[1])))
            continue
        at = 0
        while at < len(token):
            piece = _PIECE.match(token, at)
            if piece is None:
                raise PlanError(
                    f"{token!r} can't be keyed: write keys (0-9 * # A-D), a space to wait for the next prompt, "
                    "~2 to wait 2 seconds, ! to hang up"
                )
            acts.append(Group(piece["keys"].upper()) if piece["keys"] else HangUpNow())
            at = piece.end()
    if any(isinstance(act, HangUpNow) for act in acts[:-1]):
        raise PlanError("after ! nothing more can be keyed: the call is over there")
    return tuple(acts)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call. `to` is a SIP URI; `caller` the number shown ("" withholds it); `keys` as in `parse_keys`.

    prompts      the folder of rendered prompts by which sounds are named; None: sounds stay unknown
    think_ms     how long a new prompt is heard before it is answered. The dialogue takes keys within a prompt's first
                 400 ms for keys of the question before, where it matters
    patience_s   how long to wait for a new prompt before giving up
    listen_s     how long to go on listening when all is keyed, if the line does not hang up
    password     answers a digest challenge, together with `caller` as user name
    """

    to: str
    caller: str = "13800000001"
    keys: str = ""
    prompts: Path | None = None
    transport: Transport = "udp"
    laws: tuple[Law, ...] = ("alaw", "ulaw")
    key_way: KeyWay = "rfc4733"
    key_ms: int = 80
    gap_ms: int = 80
    think_ms: int = 600
    patience_s: float = 20.0
    listen_s: float = 15.0
    ring_s: float = 30.0
    local_host: str = ""
    password: str = field(default="", repr=False)

    def checked(self) -> tuple[Act, ...]:
        """The acts of the script, after looking at every value. Raises PlanError."""
        if not _CALLER.fullmatch(self.caller):
            raise PlanError(f"{self.caller!r} is no caller's number: write digits, e.g. 13800000001, or nothing")
        if not 40 <= self.key_ms <= 2000 or not 20 <= self.gap_ms <= 2000:
            raise PlanError("a key lasts 40 to 2000 ms and a gap 20 to 2000 ms")
        if not self.laws or len(set(self.laws)) != len(self.laws):
            raise PlanError("name the codecs once each: alaw, ulaw")
        if min(self.think_ms, self.patience_s, self.listen_s, self.ring_s) < 0:
            raise PlanError("times can't be negative")
        return parse_keys(self.keys)


@dataclass(frozen=True, slots=True)
class HeardPrompt:
    """One sound: which prompt, with which values, when it began (ms after the answer), how much of it was heard.

    `name` is "" for an unknown sound; `text` is the wording as a screen shows it, "" when unknown.
    """

    at_ms: int
    name: str
    arguments: tuple[tuple[str, str | int], ...]
    language: str
    text: str
    ms: int
    whole: bool


@dataclass(frozen=True, slots=True)
class KeyedGroup:
    """Keys as they may be shown: a PIN's digits are "•"."""

    at_ms: int
    keys: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that just happened, for a live transcript; `what` is a word, `detail` its text."""

    at_ms: int
    what: Literal["RINGING", "ANSWERED", "HEARD", "KEYS", "TRANSFER", "ENDED"]
    detail: str


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of a call.

    status        the last SIP status of the INVITE: 200 answered, 486 busy, 0 nothing came back
    cause         in words: "line hung up", "busy", "no answer within 30 s", "no new prompt within 20 s" …
    order_tail    the last four digits of the order number, if one was spoken ("" if none)
    order_state   "accepted" or "registered" as was said, else ""
    packets_in    RTP packets with sound that came
    worst_late_ms how late the caller itself was at worst: beyond 100 the machine is too busy for what is measured
    """

    answered: bool
    status: int
    ended_by: EndedBy
    cause: str
    heard: tuple[HeardPrompt, ...]
    keyed: tuple[KeyedGroup, ...]
    duration_s: float
    order_tail: str = ""
    order_state: Literal["", "accepted", "registered"] = ""
    transferred_to: str = ""
    packets_in: int = 0
    packets_lost: int = 0
    worst_late_ms: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The prompts heard, by name, in order."""
        return tuple(heard.name for heard in self.heard)
