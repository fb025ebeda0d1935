"""From what is seen to what is wrong and why: carrier, board, node, network or configuration. Pure.

One fault is told once, at its root: an Asterisk that is down takes no blame for its trunks to the carrier, a board that
is gone none for each of its lines, and carriers that all fall silent at once are our own network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.health.seen import BoardSeen, NodeSeen, PortSeen, Seen, TestResult, TrunkSeen, TrunkView
from orders.faults.clauses import LONGEST_ABOUT, Cause, Fault


@dataclass(frozen=True, slots=True)
class LineState:
    """How a line stands; `cause` while it is down."""

    state: Literal["up", "down", "unknown"]
    cause: Cause | None = None


UP, UNKNOWN = LineState("up"), LineState("unknown")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`lines` by name: trunks, E1 boards and analogue numbers."""

    faults: tuple[Fault, ...]
    lines: Mapping[str, LineState]


def classify(seen: Seen, *, node_dead_after_s: float) -> Judgement:
    """What is wrong, each fault once, and how each line stands."""
    faults: list[Fault] = []
    lines: dict[str, LineState] = {}
    living = [node for node in seen.nodes if node.silent_s <= node_dead_after_s]
    faults += [
        Fault("node", f"node:{node.name}", f"node {node.name} has said nothing for {node.silent_s:.0f} s")
        for node in seen.nodes
        if node.silent_s > node_dead_after_s
    ]
    faults += _asterisk_faults(living)
    looking = [node.name for node in living if node.asterisk == "up"]
    views = {trunk.name: _views(trunk, looking) for trunk in seen.trunks}
    cut_off = _cut_off(seen.trunks, views, looking)
    faults += _network_faults(cut_off, looking)
    for trunk in seen.trunks:
        lines[trunk.name], fault = _trunk(trunk, views[trunk.name], cut_off)
        faults += fault
    for board in seen.boards:
        found, states = _board(board)
        faults += found
        lines |= states
    return Judgement(tuple(dict.fromkeys(faults)), lines)


# -- nodes and the network


def _asterisk_faults(living: Iterable[NodeSeen]) -> list[Fault]:
    """Of several nodes at the same Asterisk, the first by name tells."""
    told: dict[str, Fault] = {}
    for node in sorted(living, key=lambda one: one.name):
        about = f"asterisk:{node.address or node.name}"[:LONGEST_ABOUT]
        if node.asterisk == "down":
            told.setdefault(about, Fault("node", about, f"Asterisk is out of reach of {node.name}: {node.reason}"))
        elif node.asterisk == "refused":
            told.setdefault(about, Fault("configuration", about, f"Asterisk refuses {node.name}: {node.reason}"))
    return list(told.values())


def _views(trunk: TrunkSeen, looking: list[str]) -> dict[str, TrunkView]:
    return {node: view for node, view in trunk.views.items() if node in looking}


def _cut_off(
    trunks: Iterable[TrunkSeen], views: Mapping[str, Mapping[str, TrunkView]], looking: list[str]
) -> frozenset[str]:
    """Nodes that reach no carrier at all, though there are several, or not one that another node reaches."""
    cut_off = set()
    known = list(trunks)
    for node in looking:
        seen_here = [trunk for trunk in known if views[trunk.name].get(node) in ("online", "offline")]
        if not seen_here or any(views[trunk.name][node] == "online" for trunk in seen_here):
            continue
        elsewhere = any("online" in views[trunk.name].values() for trunk in seen_here)
        if elsewhere or len({trunk.host for trunk in seen_here}) > 1:
            cut_off.add(node)
    return frozenset(cut_off)


def _network_faults(cut_off: frozenset[str], looking: list[str]) -> list[Fault]:
    if cut_off and len(cut_off) == len(looking):
        return [Fault("network", "network:site", "no trunk of any carrier answers: our own way out is down")]
    return [
        Fault("network", f"network:{node}", f"no trunk answers at {node}, though they do elsewhere")
        for node in sorted(cut_off)
    ]


# -- trunks

_BY_TEST: Mapping[TestResult, tuple[Cause, str]] = {
    "silent": ("network", "a test call was answered, but nothing was heard: see firewall and RTP ports"),
    "no_answer": ("carrier", "a test call was not answered"),
    "unreachable": ("carrier", "a test call did not get through"),
    "challenged": ("configuration", "a test call was refused for its user or password"),
    "rejected": ("configuration", "a test call's number was refused: see health.test_number and the trunk's prefix"),
}


def _trunk(trunk: TrunkSeen, views: Mapping[str, TrunkView], cut_off: frozenset[str]) -> tuple[LineState, list[Fault]]:
    about = f"trunk:{trunk.name}"
    if not views:
        return UNKNOWN, []
    if "rejected" in views.values():
        return _down("configuration", about, "the carrier refuses our registration: compare user and password file")
    if "missing" in views.values():
        nodes = ", ".join(sorted(node for node, view in views.items() if view == "missing"))
        return _down("configuration", about, f"Asterisk of {nodes} does not know it: `orderline asterisk render`")
    if "online" in views.values():
        elsewhere = sorted(node for node, view in views.items() if view == "offline" and node not in cut_off)
        if elsewhere:
            summary = f"{', '.join(elsewhere)} can't reach it, others can: the way between is down"
            return UP, [Fault("network", about, summary)]
        return _tested(trunk.test, about)
    if all(node in cut_off for node in views):
        return LineState("down", "network"), []
    return _down("carrier", about, f"{trunk.host} does not answer OPTIONS")


def _tested(test: TestResult | None, about: str) -> tuple[LineState, list[Fault]]:
    if test is None or test not in _BY_TEST:
        return UP, []
    return _down(*_found_by(test, about))


def _found_by(test: TestResult, about: str) -> tuple[Cause, str, str]:
    cause, summary = _BY_TEST[test]
    return cause, about, summary


def _down(cause: Cause, about: str, summary: str) -> tuple[LineState, list[Fault]]:
    return LineState("down", cause), [Fault(cause, about, summary)]


# -- boards


def _board(board: BoardSeen) -> tuple[list[Fault], dict[str, LineState]]:
    if board.units is None:
        return [], {}
    ports = [port for unit in board.units.values() for port in unit]
    plugged = [port for port in ports if port.line]
    names = {port.line for port in plugged}
    gone = ports and all(port.alarm == "missing" for port in ports)
    dark = _is_dark(board.units.values())
    if gone or dark:
        summary = "its driver has none of its channels" if gone else "no signal on any of its lines"
        about = f"board:{board.name}"
        return [Fault("board", about, f"board {board.name}: {summary}")], dict.fromkeys(
            names, LineState("down", "board")
        )
    faults: list[Fault] = []
    lines = dict.fromkeys(names, UP)
    for number, unit in board.units.items():
        found, states = (_span if board.kind == "e1" else _slot)(board.name, number, unit)
        faults += found
        lines |= states
    if board.kind == "e1":
        found, states = _whole_e1(board.units.values())
        faults += found
        lines |= states
    return faults, lines


def _whole_e1(spans: Iterable[tuple[PortSeen, ...]]) -> tuple[list[Fault], dict[str, LineState]]:
    """The line of an E1 board is down only when no channel of any span works; else a test call tells more."""
    ports = [port for span in spans for port in span if port.line]
    if not ports:
        return [], {}
    line = ports[0].line
    if all(port.alarm != "ok" for port in ports):
        return [], {line: LineState("down", "carrier")}
    state, found = _tested(next((port.test for port in ports if port.test), None), f"line:{line}")
    return found, {line: state}


def _is_dark(units: Iterable[tuple[PortSeen, ...]]) -> bool:
    """All that is plugged in has lost its signal here, in several units at once: not each carrier's pair by itself."""
    used = [unit for unit in units if any(port.line for port in unit)]
    return len(used) > 1 and all(port.alarm in ("red", "missing") for unit in used for port in unit if port.line)


def _span(board: str, number: int, unit: tuple[PortSeen, ...]) -> tuple[list[Fault], dict[str, LineState]]:
    alarms = {port.alarm for port in unit if port.alarm != "ok"}
    about = f"span:{board}/{number}"
    if not alarms:
        return [], {}
    if alarms == {"missing"}:
        return [Fault("board", about, f"span {number} of {board} is gone from its driver")], {}
    what = {"red": "no signal (see the cable first)", "yellow": "the far end does not hear us"}
    told = what.get(min(alarms - {"missing"}), "the carrier's equipment is in alarm")
    return [Fault("carrier", about, f"span {number} of {board}: {told}")], {}


def _slot(board: str, number: int, unit: tuple[PortSeen, ...]) -> tuple[list[Fault], dict[str, LineState]]:
    plugged = [port for port in unit if port.line]
    if plugged and (
        all(port.alarm == "missing" for port in unit)
        or (len(plugged) > 1 and all(port.alarm in ("red", "missing") for port in plugged))
    ):
        summary = f"the module in slot {number} of {board} has failed: move its lines to a spare slot"
        failed = {port.line: LineState("down", "board") for port in plugged}
        return [Fault("board", f"slot:{board}/{number}", summary)], failed
    faults: list[Fault] = []
    lines: dict[str, LineState] = {}
    for port in plugged:
        about = f"line:{port.line}"
        if port.alarm == "ok":
            lines[port.line], found = _tested(port.test, about)
        else:
            summary = f"no battery on {port.line} ({board}, slot {number}): see another module before calling"
            lines[port.line], found = _down("carrier", about, summary)
        faults += found
    return faults, lines
