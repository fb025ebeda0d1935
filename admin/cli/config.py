"""`orderline config`: what is in effect, with secrets masked, or the annotated example."""

from __future__ import annotations

import json

import click

from admin.cli.configured import effective_configuration
from admin.config_writing import effective, effective_values, example


@click.command(short_help="Show the configuration in effect, or the annotated example.")
@click.option("--example", "wants_example", is_flag=True, help="Print every key with its default and its meaning.")
@click.option("--json", "as_json", is_flag=True, help="Print the effective values as JSON.")
def config(wants_example: bool, as_json: bool) -> None:
    """Show the configuration in effect: defaults, then the file, then the environment. Secrets are masked.

    \b
    Examples:
      orderline config                              what is in effect here
      orderline config --example > orderline.toml   begin a configuration file
      ORDERLINE_SIP__PORT=5070 orderline config     any key can come from the environment
      orderline --config /etc/orderline.toml config --json
    """
    if wants_example:
        click.echo(example(), nl=False)
        return
    in_effect = effective_configuration()
    if as_json:
        click.echo(json.dumps(effective_values(in_effect), ensure_ascii=False, indent=2))
    else:
        click.echo(effective(in_effect), nl=False)
