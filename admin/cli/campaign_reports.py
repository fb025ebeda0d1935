"""`orderline campaigns report`: how a campaign stands, whether it will be done in time, whom to follow up; as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy.orm import Session

from admin.bootstrap import look_into_database
from admin.calling_out import calling_rules
from admin.cli.configured import configured
from admin.config import Config
from orders.calling.forecast import forecast
from orders.calling.report import (
    Report,
    TargetLine,
    calls_by_outcome,
    cause_of,
    follow_up,
    over_time,
    pace_of,
    summed,
    target_lines,
)
from orders.models import Campaign

REASONS = {
    "no_consent": "nobody has asked whether it may be called",
    "refused": "refused calls",
    "no_phone": "no telephone is known",
    "closed": "closed",
    "ordered": "has ordered",
    "suspended": "suspended: its licence or its area",
    "called_enough": "called as often as the rules allow",
    "not_due": "not its order day",
    "past_cutoff": "the cut-off came first",
}
SPAN = timedelta(minutes=10)
WIDEST = 50


@click.command()
@click.argument("number", type=int)
@click.option("--follow-up", "whom", is_flag=True, help="List by customer manager who has not ordered.")
@click.option("--csv", "file", type=click.Path(path_type=Path), help="Write one line a retailer into this file.")
@configured
def report(config: Config, number: int, whom: bool, file: Path | None) -> None:
    """How a campaign stands: retailers, calls, causes, success rate, forecast, and its course over time."""
    store = look_into_database(config)
    with store.session() as session:
        campaign = session.get(Campaign, number)
        if campaign is None:
            raise click.ClickException(f"there is no campaign {number}: see `orderline campaigns list --all`")
        lines = list(target_lines(session, campaign))
        _show(summed(lines, calls_by_outcome(session, campaign)), campaign)
        _show_forecast(session, config, campaign, lines)
        _show_course(session, config, campaign)
    store.close()
    if whom:
        _show_follow_up(lines)
    if file:
        write_csv(file, lines)
        click.echo(f"{len(lines)} retailers in {file}")


def _show(summary: Report, campaign: Campaign) -> None:
    click.echo(f"campaign {campaign.id}  {campaign.name}  {campaign.kind}, {campaign.state}")
    click.echo(f"retailers {summary.targets}:  {_counted(summary.by_state)}")
    click.echo(f"calls {sum(summary.calls.values())}:  {_counted(summary.calls)}")
    if campaign.kind == "reminder":
        rate = f"{summary.success_rate:.1%}" if summary.due else "-"
        click.echo(f"ordered {summary.ordered} of {summary.due} due: {rate}   causes:  {_counted(summary.causes)}")


def _counted(counts: object) -> str:
    assert isinstance(counts, dict)
    return "  ".join(f"{name or 'under way'} {count}" for name, count in sorted(counts.items()))


def _show_forecast(session: Session, config: Config, campaign: Campaign, lines: list[TargetLine]) -> None:
    waiting = sum(line.state in ("waiting", "claimed", "dialling") for line in lines)
    if not waiting or campaign.state not in ("planned", "running", "paused"):
        return
    pace = pace_of(session, campaign, config.campaigns.most)
    now = max(datetime.now(UTC), campaign.starts_at)
    seen = forecast(waiting, pace, now, campaign.ends_at, calling_rules(config))
    if seen.done_by:
        click.echo(f"forecast: all {waiting} called by {seen.done_by.astimezone(config.zone()):%H:%M}")
        return
    helps = f"{seen.lines} lines instead of {pace.lines}" if seen.lines else "no number of lines; call by hand"
    click.echo(
        f"forecast: {seen.missed} of {waiting} miss the cut-off at this pace; "
        f"what helps: {helps}, or {seen.more_s // 60 + 1} minutes more"
    )


def _show_course(session: Session, config: Config, campaign: Campaign) -> None:
    course = over_time(session, campaign, SPAN)
    most = max((calls for _, calls, _ in course), default=0)
    for begins, calls, ordered in course:
        width = max(1, calls * WIDEST // most)
        orders = ordered * width // calls
        bar = "#" * orders + "-" * (width - orders)
        click.echo(f"{begins.astimezone(config.zone()):%H:%M}  {bar}  {calls} calls, {ordered} ordered")


def _show_follow_up(lines: list[TargetLine]) -> None:
    for manager, theirs in follow_up(lines).items():
        click.echo(f"\n{manager or '(no customer manager)'}: {len(theirs)}")
        for line in theirs:
            click.echo(f"  {line.licence_no}  {line.shop}  {line.phone}  {line.reason or 'not called yet'}")


def write_csv(file: Path, lines: Sequence[TargetLine]) -> None:
    """One line a retailer, UTF-8 with a mark so that spreadsheets read Chinese right. Raises ClickException."""
    names = [field.name for field in fields(TargetLine)]
    try:
        with file.open("w", encoding="utf-8-sig", newline="") as out:
            table = csv.writer(out)
            table.writerow([*names, "cause"])
            table.writerows([*map(_cell, astuple(line)), cause_of(line)] for line in lines)
    except OSError as error:
        raise click.ClickException(f"{file} can't be written ({error.strerror}): choose another place") from error


def _cell(value: object) -> str:
    """A spreadsheet takes what begins so for a formula: names come from files that anybody may have written."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
