"""`orderline sales`: how the hand-over stands, both sides compared, and what a person does about a difference."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, date, datetime, timedelta

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.cli.configured import configured
from admin.config import Config
from admin.config_sections import SalesHttp
from admin.opening import StartError, look_into_database, pin_key
from admin.sales_system import connector_of, http_settings, tryton_settings
from orders.connectors.http_json.check import CheckedAgainst, check_endpoint
from orders.connectors.port import Unreachable
from orders.connectors.tryton.pulling import TrytonMasterData
from orders.imports.pulled import ForNew, pull
from orders.models import OutboxRow, Reconciliation
from orders.outbox import backlog, retry_dead
from orders.reconciliation import NothingToSettle, send_missing_again
from orders.reconciliation import explain as settle_explained
from orders.reconciliation import reconcile as compare_day
from orders.store import Store


@click.group()
def sales() -> None:
    """See the hand-over of orders to the sales system.

    \b
    Examples:
      orderline sales status
      orderline sales dead
      orderline sales retry 1-20261123-64
      orderline sales reconcile --day 2026-11-23
      orderline sales explain 1-20261123-64 "entered at the counter"
      orderline sales pull catalogue --grade A
      orderline sales check https://sales-test.example.com/orderline --secret-file shared.secret
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
    """Send orders again that are dead, or missing in the sales system: the same key never makes a second order."""
    store, now = _opened(config), datetime.now(UTC)
    with store.transaction() as session:
        for key in keys:
            if not retry_dead(session, key, now):
                _send_missing(session, key, now)
    store.close()
    click.echo(f"{len(keys)} will be sent again by the running order line")


@sales.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The order day [default: today].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@configured
def reconcile(config: Config, day: datetime | None, as_json: bool) -> None:
    """Compare our orders of a day with what the sales system holds, by key, lines and totals.

    Exit code 1 when a difference is open. Differences are settled by `retry` or `explain`.
    """
    store, connector = _opened(config), connector_of(config)
    chosen = day.date() if day else datetime.now(UTC).astimezone(config.zone()).date()
    try:
        run = compare_day(store, connector, chosen, datetime.now(UTC))
    except Unreachable as away:
        raise click.ClickException(f"the sales system can't be asked now: {away}") from away
    finally:
        connector.close()
        store.close()
    click.echo(json.dumps(_as_json(run), ensure_ascii=False) if as_json else _as_text(run))
    if any(difference.state == "open" for difference in run.differences):
        raise click.exceptions.Exit(1)


@sales.command()
@click.argument("key")
@click.argument("why")
@click.option("--by", "who", default=getpass.getuser, help="Who says so [default: the user logged in].")
@configured
def explain(config: Config, key: str, why: str, who: str) -> None:
    """Settle the differences of an order that are right as they are, with the reason."""
    store = _opened(config)
    try:
        with store.transaction() as session:
            settle_explained(session, key, why, who, datetime.now(UTC))
    except NothingToSettle as nothing:
        raise click.ClickException(str(nothing)) from nothing
    finally:
        store.close()
    click.echo(f"{key}: explained")


@sales.command()
@click.argument("url")
@click.option("--secret-file", required=True, help="A file that holds the shared secret.")
@click.option("--allow-private", is_flag=True, help="The endpoint may stand on this machine or a private network.")
@click.option("--licence", default="420102100001", show_default=True, help="A retailer its test system knows.")
@click.option("--article", default="101", show_default=True, help="An article it knows.")
@click.option("--price-fen", default=11_500, show_default=True, help="That article's price, fen a carton.")
@click.option("--day", default="2031-01-01", show_default=True, help="An order day without real orders.")
def check(
    url: str, secret_file: str, allow_private: bool, licence: str, article: str, price_fen: int, day: str
) -> None:
    """Try every promise of docs/sales-api.yaml at an endpoint: for the team that builds it, on a test system.

    It sends orders of its own under keys that begin with "check-". Exit code 1 when a promise is broken.
    """
    settings = http_settings(SalesHttp(url=url, secret_file=secret_file, allow_private=allow_private))
    try:
        other_day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except ValueError as error:
        raise click.UsageError(f"--day {day} is no day; write 2031-01-01") from error
    broken = 0
    for checked in check_endpoint(settings, CheckedAgainst(licence, article, price_fen, day, other_day)):
        told = f"BROKEN  {checked.promise}: {checked.problem}" if checked.problem else f"kept    {checked.promise}"
        click.echo(told)
        broken += bool(checked.problem)
    if broken:
        raise click.exceptions.Exit(1)


@sales.command("pull")
@click.argument("kind", type=click.Choice(["retailers", "catalogue"]))
@click.option("--batch", default="", help="The batch of retailers that are new here.")
@click.option("--grade", default="", help="The grade of retailers or articles that are new here.")
@configured
def pull_masters(config: Config, kind: str, batch: str, grade: str) -> None:
    """Bring master data in from the sales system (Tryton): names, phones; or names, prices, stock, on sale or not.

    What it does not know (batch, grade, supply category) stays as it is here; new retailers and articles get the
    options' values. Exit code 1 when a record could not be brought in.
    """
    if config.sales.system != "tryton":
        raise click.ClickException(f"sales.system is {config.sales.system}: only tryton tells master data")
    source = TrytonMasterData(tryton_settings(config.sales.tryton))
    store = _opened(config)
    graded = {"grade": grade} if grade else {}
    new = ForNew({"batch": batch, **graded} if batch else graded, {"category": "regular", **graded})
    try:
        report = pull(store, source, kind, new, pin_key=pin_key(config))
    except Unreachable as away:
        raise click.ClickException(f"Tryton can't be asked now: {away}") from away
    finally:
        source.close()
        store.close()
    for fault in report.faults[:50]:
        click.echo(f"{source.name}: {fault}")
    click.echo(f"{kind}: {report.lines} told, {report.written} written, {report.bad} faults")
    if report.bad:
        raise click.exceptions.Exit(1)


def _send_missing(session: Session, key: str, now: datetime) -> None:
    try:
        send_missing_again(session, key, getpass.getuser(), now)
    except NothingToSettle as nothing:
        raise click.ClickException(f"order {key} is neither dead nor known to be missing: {nothing}") from nothing


def _as_text(run: Reconciliation) -> str:
    head = (
        f"order day {run.order_day}, {run.system}: {run.ours} here, {run.held} there; "
        f"{run.matched} alike, {run.under_way} under way"
    )
    lines = [
        f"{difference.order_key}  {difference.kind.replace('_', ' ')}: {difference.detail}"
        + (f"  [explained by {difference.settled_by}: {difference.explanation}]" if difference.explanation else "")
        for difference in run.differences
    ]
    still_open = sum(difference.state == "open" for difference in run.differences)
    end = f"{still_open} open: `orderline sales retry KEY` or `explain KEY WHY`" if still_open else "no difference open"
    return "\n".join([head, *lines, end])


def _as_json(run: Reconciliation) -> dict[str, object]:
    return {
        "order_day": run.order_day.isoformat(),
        "system": run.system,
        "ours": run.ours,
        "held": run.held,
        "matched": run.matched,
        "under_way": run.under_way,
        "differences": [
            {"order_key": one.order_key, "kind": one.kind, "detail": one.detail, "state": one.state}
            for one in run.differences
        ],
    }


def _opened(config: Config) -> Store:
    try:
        return look_into_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
