"""`orderline callbacks`: who waits to be called back, and done with it."""

from __future__ import annotations

import click
from sqlalchemy import select

from admin.cli.configured import configured
from admin.config import Config
from admin.opening import StartError, look_into_database
from orders.models import CallbackRequest, Retailer


@click.command()
@click.option("--close", "closed", type=int, multiple=True, help="Number of a request that was dealt with.")
@configured
def callbacks(config: Config, closed: tuple[int, ...]) -> None:
    """List open call-back requests, oldest first, or close some.

    \b
    Examples:
      orderline callbacks
      orderline callbacks --close 58 --close 59
    """
    try:
        store = look_into_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    with store.transaction() as session:
        for number in closed:
            request = session.get(CallbackRequest, number)
            if request is None or request.state == "closed":
                raise click.ClickException(f"there is no open request {number}: see `orderline callbacks`")
            request.state = "closed"
        query = (
            select(CallbackRequest, Retailer.name_zh)
            .join(Retailer, Retailer.id == CallbackRequest.retailer_id, isouter=True)
            .where(CallbackRequest.state == "open")
            .order_by(CallbackRequest.requested_at)
        )
        rows = session.execute(query).all()
        for request, shop in rows:
            when = request.requested_at.astimezone(config.zone()).strftime("%m-%d %H:%M")
            who = f"{shop or '(unknown shop)'} {request.number or '(no number)'}"
            click.echo(f"{request.id:>5}  {when}  {who}  {request.reason}, stopped at {request.stage}")
    click.echo(f"{len(rows)} open")
    store.close()
