"""`orderline bench`: measure this machine, beside a baseline in the same run."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from admin.config_sections import Log
from admin.logs import set_up_logging

NAMES = ("asterisk", "calls", "steps", "sales", "campaign", "console", "failover", "speech", "twilio")


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Recorded speech, for speech.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def bench(name: str, data: Path | None, as_json: bool) -> None:
    """Run a benchmark and print its figures beside its baseline.

    \b
    Examples:
      orderline bench steps            steps of the runner per second, beside bare commits
      orderline bench calls --json     SIP calls at once, beside stock pyVoIP
      orderline bench twilio           answers to webhooks with 100 calls at once, beside an empty view
      orderline bench sales            orders handed over, beside the bare interface
      orderline bench console          pages over a large database, fifty live views
      orderline bench asterisk         calls by Asterisk with orderline behind it, beside its own dialplan
      orderline bench failover         silence when a node is killed; a dead trunk out of rotation
      orderline bench speech --data D  how well the callers recorded in D are heard

    Machines differ and are noisy: compare the ratios, and runs on the same machine.
    """
    set_up_logging(Log(level="error"))
    # Some take the tests' telephones and switchboards, which are in the checkout and in no package.
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    try:
        module = importlib.import_module(f"bench.{name}")
    except ModuleNotFoundError as error:
        problem = f"{error.name} is not installed: benchmarks need a checkout set up with `make setup`"
        raise click.ClickException(problem) from error
    result = asdict(module.run(data) if name == "speech" else module.run())
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    table = Table(title=f"{result['name']} on {result['machine']['cpu']}, {result['machine']['cores']} cores")
    for heading in ("figure", "ours", "baseline"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for key in dict.fromkeys([*result["figures"], *result["baseline"]]):
        ours, other = (str(result[part].get(key, "")) for part in ("figures", "baseline"))
        table.add_row(key, ours, other)
    Console().print(table)
    click.echo(result["notes"])
