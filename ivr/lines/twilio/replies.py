"""What Twilio is to do next, as plain values; `twiml` writes them down.

How keys are listened for. Twilio hears keys only while a Gather runs: what is pressed while it fetches our answer is
lost. Taking keys one by one would therefore lose every second key of a fast caller, and ending an entry at `#` what is
dialled ahead behind it; besides, Twilio leaves open what a `#` without digits before it does, by which a caller ends
the order. So no key ends a Gather: `*` and `#` come as keys like all others, and a *burst* (all keys until none has
come for `key_pause_s`) comes as one webhook. The dialogue takes its keys one after the other, type-ahead and all. The
price is that pause before each answer. Silence after a prompt is several Gathers in a row within one answer: between
them no key is lost, for nothing is fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orders.values import Language


@dataclass(frozen=True, slots=True)
class Played:
    """Sound at an address of ours; `name` is the prompt's."""

    url: str
    name: str
    ms: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words for Twilio's own voice: only where our sound can't be had."""

    text: str
    language: Language

    @property
    def ms(self) -> int:
        """About how long it takes: a voice says four characters a second, or a word."""
        return len(self.text.split() if self.language == "en" else self.text) * 250


Sound = Played | Spoken


@dataclass(frozen=True, slots=True)
class Listening:
    """Play these, then listen; keys come under `step`, and so does silence, after `wait_s`.

    `brief`: nothing is asked; the first key ends what is said, and so does its own end, with the shortest silence.
    """

    sounds: tuple[Sound, ...]
    step: int
    wait_s: int
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Connecting:
    """Hand the caller to this number or SIP URI; how that went comes under `step`."""

    target: str
    step: int


@dataclass(frozen=True, slots=True)
class Ending:
    """Say this, then hang up."""

    sounds: tuple[Sound, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusing:
    """Don't pick up."""

    cause: Literal["busy", "rejected"]


@dataclass(frozen=True, slots=True)
class Noted:
    """Nothing is to be done: Twilio only told us something."""


Reply = Listening | Connecting | Ending | Refusing | Noted
