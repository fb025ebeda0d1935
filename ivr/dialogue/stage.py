"""What a stage is, and the moves it may decide on. The table itself is `ivr.dialogue.flow`.

A stage is a pair of small functions: what it says (and listens for) on entry, and how it decides on an answer. Keys
and speech arrive as the same answers; so do the domain's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ivr.dialogue.actions import Ask, LineAction
from ivr.dialogue.collectors import Collector, Spoken
from ivr.dialogue.events import Answer, TransferFailed
from ivr.dialogue.state import CallState
from speech.prompt import Prompt

Told = Spoken | Answer | TransferFailed


@dataclass(frozen=True, slots=True)
class Move:
    """Where a decision leads.

    to         the stage to enter and say; "" to stay, silent (an ask is out, or the line has something to do)
    at         the stage to stand in silently while `asks` are out, "" for the present one
    notices    said before the stage's own prompts
    surprised  the caller could not foresee this: keys from before it was heard do not count
    missed     this was a wrong answer: it is counted, and the present stage is entered again
    known      the stage's question was heard before and is the same: a key during the notices may answer it
    """

    state: CallState
    to: str = ""
    at: str = ""
    asks: tuple[Ask, ...] = ()
    notices: tuple[Prompt, ...] = ()
    surprised: bool = False
    missed: bool = False
    known: bool = False
    line: tuple[LineAction, ...] = ()


def go(state: CallState, to: str, *notices: Prompt, surprised: bool = False, **changes: Any) -> Move:
    """Enter `to`, saying the notices first. `changes` are fields of the state."""
    return Move(replace(state, **changes), to=to, notices=notices, surprised=surprised)


def ask(state: CallState, *asks: Ask, at: str = "", **changes: Any) -> Move:
    """Ask the domain; its answer comes back to the stage stood in."""
    return Move(replace(state, **changes), at=at, asks=asks)


def miss(state: CallState, *notices: Prompt) -> Move:
    """Count a wrong answer, say why, ask again."""
    return Move(state, notices=notices, missed=True)


@dataclass(frozen=True, slots=True)
class Lead:
    """An arrow of the stage table: on this answer the call may go to that stage."""

    on: str
    to: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the table. `decides` answers None where an answer means nothing here (the stage is said again).

    `group` and `leads` are what the drawing shows; tests hold them against what calls really do.
    """

    name: str
    group: str
    says: Callable[[CallState], tuple[Prompt, ...]]
    listens: Callable[[CallState], Collector]
    decides: Callable[[CallState, Told], Move | None]
    leads: tuple[Lead, ...]
