"""Where everything in the drawing of a stage table stands: boxes in rows by group, arrows on tracks of their own.

Plain geometry in pixels, no SVG and no stages. Nothing overlaps by construction: between the columns run vertical
tracks, above each row run horizontal lanes, and every target has one track in each gap and one lane to itself, shared
by the arrows that lead there. Labels stand beside their box, above the beginning of their arrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

NAME_PX, SMALL_PX, LABEL_PX = 13, 11, 12
LINE_PX, EXIT_PX, TRACK_PX, LANE_PX = 16, 21, 9, 9
PAD, MARGIN, STRIP, BAND_PAD, ENTRY_DY = 12, 24, 104, 16, 9
FIRST_EXIT_DY = 29
HEADER_PX = 64
LOOP_PX = 18
NUMBER_ROOM = " → 99"
"""What follows each label: the number of the stage it leads to."""


@dataclass(frozen=True, slots=True)
class StageNode:
    """A stage: its group, the prompts it says, what it collects (one short text each; says may be ())."""

    name: str
    group: str
    says: tuple[str, ...] = ()
    collects: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """On `label` the call may go from `source` to `target`."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """A stage table to be drawn. Every edge's ends must be stages; their names are unique."""

    stages: tuple[StageNode, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Rect:
    """Left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Rect) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge's way, corner by corner, from its box to its target's; `label` is the room its text takes."""

    edge: Edge
    points: tuple[Point, ...]
    label: Rect


@dataclass(frozen=True, slots=True)
class Layout:
    """All of a drawing: boxes by stage, bands by group, arrows in the order of the edges."""

    width: float
    height: float
    boxes: dict[str, Rect]
    bands: dict[str, Rect]
    arrows: tuple[Arrow, ...]


def text_width(text: str, size: float) -> float:
    """At least what the text takes in any usual font: CJK letters are square, others at most 0.62 wide."""
    return sum(size * (1.0 if ord(letter) > 0x2E7F else 0.62) for letter in text)


def lay_out(graph: FlowGraph, per_row: int = 4) -> Layout:
    """Place a graph, at most `per_row` boxes side by side. Raises ValueError for edges that lead nowhere."""
    _check(graph)
    rows = _ordered(graph, _rows(graph, per_row))
    return _Placing(graph, rows).layout()


def _check(graph: FlowGraph) -> None:
    names = [stage.name for stage in graph.stages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two stages have the same name: {', '.join(twice)}")
    for edge in graph.edges:
        for end in (edge.source, edge.target):
            if end not in names:
                raise ValueError(f"the edge {edge.source} -> {edge.target} ({edge.label}): there is no stage {end}")


def _rows(graph: FlowGraph, per_row: int) -> list[list[str]]:
    """Each group's stages in one or more rows of about the same length, in the order of the table."""
    groups: dict[str, list[str]] = {}
    for stage in graph.stages:
        groups.setdefault(stage.group, []).append(stage.name)
    rows: list[list[str]] = []
    for names in groups.values():
        count = -(-len(names) // per_row)
        size = -(-len(names) // count)
        rows.extend(names[start : start + size] for start in range(0, len(names), size))
    return rows


def _ordered(graph: FlowGraph, rows: list[list[str]]) -> list[list[str]]:
    """Within its row each stage moves to where its arrows are shortest; three sweeps, always the same result."""
    place = {name: (row, column) for row, names in enumerate(rows) for column, name in enumerate(names)}

    def cost(names: tuple[str, ...]) -> float:
        here = place | {name: (place[name][0], column) for column, name in enumerate(names)}
        ends = ((here[edge.source], here[edge.target]) for edge in touching if edge.source != edge.target)
        return sum(
            abs(to[0] - at[0]) + (0 if to[1] == at[1] + 1 else 1 + abs(to[1] - at[1] - 1) / 2) for at, to in ends
        )

    for _ in range(3):
        for row, names in enumerate(rows):
            touching = [edge for edge in graph.edges if edge.source in names or edge.target in names]
            # Rows are short; permutations come in a fixed order and the first of equals wins.
            shortest = min(permutations(names), key=cost)
            rows[row] = list(shortest)
            place |= {name: (row, column) for column, name in enumerate(rows[row])}
    return rows


class _Placing:
    """One drawing in the making: sizes first, then tracks and lanes, then coordinates."""

    def __init__(self, graph: FlowGraph, rows: list[list[str]]) -> None:
        self._graph = graph
        self._rows = rows
        self._stages = {stage.name: stage for stage in graph.stages}
        self._at = {name: (row, column) for row, names in enumerate(rows) for column, name in enumerate(names)}
        self._exits: dict[str, list[Edge]] = {stage.name: [] for stage in graph.stages}
        for edge in graph.edges:
            self._exits[edge.source].append(edge)
        self._columns = max(len(names) for names in rows)
        self._tracks, self._lanes = self._booked()

    def layout(self) -> Layout:
        box_width = max(_box_width(stage) for stage in self._graph.stages)
        label_widths = [self._label_width(column) for column in range(self._columns)]
        gap_x, box_x, right = self._across(box_width, label_widths)
        lane_y, row_y, row_height, bottom = self._down()
        boxes = {
            name: Rect(box_x[column], row_y[row], box_width, self._height(name))
            for name, (row, column) in self._at.items()
        }
        arrows = self._arrows(boxes, label_widths, gap_x, lane_y)
        return Layout(right + MARGIN, bottom + MARGIN, boxes, self._bands(row_y, row_height, right), tuple(arrows))

    def _booked(self) -> tuple[list[list[str]], list[list[str]]]:
        """The targets that have a track in each gap, and a lane above each row."""
        tracks: list[set[str]] = [set() for _ in range(self._columns + 1)]
        lanes: list[set[str]] = [set() for _ in self._rows]
        for edge in self._graph.edges:
            if edge.source == edge.target:
                continue
            source_column, (row, column) = self._at[edge.source][1], self._at[edge.target]
            tracks[source_column + 1].add(edge.target)
            tracks[column].add(edge.target)
            if source_column + 1 != column:
                lanes[row].add(edge.target)
        # Nearer targets take the inner tracks: fewer arrows cross.
        return (
            [sorted(names, key=lambda name: (self._at[name], name)) for names in tracks],
            [sorted(names, key=lambda name: (self._at[name], name)) for names in lanes],
        )

    def _label_width(self, column: int) -> float:
        edges = [edge for names in self._rows for name in names[column : column + 1] for edge in self._exits[name]]
        widths = (
            text_width(edge.label + NUMBER_ROOM, LABEL_PX) + (LOOP_PX if edge.source == edge.target else 0)
            for edge in edges
        )
        return max(widths, default=0) + 2 * PAD

    def _height(self, name: str) -> float:
        stage = self._stages[name]
        lines = NAME_PX + LINE_PX * (len(stage.says) + bool(stage.collects))
        return max(lines + 2 * PAD, FIRST_EXIT_DY + EXIT_PX * (len(self._exits[name]) - 1) + PAD)

    def _across(self, box_width: float, label_widths: list[float]) -> tuple[list[float], list[float], float]:
        """Where the tracks of each gap begin, where each column's boxes stand, where the drawing ends."""
        x: float = MARGIN + STRIP
        gaps, boxes = [], []
        for gap in range(self._columns + 1):
            if gap:
                x += label_widths[gap - 1]
            gaps.append(x + TRACK_PX)
            x += TRACK_PX * (len(self._tracks[gap]) + 2)
            if gap < self._columns:
                x += PAD
                boxes.append(x)
                x += box_width
        return gaps, boxes, x

    def _down(self) -> tuple[list[float], list[float], list[float], float]:
        """Where the lanes above each row begin, where its boxes begin, how high they are, where the drawing ends."""
        y: float = MARGIN + HEADER_PX
        lanes, tops, heights = [], [], []
        for row, names in enumerate(self._rows):
            y += BAND_PAD
            lanes.append(y)
            y += LANE_PX * len(self._lanes[row]) + BAND_PAD
            tops.append(y)
            heights.append(max(self._height(name) for name in names))
            y += heights[-1] + BAND_PAD
        return lanes, tops, heights, y

    def _bands(self, tops: list[float], heights: list[float], right: float) -> dict[str, Rect]:
        bands: dict[str, Rect] = {}
        for row, names in enumerate(self._rows):
            group = self._stages[names[0]].group
            top = tops[row] - LANE_PX * len(self._lanes[row]) - 2 * BAND_PAD
            begun = bands.get(group)
            begin = begun.y if begun else top
            bands[group] = Rect(MARGIN, begin, right - MARGIN, tops[row] + heights[row] + BAND_PAD - begin)
        return bands

    def _arrows(
        self, boxes: dict[str, Rect], label_widths: list[float], gap_x: list[float], lane_y: list[float]
    ) -> list[Arrow]:
        arrows = []
        exits_drawn = dict.fromkeys(self._exits, 0)
        for edge in self._graph.edges:
            box, column = boxes[edge.source], self._at[edge.source][1]
            x, y = box.x + box.width, box.y + FIRST_EXIT_DY + EXIT_PX * exits_drawn[edge.source]
            exits_drawn[edge.source] += 1
            indent = LOOP_PX if edge.source == edge.target else 0
            label = Rect(x + 6 + indent, y - LABEL_PX - 3, label_widths[column] - PAD - indent, LABEL_PX + 2)
            arrows.append(Arrow(edge, self._way(edge, (x, y), boxes[edge.target], gap_x, lane_y), label))
        return arrows

    def _way(
        self, edge: Edge, begin: Point, target: Rect, gap_x: list[float], lane_y: list[float]
    ) -> tuple[Point, ...]:
        x, y = begin
        if edge.source == edge.target:
            return (x, y - 10), (x + LOOP_PX, y - 10), (x + LOOP_PX, y), begin
        row, column = self._at[edge.target]
        out_gap = self._at[edge.source][1] + 1
        end = (target.x, target.y + ENTRY_DY)
        out_x, in_x = (gap_x[gap] + TRACK_PX * self._tracks[gap].index(edge.target) for gap in (out_gap, column))
        if out_gap == column:
            return begin, (in_x, y), (in_x, end[1]), end
        lane = lane_y[row] + LANE_PX * self._lanes[row].index(edge.target)
        return begin, (out_x, y), (out_x, lane), (in_x, lane), (in_x, end[1]), end


def _box_width(stage: StageNode) -> float:
    number_room = 30
    texts = [text_width(stage.name, NAME_PX) + number_room]
    texts += [text_width(line, SMALL_PX) + 14 for line in (*stage.says, stage.collects)]
    return max(texts) + 2 * PAD
