"""What one node sees becomes what it tells (`words`); what all have told is put together (`seen`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import cast, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.health.seen import Alarm, AsteriskState, BoardSeen, NodeSeen, PortSeen, Seen, TestResult, TrunkSeen, TrunkView
from ivr.plant import Board, Plant
from orders.faults.sightings import Word
from orders.models import NodeBeat, Sighting

_SPAN = 31
_RUN = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?:([a-z]+)")
_VIEWS: Mapping[str, TrunkView] = {"online": "online", "offline": "offline"}


def words(
    plant: Plant,
    endpoints: Mapping[str, str] | None,
    alarms: Mapping[int, Alarm] | None,
    rejected: Iterable[str] = (),
) -> dict[str, Word]:
    """What a node tells of trunks and boards; of what it can't see, nothing.

    `endpoints` and `rejected` are Asterisk's names with their states, and those whose registration is refused;
    `alarms` every channel that the driver of the boards has.
    """
    told: dict[str, Word] = {}
    refused = set(rejected)
    for trunk in plant.trunks if endpoints is not None else ():
        state = (endpoints or {}).get(trunk.name)
        if state is None:
            told[f"trunk:{trunk.name}"] = ("missing", "")
        elif trunk.name in refused:
            told[f"trunk:{trunk.name}"] = ("rejected", "")
        elif state in _VIEWS:
            # "unknown" is said before the first OPTIONS: it tells nothing yet.
            told[f"trunk:{trunk.name}"] = (state, "")
    for board in plant.boards if alarms is not None else ():
        channels = {channel: (alarms or {}).get(channel, "missing") for channel in _channels(board)}
        bad = {channel: alarm for channel, alarm in channels.items() if alarm != "ok"}
        told[f"board:{board.name}"] = ("alarm" if bad else "ok", _as_text(bad))
    return told


def seen(
    session: Session, plant: Plant, now: datetime, *, test_counts_for: timedelta, node_dead_after_s: float
) -> Seen:
    """Everything that the nodes have told, put together; of boards, what a dead node said last counts no more."""
    beats = session.scalars(select(NodeBeat).order_by(NodeBeat.node)).all()
    rows = session.scalars(select(Sighting)).all()
    told: dict[str, dict[str, Sighting]] = {}
    for row in rows:
        told.setdefault(row.about, {})[row.node] = row
    tests = _tests(rows, now - test_counts_for)
    nodes = tuple(
        NodeSeen(row.node, (now - row.at).total_seconds(), cast("AsteriskState", row.asterisk), row.address, row.reason)
        for row in beats
    )
    trunks = tuple(
        TrunkSeen(
            trunk.name,
            trunk.host,
            {
                node: cast("TrunkView", row.saw)
                for node, row in told.get(f"trunk:{trunk.name}", {}).items()
                if row.saw in get_args(TrunkView)
            },
            tests.get(trunk.name),
        )
        for trunk in plant.trunks
    )
    living = {node.name for node in nodes if node.silent_s <= node_dead_after_s}
    boards = tuple(
        _board(board, [row for node, row in told.get(f"board:{board.name}", {}).items() if node in living], tests)
        for board in plant.boards
    )
    return Seen(nodes, trunks, boards)


def _tests(rows: Iterable[Sighting], since: datetime) -> dict[str, TestResult]:
    """The newest result of each line that still counts."""
    newest = sorted((row for row in rows if row.about.startswith("test:") and row.at >= since), key=lambda row: row.at)
    return {
        row.about.removeprefix("test:"): cast("TestResult", row.saw)
        for row in newest
        if row.saw in get_args(TestResult)
    }


def _board(board: Board, told: Iterable[Sighting], tests: Mapping[str, TestResult]) -> BoardSeen:
    """A channel that any node's driver has is there: boards sit in one machine, and the others don't see them."""
    views = [_from_text(row.detail) for row in told]
    if not views:
        return BoardSeen(board.name, board.kind, None)
    lines = _plugged(board)

    def port(channel: int) -> PortSeen:
        alarms = {view.get(channel, "ok") for view in views}
        worst = next((alarm for alarm in ("red", "yellow", "blue", "ok", "missing") if alarm in alarms), "ok")
        line = lines.get(channel, "")
        return PortSeen(channel, line, cast("Alarm", worst), tests.get(line))

    units: dict[int, list[PortSeen]] = {}
    for channel in _channels(board):
        width = board.module_ports if board.slots else _SPAN if board.kind == "e1" else 1
        units.setdefault((channel - board.first_channel) // width + 1, []).append(port(channel))
    return BoardSeen(board.name, board.kind, {number: tuple(ports) for number, ports in units.items()})


def _channels(board: Board) -> list[int]:
    """Those that carry calls: of an E1 span not its signalling, of a board with slots only those of modules."""
    if board.slots:
        return [channel for slot in board.slots if slot.module for channel in board.channels(slot.number)]
    channels = range(board.first_channel, board.first_channel + board.ports)
    return [one for one in channels if board.kind != "e1" or (one - board.first_channel) % _SPAN != 15]


def _plugged(board: Board) -> dict[int, str]:
    if not board.slots:
        return dict.fromkeys(_channels(board), board.name)
    return {
        board.channels(slot.number)[port]: line for slot in board.slots for port, line in enumerate(slot.lines) if line
    }


def _as_text(alarms: Mapping[int, str]) -> str:
    """As "1-15:red,17:missing"."""
    runs: list[tuple[int, int, str]] = []
    for channel, alarm in sorted(alarms.items()):
        if runs and runs[-1][1] == channel - 1 and runs[-1][2] == alarm:
            runs[-1] = (runs[-1][0], channel, alarm)
        else:
            runs.append((channel, channel, alarm))
    return ",".join(f"{first}-{last}:{alarm}" if last > first else f"{first}:{alarm}" for first, last, alarm in runs)


def _from_text(text: str) -> dict[int, str]:
    return {
        channel: found[3]
        for found in _RUN.finditer(text)
        if found[3] in get_args(Alarm)
        for channel in range(int(found[1]), int(found[2] or found[1]) + 1)
    }
