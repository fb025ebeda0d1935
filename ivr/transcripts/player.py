"""Plays one transcript from a caller's seat and compares what is heard, line by line.

Unexpected and missing are both faults: everything said must be written down, everything written must be said. What
kind of seat it is (the pure step, a line adapter with a scripted peer) is the seat's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from ivr.transcripts.script import Line, Script
from ivr.transcripts.stage_set import World
from orders.values import Errand

KEY_GAP_MS = 220
BOUNCE_GAP_MS = 60
LISTENED_MS = 2500


class TranscriptFailed(AssertionError):
    """The call went another way than written: file, line, what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Said:
    """Heard at once: the written form of all its prompts."""

    text: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """We ended the call."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """We asked for a transfer to this target."""

    target: str


Heard = Said | HungUp | Transferred


class Seat(Protocol):
    """Where the caller of a transcript sits. Everything that was caused has been heard when a method returns."""

    def dial(self, call: str, caller: str, line: str) -> None: ...

    def pick_up(self, call: str, number: str, errand: Errand) -> None:
        """We called this number, for this errand, and it is answered."""

    def press(self, call: str, key: str, *, after_ms: int, heard_ms: int) -> None: ...

    def listen(self, call: str) -> None:
        """Hear what is being said to its end."""

    def run_out(self, call: str) -> None:
        """Let the timer run out that is armed now."""

    def gap(self, call: str) -> None: ...

    def hang_up(self, call: str, cause: str) -> None: ...

    def fail_transfer(self, call: str) -> None: ...

    def heard(self, call: str) -> list[Heard]:
        """What was heard since the last question, oldest first."""


@dataclass(slots=True)
class _Caller:
    id: str
    heard: list[Heard] = field(default_factory=list)


class Player:
    """Plays a script in a world from a seat; `calls` gives the id under which the database knows a seat's call.

    When `recording`, what is heard is not compared but kept in `recorded`, after the number of the line it followed.
    """

    def __init__(
        self,
        script: Script,
        world: World,
        seat: Seat,
        *,
        recording: bool = False,
        calls: Callable[[str], str] = lambda call: call,
    ) -> None:
        self._script = script
        self._world = world
        self._seat = seat
        self._callers: dict[str, _Caller] = {}
        self._calls = 0
        self._recording = recording
        self._call_id = calls
        self.recorded: list[str] = []

    def play(self) -> None:
        """Play to the end. Raises TranscriptFailed at the first difference."""
        for line in self._script.lines:
            if self._recording and line.verb in ("SAYS", "ENDS", "TRANSFERS"):
                continue
            self._play_line(line)
            if self._recording:
                self._record(line)
        for caller in self._callers.values():
            self._nothing_unsaid(caller, self._script.lines[-1])

    def _play_line(self, line: Line) -> None:
        match line.verb:
            case "NOW":
                self._world.set_clock(line.text)
            case "GIVEN":
                self._world.given(line.text)
            case "CALL" | "WE CALL":
                self._dial(line)
            case "SAYS" | "ENDS" | "TRANSFERS":
                self._expect(line)
            case "ORDER" | "NO ORDER" | "DEMAND" | "DRAFT" | "NO DRAFT" | "CALLBACK" | "OUTCOME" | "CONSENT":
                self._check_world(line)
            case _:
                self._do(line)

    def _dial(self, line: Line) -> None:
        words = line.text.replace(" BY MACHINE", "").split()
        number = "" if words[0] == "withheld" else words[0]
        named = dict(zip(words[1::2], words[2::2], strict=True))
        label = named.get("AS", line.call)
        if label in self._callers:
            self._nothing_unsaid(self._callers[label], line)
        self._calls += 1
        caller = self._callers[label] = _Caller(f"call-{self._calls}")
        if line.verb == "CALL":
            self._seat.dial(caller.id, number, named.get("ON", "main"))
            return
        errand = self._world.errand(caller.id, number)
        self._seat.pick_up(caller.id, number, replace(errand, by_machine="BY MACHINE" in line.text))

    def _do(self, line: Line) -> None:
        caller = self._caller(line)
        self._nothing_unsaid(caller, line)
        match line.verb:
            case "KEYS":
                self._press(caller, line.text, KEY_GAP_MS, LISTENED_MS)
            case "AHEAD":
                self._press(caller, line.text, KEY_GAP_MS, 0)
            case "BOUNCE":
                self._press(caller, line.text[0], KEY_GAP_MS, LISTENED_MS)
                self._press(caller, line.text[0], BOUNCE_GAP_MS, LISTENED_MS)
            case "WAITS":
                self._seat.listen(caller.id)
                self._seat.run_out(caller.id)
            case "LISTENS":
                self._seat.listen(caller.id)
            case "PAUSE":
                self._seat.run_out(caller.id)
            case "GAP":
                self._seat.gap(caller.id)
            case "HANGS UP":
                self._seat.hang_up(caller.id, "caller_hung_up")
            case "LINE LOST":
                self._seat.hang_up(caller.id, "dead_line")
            case "TRANSFER FAILS":
                self._seat.fail_transfer(caller.id)

    def _press(self, caller: _Caller, keys: str, gap_ms: int, heard_ms: int) -> None:
        for key in keys:
            self._seat.press(caller.id, key, after_ms=gap_ms, heard_ms=heard_ms)

    def _expect(self, line: Line) -> None:
        caller = self._caller(line)
        caller.heard += self._seat.heard(caller.id)
        if not caller.heard:
            raise self._failed(line, f"expected {line.verb} {line.text}, but nothing more came")
        came = caller.heard.pop(0)
        expected: Heard
        match line.verb:
            case "SAYS":
                expected = Said(line.text)
            case "TRANSFERS":
                expected = Transferred(line.text)
            case _:
                expected = HungUp()
        if came != expected:
            raise self._failed(line, f"expected {_written(expected)}\n    but came  {_written(came)}")

    def _check_world(self, line: Line) -> None:
        caller = self._caller(line)
        problem = self._world.differs(line.verb, line.text, self._call_id(caller.id))
        if problem:
            raise self._failed(line, problem)

    def _nothing_unsaid(self, caller: _Caller, line: Line) -> None:
        if self._recording:
            return
        caller.heard += self._seat.heard(caller.id)
        # Keys keyed in a row may cut off prompts one after another: each must be written down.
        if caller.heard:
            raise self._failed(line, f"not written down: {_written(caller.heard[0])}")

    def _caller(self, line: Line) -> _Caller:
        if line.call not in self._callers:
            raise self._failed(line, f"there is no call {line.call} yet")
        return self._callers[line.call]

    def _failed(self, line: Line, problem: str) -> TranscriptFailed:
        return TranscriptFailed(f"{self._script.path}:{line.number}: {problem}")

    def _record(self, line: Line) -> None:
        for label, caller in self._callers.items():
            prefix = "" if label == "A" else f"{label}: "
            self.recorded += [f"{line.number}\t{prefix}{_written(heard)}" for heard in self._seat.heard(caller.id)]


def _written(heard: Heard) -> str:
    match heard:
        case Said(text):
            return f"SAYS {text}"
        case Transferred(target):
            return f"TRANSFERS {target}"
    return "ENDS"
