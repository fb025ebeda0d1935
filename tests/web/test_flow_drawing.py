"""The drawing of the stage table: everything is on it, nothing covers anything else, and it is always the same."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.cli.flow import flow
from ivr.dialogue.flow import STAGES
from ivr.flow_drawing import Edge, FlowGraph, StageNode, draw
from ivr.flow_graph import graph_of_table
from ivr.flow_layout import Layout, Point, Rect, lay_out

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw_from: st.DrawFn) -> FlowGraph:
    """Up to 30 stages in up to six groups, up to 80 edges of any kind, with texts of any letters."""
    text = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=24)
    names = draw_from(st.lists(text, min_size=1, max_size=30, unique=True))
    groups = draw_from(st.lists(text, min_size=1, max_size=6))
    stages = tuple(
        StageNode(name, draw_from(st.sampled_from(groups)), tuple(draw_from(st.lists(text, max_size=3))), "digits")
        for name in names
    )
    ends = st.sampled_from(names)
    edges = draw_from(st.lists(st.builds(Edge, ends, ends, text), max_size=80))
    return FlowGraph(stages, tuple(edges))


def segments(points: tuple[Point, ...]) -> list[tuple[Point, Point]]:
    return list(itertools.pairwise(points))


def crosses(segment: tuple[Point, Point], box: Rect) -> bool:
    """Whether a straight piece runs through the inside of a box."""
    (ax, ay), (bx, by) = segment
    return (
        min(ax, bx) < box.x + box.width
        and max(ax, bx) > box.x
        and min(ay, by) < box.y + box.height
        and max(ay, by) > box.y
    )


def check_nothing_covers_anything(placed: Layout) -> None:
    for one, other in itertools.combinations(placed.boxes.values(), 2):
        assert not one.overlaps(other)
    for one, other in itertools.combinations(placed.bands.values(), 2):
        assert not one.overlaps(other)
    labels = [arrow.label for arrow in placed.arrows]
    for one, other in itertools.combinations(labels, 2):
        assert not one.overlaps(other)
    for label, box in itertools.product(labels, placed.boxes.values()):
        assert not label.overlaps(box)
    for arrow, box in itertools.product(placed.arrows, placed.boxes.values()):
        assert not any(crosses(segment, box) for segment in segments(arrow.points)), arrow.edge


def check_arrows_are_told_apart(placed: Layout) -> None:
    """Arrows to different stages never share a piece of their way: they only cross."""
    upright = [
        (a[0], sorted((a[1], b[1])), arrow.edge)
        for arrow in placed.arrows
        for a, b in segments(arrow.points)
        if a[0] == b[0] and arrow.edge.source != arrow.edge.target
    ]
    level = [
        (a[1], sorted((a[0], b[0])), arrow.edge)
        for arrow in placed.arrows
        for a, b in segments(arrow.points)
        if a[1] == b[1]
    ]
    for pieces in (upright, level):
        for (at, span, edge), (other_at, other_span, other) in itertools.combinations(pieces, 2):
            if at == other_at and edge.target != other.target:
                assert span[1] <= other_span[0] or other_span[1] <= span[0], (edge, other)


def check_arrows_join_their_stages(placed: Layout) -> None:
    for arrow in placed.arrows:
        source, target = placed.boxes[arrow.edge.source], placed.boxes[arrow.edge.target]
        begin, end = arrow.points[0], arrow.points[-1]
        assert begin[0] == source.x + source.width
        assert source.y < begin[1] < source.y + source.height
        assert end[0] == (target.x + target.width if source is target else target.x)
        assert target.y < end[1] < target.y + target.height
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in segments(arrow.points))


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_any_graph_is_drawn_whole_and_nothing_covers_anything(graph: FlowGraph) -> None:
    placed = lay_out(graph)
    check_nothing_covers_anything(placed)
    check_arrows_are_told_apart(placed)
    check_arrows_join_their_stages(placed)
    assert [arrow.edge for arrow in placed.arrows] == list(graph.edges)
    ElementTree.fromstring(draw(graph))


def test_the_stage_table_is_drawn_whole() -> None:
    graph = graph_of_table()
    placed = lay_out(graph)
    check_nothing_covers_anything(placed)
    check_arrows_are_told_apart(placed)
    check_arrows_join_their_stages(placed)
    assert set(STAGES) <= set(placed.boxes)
    leads = {(stage.name, lead.to, lead.on) for stage in STAGES.values() for lead in stage.leads}
    assert leads <= {(edge.source, edge.target, edge.label) for edge in graph.edges}


def test_every_stage_prompt_arrow_and_label_is_in_the_file() -> None:
    graph = graph_of_table()
    root = ElementTree.fromstring(draw(graph))
    arrows = [(it.get("data-from"), it.get("data-to"), it.get("data-on")) for it in root.iter(f"{SVG}g")]
    assert [arrow for arrow in arrows if arrow[0]] == [(edge.source, edge.target, edge.label) for edge in graph.edges]
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    numbers = {stage.name: number for number, stage in enumerate(graph.stages, start=1)}
    for edge in graph.edges:
        texts.remove(f"{edge.label} → {numbers[edge.target]}")
    for stage in graph.stages:
        texts.remove(stage.name)
        for said in stage.says:
            texts.remove(f"♪ {said}")


def test_a_stage_that_takes_a_pin_says_so() -> None:
    (pin,) = (stage for stage in graph_of_table().stages if stage.name == "awaiting_pin")
    assert pin.says == ("pin_wanted",)
    assert pin.collects == "4-8 digits and #, secret"


def test_the_same_table_gives_the_same_file_in_every_process() -> None:
    code = "from ivr.flow_drawing import draw; from ivr.flow_graph import graph_of_table; import sys;"
    code += "sys.stdout.buffer.write(draw(graph_of_table()).encode())"
    files = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert files == {draw(graph_of_table()).encode()}


def test_texts_are_escaped_and_stay_what_they_were() -> None:
    name, label = "<b>\"&'</b>", "]]> & <script>"
    root = ElementTree.fromstring(draw(FlowGraph((StageNode(name, "a<b"),), (Edge(name, name, label),))))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert name in texts
    assert f"{label} → 1" in texts
    assert not list(root.iter(f"{SVG}script"))


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (FlowGraph((StageNode("a", "g"),), (Edge("a", "b", "1"),)), "there is no stage b"),
        (FlowGraph((StageNode("a", "g"), StageNode("a", "g")), ()), "two stages have the same name: a"),
    ],
)
def test_a_graph_that_leads_nowhere_is_refused(graph: FlowGraph, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        lay_out(graph)


def test_the_drawing_in_the_docs_is_that_of_the_table() -> None:
    kept = Path("docs/flow.svg").read_text("utf-8")
    assert kept == draw(graph_of_table()), "the table has changed: run `orderline flow --svg -o docs/flow.svg`"


def test_the_command_draws_lists_and_says_what_hinders_it(tmp_path: Path) -> None:
    drawn = CliRunner().invoke(flow, ["--svg"])
    assert drawn.output == draw(graph_of_table())
    listed = CliRunner().invoke(flow, [])
    assert "awaiting_pin (identify)   [4-8 digits and #, secret]\n    says pin_wanted\n    right -> " in listed.output
    refused = CliRunner().invoke(flow, ["-o", str(tmp_path / "none" / "flow.svg")])
    assert refused.exit_code == 1
    assert "choose another file" in refused.output
