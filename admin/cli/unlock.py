"""`orderline unlock`: lift a PIN lock after making sure who it is."""

from __future__ import annotations

import getpass

import click

from admin.cli.configured import configured
from admin.config import Config
from admin.opening import StartError, look_into_database
from orders.order_desk import unlock as unlock_retailer


@click.command()
@click.argument("licence")
@configured
def unlock(config: Config, licence: str) -> None:
    """Lift the PIN lock of the retailer with this 12-digit licence number; who did it is kept in the audit.

    \b
    Example:
      orderline unlock 420102100008
    """
    try:
        store = look_into_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    with store.transaction() as session:
        lifted = unlock_retailer(session, licence, getpass.getuser())
    store.close()
    if not lifted:
        raise click.ClickException(f"no locked retailer has licence {licence}: check the 12 digits")
    click.echo(f"{licence} is unlocked")
