"""Collectors: how keys become one answer, once, for every stage and every line.

A collector owns what is a complete entry, what `*`, `#`, `0` and `9` mean at its kind of stage, and how long an entry
may grow. Retries and timers are the engine's (`ivr.dialogue.step`), alike for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ivr.dialogue.state import SECRET_DIGIT

LONE_DIGITS = ("0#", "9#")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice of a menu."""

    key: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A finished entry of digits (only their count matters at a secret stage)."""

    digits: str


@dataclass(frozen=True, slots=True)
class Finished:
    """`#` alone, where that has a meaning of its own."""


@dataclass(frozen=True, slots=True)
class WentBack:
    """`*` with nothing to clear."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A stage that asks nothing was heard to its end, or cut short by a key."""


@dataclass(frozen=True, slots=True)
class Silent:
    """The time for an answer ran out, at a stage where that is an answer."""


Spoken = Chosen | Entered | Finished | WentBack | Heard | Silent


@dataclass(frozen=True, slots=True)
class Keyed:
    """What one key (or the timer) came to: more to come, an answer, or a wish that every stage understands."""

    entry: str = ""
    answer: Spoken | None = None
    wish: Literal["", "agent", "repeat", "restart"] = ""
    miss: Literal["", "miss_wrong_key", "miss_too_long", "miss_incomplete", "miss_silence"] = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """One key out of at most five. `0` and `9` are agent and repeat unless they are choices.

    `must_hear`: no choice counts before the menu began to be heard. `silence_is_answer`: running out of time is no
    miss but an answer (a menu after which nothing needs to follow).
    """

    choices: str
    must_hear: bool = False
    silence_is_answer: bool = False
    secret: bool = False

    def key(self, _entry: str, key: str) -> Keyed:
        if key in self.choices:
            return Keyed(answer=Chosen(key))
        if key == "*":
            return Keyed(answer=WentBack())
        if key == "0":
            return Keyed(wish="agent")
        if key == "9":
            return Keyed(wish="repeat")
        return Keyed(miss="miss_wrong_key")

    def timeout(self, _entry: str) -> Keyed:
        return Keyed(answer=Silent()) if self.silence_is_answer else Keyed(miss="miss_silence")


@dataclass(frozen=True, slots=True)
class Digits:
    """An entry of `shortest` to `longest` digits, ended by `#` or by a pause once it is long enough.

    `0#` asks for an agent and `9#` repeats, but for those of the two that are `single`: entries here. `hash_alone`:
    `#` without digits is an answer. `secret`: digits reach the dialogue as SECRET_DIGIT only, but for a lone 0 or 9
    ended by `#`, which is no PIN and comes as one key (LONE_DIGITS).
    """

    shortest: int
    longest: int
    single: str = ""
    hash_alone: bool = False
    secret: bool = False
    must_hear: bool = False

    def key(self, entry: str, key: str) -> Keyed:
        if key == "#":
            return self._finish(entry, hashed=True)
        if key == "*":
            return Keyed(wish="restart") if entry else Keyed(answer=WentBack())
        if self.secret and key in LONE_DIGITS:
            return self._finish(key[0], hashed=True)
        if len(key) != 1 or not ((key.isascii() and key.isdigit()) or (self.secret and key == SECRET_DIGIT)):
            return Keyed(miss="miss_wrong_key")
        if len(entry) >= self.longest:
            return Keyed(miss="miss_too_long")
        return Keyed(entry=entry + key)

    def timeout(self, entry: str) -> Keyed:
        return self._finish(entry, hashed=False)

    def _finish(self, entry: str, *, hashed: bool) -> Keyed:
        if not entry:
            if not hashed:
                return Keyed(miss="miss_silence")
            return Keyed(answer=Finished()) if self.hash_alone else Keyed(miss="miss_incomplete")
        if entry == "0" and entry not in self.single:
            return Keyed(wish="agent")
        if entry == "9" and entry not in self.single:
            return Keyed(wish="repeat")
        if len(entry) < self.shortest:
            return Keyed(miss="miss_incomplete")
        return Keyed(answer=Entered(entry))


@dataclass(frozen=True, slots=True)
class JustListen:
    """Nothing is asked: being heard to the end is the answer, any key cuts it short."""

    secret: bool = False
    must_hear: bool = False

    def key(self, _entry: str, _key: str) -> Keyed:
        return Keyed(answer=Heard())

    def timeout(self, _entry: str) -> Keyed:
        return Keyed(answer=Heard())


Collector = Menu | Digits | JustListen

YES_NO = Menu("12")


def article() -> Digits:
    """An article's short code; `#` alone ends the ordering."""
    return Digits(shortest=2, longest=6, hash_alone=True)


def quantity() -> Digits:
    """A number of cartons; 0 is a quantity, 9 too."""
    return Digits(shortest=1, longest=5, single="09")
