"""A finding and how checks are run: one that breaks is itself a finding, never the end of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from admin.config import Config

Level = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names the part, `says` what was found, `do` what to do about it ("" when all is well)."""

    level: Level
    about: str
    says: str
    do: str = ""


Check = Callable[[Config], Iterable[Finding]]


def examine(config: Config, checks: Iterable[Check]) -> Iterator[Finding]:
    """Run the checks one after the other; findings come as they are made."""
    for check in checks:
        try:
            yield from check(config)
        except Exception as error:
            name = check.__name__.removeprefix("check_").replace("_", " ")
            yield Finding("FAIL", name, f"the check itself broke: {type(error).__name__}: {error}", "report this fault")
