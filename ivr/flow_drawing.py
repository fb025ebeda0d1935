"""Draws a stage table as SVG. Says nothing of calls: it is given names and arrows, and where they stand is laid out.

The text depends on nothing but the graph: the same table gives the same file, so that docs can be compared with it.
"""

from __future__ import annotations

import math
from xml.sax.saxutils import escape, quoteattr

from ivr.flow_layout import (
    LABEL_PX,
    LINE_PX,
    MARGIN,
    NAME_PX,
    PAD,
    SMALL_PX,
    Arrow,
    Edge,
    FlowGraph,
    Layout,
    Point,
    Rect,
    StageNode,
    lay_out,
)

__all__ = ["Edge", "FlowGraph", "StageNode", "draw"]

SANS = "'Noto Sans', 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
MONO = "'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', monospace"
BANDS = ("#e6f3ec", "#e8eef8", "#fbf1dc", "#f3e9f6", "#fdeae6", "#e4f2f4", "#f1f1e2", "#eceaf2")
STYLE = f"""
text{{font-family:{SANS}}}
.name,.label,.title{{fill:#1d2a25}}
.name{{font-family:{MONO};font-size:{NAME_PX}px;font-weight:700}}
.says,.collects{{font-size:{SMALL_PX}px;fill:#43534c}}
.collects{{font-style:italic}}
.group{{font-size:15px;font-weight:700;fill:#43534c}}
.label{{font-size:{LABEL_PX}px}}
.number{{font-size:{SMALL_PX}px;font-weight:700;fill:#fff;text-anchor:middle}}
.box{{fill:#fff;stroke:#51635b;stroke-width:1.2}}
.arrow{{fill:none;stroke-width:1.5}}
.arrow:hover{{stroke-width:4}}
.title{{font-size:20px;font-weight:700}}
.hint{{font-size:12px;fill:#43534c}}
"""
CORNER = 4.0


def draw(graph: FlowGraph, title: str = "Stages of a call", per_row: int = 4) -> str:
    """The drawing as an SVG document (UTF-8 text). Raises ValueError for a graph whose edges lead nowhere."""
    placed = lay_out(graph, per_row)
    numbers = {stage.name: number for number, stage in enumerate(graph.stages, start=1)}
    colours = {name: _colour(number) for name, number in numbers.items()}
    parts = [
        _head(placed, title),
        *(_band(group, band, place) for place, (group, band) in enumerate(placed.bands.items())),
        *(_arrow(arrow, colours[arrow.edge.target]) for arrow in placed.arrows),
        *(_box(stage, placed.boxes[stage.name], numbers[stage.name], colours[stage.name]) for stage in graph.stages),
        *(_label(arrow, numbers[arrow.edge.target], colours[arrow.edge.target]) for arrow in placed.arrows),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _colour(number: int) -> str:
    # Steps of the golden angle keep neighbours apart; all are dark enough on the pale bands.
    return f"hsl({round(number * 137.508) % 360},62%,36%)"


def _head(placed: Layout, title: str) -> str:
    width, height = math.ceil(placed.width), math.ceil(placed.height)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(title)}>',
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text class="title" x="{MARGIN}" y="{MARGIN + 22}">{escape(title)}</text>',
            f'<text class="hint" x="{MARGIN}" y="{MARGIN + 44}">'
            "Each box is a stage with what it says and collects. Beside it: on which answer the call goes on, and the "
            "number of the stage it goes to; arrows to one stage share its colour.</text>",
        )
    )


def _band(group: str, band: Rect, place: int) -> str:
    fill = BANDS[place % len(BANDS)]
    return (
        f'<rect class="band" x="{_n(band.x)}" y="{_n(band.y)}" width="{_n(band.width)}" height="{_n(band.height)}" '
        f'rx="8" fill="{fill}"/>\n'
        f'<text class="group" x="{_n(band.x + PAD)}" y="{_n(band.y + 28)}">{escape(group)}</text>'
    )


def _box(stage: StageNode, box: Rect, number: int, colour: str) -> str:
    left, y = box.x + PAD, box.y + PAD + NAME_PX
    lines = [
        f'<g class="stage" id={quoteattr(f"stage-{stage.name}")}>',
        f'<rect class="box" x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}" rx="6"/>',
        _number(number, box.x + box.width - PAD - 6, y - 4, colour),
        f'<text class="name" x="{_n(left)}" y="{_n(y)}">{escape(stage.name)}</text>',
    ]
    for line in stage.says:
        y += LINE_PX
        lines.append(f'<text class="says" x="{_n(left)}" y="{_n(y)}">♪ {escape(line)}</text>')
    if stage.collects:
        y += LINE_PX
        lines.append(f'<text class="collects" x="{_n(left)}" y="{_n(y)}">⌨ {escape(stage.collects)}</text>')
    return "\n".join((*lines, "</g>"))


def _number(number: int, x: float, y: float, colour: str) -> str:
    return (
        f'<rect x="{_n(x - 10)}" y="{_n(y - 8)}" width="20" height="16" rx="8" fill="{colour}"/>'
        f'<text class="number" x="{_n(x)}" y="{_n(y + 4)}">{number}</text>'
    )


def _label(arrow: Arrow, number: int, colour: str) -> str:
    x, y = arrow.label.x, arrow.label.y + LABEL_PX
    to = f'<tspan fill="{colour}" font-weight="700">→ {number}</tspan>'
    return f'<text class="label" x="{_n(x)}" y="{_n(y - 1)}">{escape(arrow.edge.label)} {to}</text>'


def _arrow(arrow: Arrow, colour: str) -> str:
    edge = arrow.edge
    end_x, end_y = arrow.points[-1]
    back = 7 if arrow.points[-2][0] > end_x else -7
    head = f"{_n(end_x)},{_n(end_y)} {_n(end_x + back)},{_n(end_y - 4)} {_n(end_x + back)},{_n(end_y + 4)}"
    return (
        f"<g data-from={quoteattr(edge.source)} data-to={quoteattr(edge.target)} data-on={quoteattr(edge.label)}>"
        f"<title>{escape(f'{edge.source} — {edge.label} → {edge.target}')}</title>"
        f'<path class="arrow" stroke="{colour}" d="{_path(arrow.points)}"/>'
        f'<polygon points="{head}" fill="{colour}"/></g>'
    )


def _path(points: tuple[Point, ...]) -> str:
    """Straight lines with rounded corners."""
    steps = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(CORNER, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        (ax, ay), (bx, by) = _towards(corner, before, radius), _towards(corner, after, radius)
        steps.append(f"L{_n(ax)} {_n(ay)}Q{_n(corner[0])} {_n(corner[1])} {_n(bx)} {_n(by)}")
    steps.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return "".join(steps)


def _towards(begin: Point, end: Point, distance: float) -> Point:
    length = math.dist(begin, end)
    if length == 0:
        return begin
    share = distance / length
    return begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
