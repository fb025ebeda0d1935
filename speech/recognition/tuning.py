"""How sure an engine must be of each kind of menu, and how patient a menu is: data in tuning.toml, checked here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any

from speech.recognition.endpointing import Patience
from speech.recognition.port import Candidate, Heard, MenuKind, Verdict

_MOST_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """In nats. At least `score`, `likelihood` and `margin`: sure. At least `doubtful`: unsure. Less: rejected.

    Out-of-menu speech that the free path does not understand either has a good score and a bad likelihood.
    """

    score: float
    likelihood: float
    margin: float
    doubtful: float

    def judged(self, candidates: list[Candidate], free: str = "") -> Heard:
        """`candidates` best first; the runner-up decides the margin."""
        if not candidates:
            return Heard("rejected", free=free)
        best = candidates[0].score
        margin = best - (candidates[1].score if len(candidates) > 1 else self.doubtful)
        verdict: Verdict = "rejected"
        if best >= self.score and candidates[0].likelihood >= self.likelihood and margin >= self.margin:
            verdict = "sure"
        elif best >= self.doubtful:
            verdict = "unsure"
        return Heard(verdict, tuple(candidates[:_MOST_CANDIDATES]), margin, free)


@dataclass(frozen=True, slots=True)
class MenuTuning:
    """What one engine needs for one kind of menu.

    `blank_penalty`, in nats, makes silence between sounds less likely; only the transducer has it. Weak speech in noise
    loses sounds (四十条 becomes 十条) without it; a single digit becomes two with it.
    """

    thresholds: Thresholds
    patience: Patience
    blank_penalty: float = 0.0


def tuning(engine: str, kind: MenuKind) -> MenuTuning:
    """From tuning.toml. Raises KeyError for an unknown engine or kind."""
    table = _table()
    own = dict(table[engine][kind])
    blank_penalty = float(own.pop("blank_penalty", 0.0))
    patience = table["patience"]["any"] | table["patience"].get(kind, {})
    return MenuTuning(_filled(Thresholds, own), _filled(Patience, patience), blank_penalty)


def _filled(kind: type[Any], values: dict[str, Any]) -> Any:
    wanted = {field.name for field in fields(kind)}
    if set(values) != wanted:
        raise ValueError(f"tuning.toml: {kind.__name__} wants {sorted(wanted)}, not {sorted(values)}")
    return kind(**values)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files("speech.recognition") / "tuning.toml").read_text(encoding="utf-8"))
