"""A prompt as the dialogue names it and as it is heard: a name with arguments, and the clip of ready telephone audio.

Only values. The dialogue creates prompts, a voice turns them into clips, lines play the clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Argument = str | int


@dataclass(frozen=True, slots=True)
class Prompt:
    """One idea of at most 8 s: a wording's name, its slots' values: ("order_placed", (("tail", "0372"),)).

    `language` is "" for the call's own language; it is set where one sentence must be in another ("For English, …").
    """

    name: str
    arguments: tuple[tuple[str, Argument], ...] = ()
    language: Literal["", "zh", "en"] = ""


def prompt(name: str, **arguments: Argument) -> Prompt:
    """Write `prompt("quantity_wanted", article="白沙尚品蓝")`; slots are sorted: equal prompts are equal."""
    return Prompt(name, tuple(sorted(arguments.items())))


@dataclass(frozen=True, slots=True)
class Clip:
    """Audio ready to be sent: headerless G.711 at 8 kHz, once in each law, a whole number of 20 ms frames (160 bytes).

    `key` identifies the content (voice, language, pace, text); `name` is the prompt's name, for transcripts; `wav` is
    the same sound as 16-bit 8 kHz WAV, for browsers.
    """

    key: str
    name: str
    ulaw: Path
    alaw: Path
    wav: Path
    duration_ms: int
