"""`orderline lines`: the line registry, what staff does with lines, their self-test and history."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from admin.cli.configured import configured
from admin.config import Config
from admin.line_care import try_now
from admin.opening import StartError, look_into_database
from ivr.lines.asterisk.conf_folder import read_plant
from ivr.lines.asterisk.trial_call import CantTry
from ivr.plant import PlantError
from ivr.plant_registry import differences, registered_plant, write_plant
from orders.faults.contacts import ContactError
from orders.faults.sightings import forget as forget_node
from orders.lines import service, views
from orders.lines.changes import history as changes_of
from orders.lines.service import LineError
from orders.store import Store

BY = click.option("--by", "who", default=getpass.getuser, help="Who does it [default: the user logged in].")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
FOLLOWS = "Asterisk follows within seconds where asterisk.files is set; else run `orderline asterisk render`"


@click.group()
def lines() -> None:
    """Lines, boards and slots: what there is, how it stands, out of service and in again.

    \b
    Examples:
      orderline lines import plant.toml
      orderline lines list
      orderline lines test carrier
      orderline lines out carrier "cable work until noon"
      orderline lines move-module board-a/3 board-a/7
      orderline lines history 02785550001
    """


@lines.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Also where it takes something away or plugs it elsewhere.")
@BY
@configured
def import_plant(config: Config, file: Path, replace: bool, who: str) -> None:
    """Write a plant file (trunks, boards, slots, modules, numbers, routes, contacts) into the registry.

    What staff has taken out stays out, and a failed module stays failed.
    """
    with _session(config) as session:
        plant = read_plant(file)
        taken = differences(registered_plant(session), plant)
        if taken and not replace:
            raise LineError("\n".join([*taken, "if that is meant, run it again with --replace"]))
        write_plant(session, plant, datetime.now(UTC), who)
    for change in taken:
        click.echo(change)
    click.echo(
        f"{len(plant.line_names())} lines, {len(plant.numbers)} numbers, {len(plant.contacts)} contacts; {FOLLOWS}"
    )


@lines.command("list")
@click.option("--slots", "of_slots", is_flag=True, help="Slots and modules instead, those on the shelf too.")
@AS_JSON
@configured
def list_lines(config: Config, of_slots: bool, as_json: bool) -> None:
    """All lines and how they stand."""
    with _session(config) as session:
        found = views.slots(session) if of_slots else views.lines(session)
        spare = service.spare_slots(session)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, default=_text))
        return
    for one in found:
        click.echo(_slot_row(one) if isinstance(one, views.SlotView) else _row(one, config))
    if not found:
        click.echo("the registry is empty: `orderline lines import plant.toml`")
    click.echo("spare slots: " + (", ".join(f"{len(places)} {side}" for side, places in spare.items()) or "none"))


@lines.command()
@click.argument("name")
@AS_JSON
@configured
def show(config: Config, name: str, as_json: bool) -> None:
    """One line: where, numbers, service, state, and its newest changes."""
    with _session(config) as session:
        line = views.view(service.find_line(session, name))
        changes = changes_of(session, name, most=5)
    if as_json:
        click.echo(json.dumps(asdict(line), ensure_ascii=False, default=_text))
        return
    click.echo(_row(line, config))
    for change in changes:
        click.echo(f"  {_when(change.at, config)}  {change.what}  {change.detail}  ({change.by})")


@lines.command()
@click.argument("name")
@click.argument("reason")
@BY
@configured
def out(config: Config, name: str, reason: str, who: str) -> None:
    """Take a line, or all lines of a board, out of service: no call goes out by it; calls that are on it go on."""
    with _session(config) as session:
        taken = service.take_out(session, name, reason, who, datetime.now(UTC))
    click.echo(f"{', '.join(taken)}: out of service; {FOLLOWS}")


@lines.command("in")
@click.argument("name")
@BY
@configured
def into(config: Config, name: str, who: str) -> None:
    """Put a line, or all lines of a board, back into service."""
    with _session(config) as session:
        put = service.put_in(session, name, who, datetime.now(UTC))
    click.echo(f"{', '.join(put)}: in service; {FOLLOWS}")


@lines.command("move-module")
@click.argument("source")
@click.argument("target")
@click.option("--spare", default="", metavar="SERIAL", help="A module from the shelf, put into TARGET first.")
@BY
@configured
def move_module(config: Config, source: str, target: str, spare: str, who: str) -> None:
    """Move the lines of a failed module (SOURCE, as board-a/3) to a spare slot (TARGET, as board-a/7)."""
    with _session(config) as session:
        moved = service.move_module(session, source, target, who, datetime.now(UTC), spare=spare)
        left = service.spare_slots(session)
    click.echo(f"{', '.join(moved)}: now at {target}, plug them in there; {FOLLOWS}")
    click.echo("spare slots left: " + ", ".join(f"{len(places)} {side}" for side, places in left.items()))


@lines.command()
@click.argument("name")
@click.option("--number", default="", help="Number to dial [default: health.test_number].")
@configured
def test(config: Config, name: str, number: str) -> None:
    """Test a line now: how Asterisk sees it, and a test call that listens for a greeting.

    Exit code 1 when it does not work; the leading node makes a fault of it.
    """
    with _session(config) as session:
        service.find_line(session, name)
    store = _opened(config)
    try:
        result, detail = try_now(store, config, name, number, lambda: datetime.now(UTC))
    except CantTry as error:
        raise click.ClickException(str(error)) from error
    finally:
        store.close()
    click.echo(f"{name}: {result}, {detail}")
    if result not in ("ok", "busy"):
        raise click.exceptions.Exit(1)


@lines.command()
@click.argument("node")
@configured
def forget(config: Config, node: str) -> None:
    """Forget a node that was taken away for good: its silence is a fault no longer."""
    with _session(config) as session:
        if not forget_node(session, node):
            raise LineError(f"no node {node} has said anything")
    click.echo(f"{node}: forgotten")


@lines.command()
@click.argument("name", default="")
@click.option("--most", default=50, show_default=True, help="How many.")
@configured
def history(config: Config, name: str, most: int) -> None:
    """What became of a line, a slot (slot:board-a/3), or of all; newest first."""
    with _session(config) as session:
        changes = changes_of(session, name, most)
        if name and not changes:
            service.find_line(session, name)
    for change in changes:
        click.echo(f"{_when(change.at, config)}  {change.about:<14} {change.what}  {change.detail}  ({change.by})")


def _row(line: views.LineView, config: Config) -> str:
    stands = f"down ({line.cause})" if line.state == "down" else line.state
    told = f"{line.name:<14} {line.kind:<8} {line.where:<24} {stands} since {_when(line.since, config)}"
    numbers = f"  [{', '.join(line.numbers)}]" if line.numbers else ""
    return told + numbers + (f"  OUT OF SERVICE: {line.out_reason}" if line.service == "out" else "")


def _slot_row(slot: views.SlotView) -> str:
    told = f"{slot.place:<16} {slot.module or '-':<12} {slot.side or '-':<8} {slot.use:<7}"
    return f"{told} {', '.join(slot.lines)}".rstrip()


def _when(at: datetime, config: Config) -> str:
    return f"{at.astimezone(config.zone()):%Y-%m-%d %H:%M}"


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def _session(config: Config) -> Iterator[Session]:
    """One transaction; what a person can mend is told in a line each."""
    store = _opened(config)
    try:
        with store.transaction() as session:
            yield session
    except (LineError, PlantError, ContactError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        store.close()


def _opened(config: Config) -> Store:
    try:
        return look_into_database(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
