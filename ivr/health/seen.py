"""What is seen of nodes, trunks and boards, as values: the input of `ivr.health.classifying`. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

AsteriskState = Literal["up", "down", "refused", "off"]
TrunkView = Literal["online", "offline", "missing", "rejected"]
"""Answers OPTIONS, does not, is not in Asterisk's configuration, its registration is refused."""
Alarm = Literal["ok", "red", "yellow", "blue", "missing"]
"""T1/E1 and analogue alarms as DAHDI tells them: no signal or battery here, none at the far end, the carrier's own
equipment gave up; and a channel that the driver does not have at all."""
TestResult = Literal["ok", "busy", "silent", "no_answer", "unreachable", "challenged", "rejected"]
"""What became of a test call: heard a greeting, or why not. Busy tells nothing."""


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """`silent_s` since its last word; `address` is its Asterisk's, which other nodes may share."""

    name: str
    silent_s: float
    asterisk: AsteriskState = "up"
    address: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrunkSeen:
    """How each node sees it. `host` is its carrier's, as far as we can tell carriers apart."""

    name: str
    host: str
    views: Mapping[str, TrunkView] = field(default_factory=dict)
    test: TestResult | None = None


@dataclass(frozen=True, slots=True)
class PortSeen:
    """One DAHDI channel; `line` is the line plugged in, "" for none: an empty port has no battery and is no fault."""

    channel: int
    line: str
    alarm: Alarm
    test: TestResult | None = None


@dataclass(frozen=True, slots=True)
class BoardSeen:
    """`units` are its slots, or its spans when it is E1, by number. None: nobody could look."""

    name: str
    kind: Literal["e1", "analogue"]
    units: Mapping[int, tuple[PortSeen, ...]] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that is seen at one moment."""

    nodes: tuple[NodeSeen, ...] = ()
    trunks: tuple[TrunkSeen, ...] = ()
    boards: tuple[BoardSeen, ...] = ()
