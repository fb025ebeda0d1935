"""`orderline replay`: stored calls through today's code, before a change goes live."""

from __future__ import annotations

from datetime import datetime

import click

from admin.cli.configured import configured
from admin.config import Config
from admin.opening import StartError, look_into_database
from ivr.replay import replay_stored, stored_calls


@click.command()
@click.argument("calls", nargs=-1)
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M"]), help="Only calls that began since then.")
@configured
def replay(config: Config, calls: tuple[str, ...], since: datetime | None) -> None:
    """Run stored calls through today's dialogue and print the first difference of each.

    \b
    Examples:
      orderline replay                       every stored call
      orderline replay --since 2026-11-20
      orderline replay 3f2c...               one call

    Nothing is written and nobody is called. Exit 1 when an order would have come out differently; a call that only
    sounds different (another wording's prompt) is shown, too.
    """
    try:
        store = look_into_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    began = since.replace(tzinfo=config.zone()) if since else None
    played = sounds = orders = 0
    for call in stored_calls(store, began, calls):
        played += 1
        difference = replay_stored(store, call)
        if difference is None:
            continue
        orders += difference.orders
        sounds += not difference.orders
        kind = "ORDER " if difference.orders else "sound "
        click.echo(f"{kind} call {call} event {difference.sequence} at {difference.stage}: {difference.what}")
    click.echo(f"{played} calls replayed: {orders} would order differently, {sounds} would sound different")
    store.close()
    if orders:
        raise SystemExit(1)
