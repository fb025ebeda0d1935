"""What every recognition engine offers, and the values that go in and out. No engine's words, no thresholds here.

A menu is compiled once (`Engine.prepare`), when the catalogue or the wording changes; a listening is opened for one
question of one call, is fed 8 kHz audio as it comes, and is thrown away after its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from orders.values import Language

MenuKind = Literal["yes_no", "article", "quantity", "digit", "digits", "choice"]
Codec = Literal["ulaw", "alaw", "pcm16"]
Progress = Literal["waiting", "speaking", "ended"]
Verdict = Literal["sure", "unsure", "rejected", "silence"]


class RecognitionMissing(Exception):
    """No speech can be recognised here; the message says what to install or configure. Calls go on by keys."""


class MenuNotSpoken(ValueError):
    """This engine can't listen for this menu (language, unknown words); its keys go on working."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way of saying a value: 「两条」 → "2 carton". Several phrases may share a value.

    `prior` in nats, 0 or less: how much less often this is said than the usual answers; it decides near calls.
    """

    text: str
    value: str
    prior: float = 0.0


@dataclass(frozen=True, slots=True)
class Menu:
    """What one question accepts. `kind` chooses thresholds and patience, `phrases` are all that is listened for."""

    kind: MenuKind
    phrases: tuple[Phrase, ...]
    language: Language = "zh"

    def __post_init__(self) -> None:
        if not self.phrases:
            raise MenuNotSpoken(f"a {self.kind} menu without phrases can't be listened for")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value with its best phrase.

    `score` in nats against free speech: 0 is as good, −10 is far off. `likelihood` in nats of the phrase given the
    sound, whatever else it might be; 0 where the engine knows none.
    """

    value: str
    text: str
    score: float
    likelihood: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """The end of a listening: candidates of different values, best first.

    `margin` is the best score less the second best, in nats. `free` is what was heard without any menu, in the
    engine's own letters, for logs under the privacy filter's transcript key; it may be "".
    """

    verdict: Verdict
    candidates: tuple[Candidate, ...] = ()
    margin: float = 0.0
    free: str = ""


class Grammar(Protocol):
    """A menu made ready by one engine; only that engine can listen with it. Shared by calls and threads."""

    @property
    def menu(self) -> Menu: ...

    @property
    def left_out(self) -> tuple[Phrase, ...]:
        """Phrases this engine can't listen for; their values can be keyed."""


class Listening(Protocol):
    """One question's ear. Not shared by threads; time is counted in audio, never by a clock."""

    def feed(self, audio: bytes) -> Progress:
        """Audio as it comes, any number of whole samples. After "ended" more is ignored. Raises ValueError."""

    def answer(self) -> Heard:
        """What was heard until now; asked again it says the same. Ends the listening."""


class Engine(Protocol):
    """One model in this process. Both methods may be called by any thread."""

    @property
    def name(self) -> str: ...

    def prepare(self, menu: Menu) -> Grammar:
        """Compile a menu; slow enough to be done outside calls. Raises MenuNotSpoken when no phrase is left."""

    def listen(self, grammar: Grammar, codec: Codec) -> Listening:
        """Open an ear for one question. Raises ValueError for a grammar of another engine."""
