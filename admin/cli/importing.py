"""`orderline import`: master data from CSV or Excel files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from admin.cli.configured import configured
from admin.config import Config
from admin.opening import StartError, open_database, pin_key, prepare_folder
from orders.imports.load import import_file
from orders.imports.sheet import UnreadableFile
from orders.imports.tables import TABLES

FAULTS_SHOWN = 50


@click.command("import")
@click.argument("kind", type=click.Choice(list(TABLES)))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--good-rows", is_flag=True, help="Keep the good lines of a file that has bad ones; else nothing of it.")
@click.option("--columns", is_flag=True, help="Only list the columns of this kind of file.")
@configured
def import_data(config: Config, kind: str, files: tuple[Path, ...], good_rows: bool, columns: bool) -> None:
    """Import master data; every bad line is named with what to write instead.

    \b
    Examples:
      orderline import regions regions.csv
      orderline import catalogue articles.xlsx
      orderline import retailers retailers.csv --good-rows
      orderline import allocation 2026-12.csv

    A new installation brings in regions, batches, routes and managers first, then retailers, the catalogue and the
    allocation. `orderline import KIND --columns` says which columns a kind has.

    The first line names the columns, in Chinese or English; a column that is left out leaves what is stored alone.
    The whole file is checked before anything is kept; then it is written a few lines at a time, so that calls go on.
    Importing a file again changes nothing twice: retailers are known by licence number, articles by code. Exit 1 when
    a line was bad.
    """
    if columns:
        _list_columns(kind)
        return
    if not files:
        raise click.UsageError("name at least one file")
    try:
        prepare_folder(config)
        store = open_database(config)
        key = pin_key(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    bad = 0
    for path in files:
        try:
            with _progress() as done:
                report = import_file(store, kind, path, pin_key=key, keep_good=good_rows, progress=done)
        except UnreadableFile as error:
            raise click.ClickException(str(error)) from error
        for fault in report.faults[:FAULTS_SHOWN]:
            click.echo(f"{path}: {fault}")
        if report.bad > FAULTS_SHOWN:
            click.echo(f"{path}: and {report.bad - FAULTS_SHOWN} more")
        click.echo(f"{path}: {report.lines} lines, {report.written} written, {report.bad} faults")
        bad += report.bad
    store.close()
    if bad:
        raise SystemExit(1)


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Lines written so far, on a terminal only."""
    columns = (TextColumn("{task.completed} lines written"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("lines", total=None)
        yield lambda written: progress.update(task, completed=written)


def _list_columns(kind: str) -> None:
    for column in TABLES[kind].fields:
        need = "required" if column.required else "optional"
        click.echo(f"{column.name:14} {'/'.join(column.headings):16} {need}")
