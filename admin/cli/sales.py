"""`orderline sales`: how the hand-over stands, and dead orders taken up again."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from sqlalchemy import select

from admin.bootstrap import StartError, open_database
from admin.cli.configured import configured
from admin.config import Config
from orders.models import OutboxRow
from orders.outbox import backlog, retry_dead
from orders.store import Store


@click.group()
def sales() -> None:
    """See the hand-over of orders to the sales system.

    \b
    Examples:
      orderline sales status
      orderline sales dead
      orderline sales retry 1-20261123-64
    """


@sales.command()
@configured
def status(config: Config) -> None:
    """How many orders wait, were sent, are dead; whether the sales system takes orders."""
    store = _opened(config)
    with store.session() as session:
        stands = backlog(session)
    link = "open" if stands.link_open else f"DOWN ({stands.link_reason})"
    click.echo(f"sales system  {link}")
    click.echo(f"waiting {stands.waiting}   sent {stands.sent}   dead {stands.dead}")
    if stands.oldest:
        click.echo(f"oldest waiting since {stands.oldest.astimezone(config.zone()):%Y-%m-%d %H:%M:%S}")
    store.close()


@sales.command()
@configured
def dead(config: Config) -> None:
    """The dead-letter list: orders that were given up or refused, with the reason."""
    store = _opened(config)
    with store.session() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.state == "dead").order_by(OutboxRow.id)).all()
    for row in rows:
        click.echo(f"{row.order_key}  after {row.attempts} attempts: {row.last_error}")
    click.echo(f"{len(rows)} dead; `orderline sales retry KEY` sends one again")
    store.close()


@sales.command()
@click.argument("keys", nargs=-1, required=True)
@configured
def retry(config: Config, keys: tuple[str, ...]) -> None:
    """Send dead orders again, by order key; the same key never makes a second order."""
    store = _opened(config)
    with store.transaction() as session:
        for key in keys:
            if not retry_dead(session, key, datetime.now(UTC)):
                raise click.ClickException(f"no dead order has key {key}: see `orderline sales dead`")
    store.close()
    click.echo(f"{len(keys)} will be sent again by the running order line")


def _opened(config: Config) -> Store:
    try:
        return open_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
