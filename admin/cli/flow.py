"""`orderline flow`: the stage table, as text or as a drawing, made from the table itself."""

from __future__ import annotations

from pathlib import Path

import click

from ivr.flow_drawing import draw
from ivr.flow_graph import graph_of_table
from ivr.flow_layout import FlowGraph


@click.command()
@click.option("--svg", is_flag=True, help="Draw it as SVG instead of listing it.")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to the screen."
)
def flow(svg: bool, out: Path | None) -> None:
    """Show every stage of a call, what it says and where each answer leads.

    \b
    Examples:
      orderline flow                          as text
      orderline flow --svg -o docs/flow.svg   as a drawing; the docs carry this one
      orderline flow --svg > flow.svg

    The table in ivr/dialogue/flow.py is the only source: what is drawn is what calls do.
    """
    graph = graph_of_table()
    text = draw(graph) if svg else _listed(graph)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise click.ClickException(f"{out} can't be written ({error.strerror}): choose another file") from error
    click.echo(f"wrote {out}: {len(graph.stages)} stages, {len(graph.edges)} arrows", err=True)


def _listed(graph: FlowGraph) -> str:
    lines: list[str] = []
    for stage in graph.stages:
        collects = f"   [{stage.collects}]" if stage.collects else ""
        lines.append(f"{stage.name} ({stage.group}){collects}")
        lines.extend(f"    says {said}" for said in stage.says)
        lines.extend(f"    {edge.label} -> {edge.target}" for edge in graph.edges if edge.source == stage.name)
    return "\n".join((*lines, ""))
