"""The language of transcripts: one line, one thing that happens. Reads files; plays nothing.

# what this call shows                       a comment; the first one is the title
NOW 2026-11-23 10:00                         the clock, local time (may come again later)
GIVEN STOCK 318 0                            what is different from the demo data: see `stage_set`
CALL 13800000001 [ON backup] [AS B]          a retailer dials in ("withheld" for no number)
WE CALL 13800000001 [BY MACHINE] [AS B]      we call a retailer to remind it; it (or its machine) picks up
SAYS 您好，烟草订货热线。…                     everything said at once, as written on screen
KEYS 101#                                    keyed while listening, a human's pace
AHEAD 1101#10##                              keyed before anything new could be heard
BOUNCE 1                                     one press that arrives twice within 80 ms
WAITS                                        listens to the end and stays silent until the time runs out
PAUSE                                        stops in the middle of an entry until the time runs out
LISTENS                                      listens to the end, no time runs out yet
GAP                                          the line was interrupted and is well again
HANGS UP / LINE LOST                         the caller ends it / the line breaks
ENDS                                         we hung up
TRANSFER FAILS                               no agent picked up
ORDER 101×10 205×2 | NO ORDER                what the retailer's newest order holds
DEMAND 205×5                                 what was asked for beside what was accepted
DRAFT 101×10 | NO DRAFT                      what stays for the next call
OUTCOME asked_later 11:00                    what became of our call, and when the next one is due ("never" for none)
CONSENT refused                              whether the retailer that we called may be called
CALLBACK asked                               an open call-back request of this reason
B: KEYS 1                                    any of these, of the call named B (A when not named)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

VERBS = (
    "NO ORDER",
    "NO DRAFT",
    "HANGS UP",
    "LINE LOST",
    "TRANSFER FAILS",
    "NOW",
    "GIVEN",
    "WE CALL",
    "CALL",
    "SAYS",
    "KEYS",
    "AHEAD",
    "BOUNCE",
    "WAITS",
    "PAUSE",
    "LISTENS",
    "GAP",
    "ENDS",
    "ORDER",
    "DEMAND",
    "DRAFT",
    "CALLBACK",
    "OUTCOME",
    "CONSENT",
    "TRANSFERS",
)
WITHOUT_TEXT = frozenset(
    ("NO ORDER", "NO DRAFT", "HANGS UP", "LINE LOST", "TRANSFER FAILS", "WAITS", "PAUSE", "LISTENS", "GAP", "ENDS")
)
_KEYS = re.compile(r"[0-9*#A-D]+")
_LINES = re.compile(r"\d+×\d+( \d+×\d+)*")
_LABEL = re.compile(r"([A-Z]): +(.*)")


class ScriptError(ValueError):
    """A transcript that can't be read: file, line number and what to write instead."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript: `number` in its file, the call it is about, the verb and its text."""

    number: int
    call: str
    verb: str
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """One transcript."""

    path: Path
    title: str
    lines: tuple[Line, ...]


def read_script(path: Path) -> Script:
    """Read one file. Raises ScriptError, OSError."""
    lines: list[Line] = []
    title = ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        stripped = text.strip()
        if stripped.startswith("#"):
            title = title or stripped.lstrip("# ")
        elif stripped:
            lines.append(_read_line(path, number, stripped))
    if not any(line.verb in ("CALL", "WE CALL") for line in lines):
        raise ScriptError(f"{path}: no CALL in it; write e.g. CALL 13800000001")
    return Script(path, title or path.stem, tuple(lines))


def _read_line(path: Path, number: int, text: str) -> Line:
    label = "A"
    if named := _LABEL.fullmatch(text):
        label, text = named.groups()
    verb = next((verb for verb in VERBS if text == verb or text.startswith(verb + " ")), None)
    if verb is None:
        raise ScriptError(f"{path}:{number}: unknown line {text!r}; it begins with one of {', '.join(VERBS)}")
    rest = text.removeprefix(verb).strip()
    _check(f"{path}:{number}", verb, rest)
    return Line(number, label, verb, rest)


def _check(where: str, verb: str, rest: str) -> None:
    if verb in WITHOUT_TEXT and rest:
        raise ScriptError(f"{where}: {verb} stands alone")
    if verb not in WITHOUT_TEXT and not rest:
        raise ScriptError(f"{where}: {verb} needs something after it")
    if verb in ("KEYS", "AHEAD", "BOUNCE") and not _KEYS.fullmatch(rest):
        raise ScriptError(f"{where}: {verb} takes keys 0-9 * # A-D without spaces, not {rest!r}")
    if verb in ("ORDER", "DEMAND", "DRAFT") and not _LINES.fullmatch(rest):
        raise ScriptError(f"{where}: {verb} takes lines like 101×10 205×2, not {rest!r}")
