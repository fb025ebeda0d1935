"""`orderline campaigns`: who is called and why, campaigns made and moved, notices, phones to look into."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.calling_out import calling_rules
from admin.cli.campaign_reports import REASONS, report
from admin.cli.configured import configured
from admin.config import Config
from admin.opening import look_into_database
from orders.calling.campaigns import CampaignRefused, Wish, make, move
from orders.calling.planning import Filters
from orders.calling.report import TargetLine, target_lines
from orders.calling.rules import CallingRules
from orders.models import Campaign, CampaignTarget, PhoneTask, Retailer


@click.group()
def campaigns() -> None:
    """Call retailers who have not ordered, or tell them something.

    \b
    Examples:
      orderline campaigns preview --until 16:00 --batch day1
      orderline campaigns create "Monday" --until 16:00 --batch day1
      orderline campaigns start 3
      orderline campaigns notice "Snow" --text 因大雪，送货改至明天。 --route R01 --until 18:00
      orderline campaigns report 3 --csv monday.csv

    Calls are made by a running order line with campaigns.enabled. Only retailers who agreed are called
    (`orderline import consents`); a campaign that was made begins by itself at its time.
    """


def _whom(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which retailers a campaign is about; given on as `filters`."""

    @click.option("--batch", "batches", multiple=True, help="Only this batch (again for more).")
    @click.option("--region", "regions", multiple=True, help="Only this region, by code.")
    @click.option("--route", "routes", multiple=True, help="Only this delivery route, by code.")
    @click.option("--manager", "managers", multiple=True, help="Only this customer manager's retailers, by name.")
    @click.option("--grade", "grades", multiple=True, help="Only this grade.")
    @click.option(
        "--last-outcome",
        "last_outcomes",
        multiple=True,
        help="Only those whose newest call of ours came to this, such as no_answer or busy; never: not called yet.",
    )
    @click.option("--licence", "licences", multiple=True, help="Only this retailer, by licence number.")
    @click.option("--licences", "file", type=click.Path(path_type=Path), help="Only those in this file, one a line.")
    @wraps(command)
    def with_filters(*args: Any, file: Path | None, **options: Any) -> None:
        names = ("batches", "regions", "routes", "managers", "grades", "licences", "last_outcomes")
        chosen = {name: options.pop(name) for name in names}
        if file:
            chosen["licences"] += _licences_in(file)
        command(*args, filters=Filters(**chosen), **options)

    return with_filters


def _licences_in(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} can't be read ({error}): give a text file, one licence a line") from error
    wrong = next((line for line in lines if not (len(line) == 12 and line.isdigit())), None)
    if wrong is not None or not lines:
        raise click.ClickException(f"{file}: {wrong or 'empty'}: write one licence of 12 digits a line")
    return tuple(lines)


_DAY = click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The order day [default: today].")
_FROM = click.option("--from", "begin", type=click.DateTime(["%H:%M"]), help="When it begins [default: now].")
_UNTIL = click.option("--until", "end", required=True, type=click.DateTime(["%H:%M"]), help="The cut-off.")
_BY = click.option("--by", default=getpass.getuser, help="Who says so [default: the user logged in].")


@campaigns.command("list")
@click.option("--all", "all_", is_flag=True, help="Those that are over, too.")
@configured
def list_(config: Config, all_: bool) -> None:
    """Campaigns, the newest first."""
    query = select(Campaign).order_by(Campaign.id.desc()).limit(100)
    if not all_:
        query = query.where(Campaign.state.in_(("planned", "running", "paused")))
    store = look_into_database(config)
    with store.session() as session:
        rows = session.scalars(query).all()
        for campaign in rows:
            left = func.count().filter(CampaignTarget.state.in_(("waiting", "claimed", "dialling")))
            counts = session.execute(select(left, func.count()).where(CampaignTarget.campaign_id == campaign.id)).one()
            starts, ends = (at.astimezone(config.zone()) for at in (campaign.starts_at, campaign.ends_at))
            when = f"{starts:%m-%d %H:%M}-{ends:%H:%M}"
            click.echo(
                f"{campaign.id:>5}  {campaign.state:8} {campaign.kind:8} {when}  "
                f"{counts[0]} of {counts[1]} left  {campaign.name}"
            )
    click.echo(f"{len(rows)} campaigns")
    store.close()


@campaigns.command()
@click.argument("number", type=int, required=False)
@_DAY
@click.option("--until", "end", type=click.DateTime(["%H:%M"]), help="The cut-off.")
@click.option("--each", is_flag=True, help="Name every retailer.")
@_whom
@configured
def preview(
    config: Config, number: int | None, day: datetime | None, end: datetime | None, each: bool, filters: Filters
) -> None:
    """Who would be called and who is left out, because of what. Of a campaign, or of one that might be made."""
    store = look_into_database(config)
    with store.session() as session, session.begin() as undone:
        campaign = session.get(Campaign, number) if number else _tentative(session, config, day, end, filters)
        if campaign is None:
            raise click.ClickException(f"there is no campaign {number}: see `orderline campaigns list`")
        lines = list(target_lines(session, campaign))
        undone.rollback()
    store.close()
    _show_preview(lines, each=each)


def _tentative(
    session: Session, config: Config, day: datetime | None, end: datetime | None, filters: Filters
) -> Campaign:
    if end is None:
        raise click.UsageError("name a campaign's number, or --until (the cut-off) of one that might be made")
    return _made(session, config, "reminder", "preview", day, None, end, filters)


def _show_preview(lines: list[TargetLine], *, each: bool) -> None:
    out = Counter(line.reason for line in lines if line.state == "left_out")
    inside = [line for line in lines if line.state != "left_out"]
    click.echo(f"{len(inside)} are called: due, no order yet, agreed to calls, reachable")
    for reason, count in out.most_common():
        click.echo(f"{count:>6} left out: {REASONS.get(reason, reason)}")
    for line in lines if each else ():
        why = REASONS.get(line.reason, line.reason) if line.state == "left_out" else "called"
        click.echo(f"{line.licence_no}  {line.shop}  {why}")


@campaigns.command()
@click.argument("name")
@_DAY
@_FROM
@_UNTIL
@_BY
@_whom
@configured
def create(
    config: Config,
    name: str,
    day: datetime | None,
    begin: datetime | None,
    end: datetime,
    by: str,
    filters: Filters,
) -> None:
    """Make a reminder campaign for an order day; it begins by itself."""
    store = look_into_database(config)
    with store.transaction() as session:
        campaign = _made(session, config, "reminder", name, day, begin, end, filters, by=by)
        _say_made(session, config, campaign)
    store.close()


@campaigns.command()
@click.argument("name")
@click.option("--text", required=True, help="What is said, in Chinese.")
@click.option("--text-en", default="", help="The same in English.")
@_FROM
@_UNTIL
@_BY
@_whom
@configured
def notice(
    config: Config,
    name: str,
    text: str,
    text_en: str,
    begin: datetime | None,
    end: datetime,
    by: str,
    filters: Filters,
) -> None:
    """Tell retailers something (weather, late delivery, supply), whether they order today or not."""
    if filters == Filters():
        raise click.UsageError("say whom it is for: --route, --region, --licences …")
    store = look_into_database(config)
    with store.transaction() as session:
        campaign = _made(
            session, config, "notice", name, None, begin, end, filters, by=by, text_zh=text, text_en=text_en
        )
        _say_made(session, config, campaign)
    store.close()


def _made(
    session: Session,
    config: Config,
    kind: str,
    name: str,
    day: datetime | None,
    begin: datetime | None,
    end: datetime,
    filters: Filters,
    **more: str,
) -> Campaign:
    now, rules = datetime.now(UTC), calling_rules(config)
    on = day.date() if day else now.astimezone(rules.zone).date()
    ends_at = _moment(on, end.time(), rules)
    starts_at = _moment(on, begin.time(), rules) if begin else min(now, ends_at)
    by = more.pop("by", "")
    try:
        return make(session, Wish(kind, name, on, starts_at, ends_at, filters, **more), rules, by, now)
    except CampaignRefused as refused:
        raise click.ClickException(str(refused)) from refused


def _moment(day: date, at: time, rules: CallingRules) -> datetime:
    return datetime.combine(day, at, rules.zone).astimezone(UTC)


def _say_made(session: Session, config: Config, campaign: Campaign) -> None:
    calls = select(func.count()).where(CampaignTarget.campaign_id == campaign.id, CampaignTarget.state == "waiting")
    begins = campaign.starts_at.astimezone(config.zone())
    click.echo(
        f"campaign {campaign.id}: {session.scalar(calls)} retailers from {begins:%Y-%m-%d %H:%M}; "
        f"`orderline campaigns preview {campaign.id}` says who and why"
    )
    if not config.campaigns.enabled:
        click.echo("campaigns.enabled is off here: nothing is dialled until a running node has it on", err=True)


def _mover(what: str, about: str) -> click.Command:
    @click.command(what, help=about)
    @click.argument("number", type=int)
    @_BY
    @configured
    def command(config: Config, number: int, by: str) -> None:
        store = look_into_database(config)
        try:
            with store.transaction() as session:
                campaign = move(session, number, what, by, datetime.now(UTC))
                click.echo(f"campaign {number} is {campaign.state}")
        except CampaignRefused as refused:
            raise click.ClickException(str(refused)) from refused
        finally:
            store.close()

    return command


for _what, _about in (
    ("start", "Begin a campaign now instead of at its time."),
    ("pause", "Begin no more calls; those under way go on."),
    ("resume", "Go on with a paused campaign."),
    ("stop", "End a campaign; whoever was not called is not called."),
):
    campaigns.add_command(_mover(_what, _about))
campaigns.add_command(report)


@campaigns.command()
@click.option("--close", "closed", type=int, multiple=True, help="Number of a task that was dealt with.")
@configured
def phones(config: Config, closed: tuple[int, ...]) -> None:
    """Numbers that failed again and again: find out the right one, import it, close the task."""
    store = look_into_database(config)
    with store.transaction() as session:
        for number in closed:
            task = session.get(PhoneTask, number)
            if task is None or task.state != "open":
                raise click.ClickException(f"there is no open task {number}: see `orderline campaigns phones`")
            task.state = "done"
        query = select(PhoneTask, Retailer).join(Retailer, Retailer.id == PhoneTask.retailer_id)
        rows = session.execute(query.where(PhoneTask.state == "open").order_by(PhoneTask.id)).all()
        for task, retailer in rows:
            since = task.opened_at.astimezone(config.zone())
            click.echo(
                f"{task.id:>5}  {since:%m-%d %H:%M}  {retailer.licence_no} {retailer.name_zh}  "
                f"{task.number}  {task.reason}"
            )
    click.echo(f"{len(rows)} open")
    store.close()
