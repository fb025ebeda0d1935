"""`orderline import`: retailers, catalogue and allocation from CSV or Excel files."""

from __future__ import annotations

from pathlib import Path

import click

from admin.bootstrap import StartError, open_database, pin_key, prepare_folder
from admin.cli.configured import configured
from admin.config import Config
from orders.imports.load import import_file
from orders.imports.sheet import UnreadableFile

FAULTS_SHOWN = 50


@click.command("import")
@click.argument("kind", type=click.Choice(["retailers", "catalogue", "allocation"]))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--good-rows", is_flag=True, help="Keep the good lines of a file that has bad ones; else nothing of it.")
@configured
def import_data(config: Config, kind: str, files: tuple[Path, ...], good_rows: bool) -> None:
    """Import master data; every bad line is named with what to write instead.

    \b
    Examples:
      orderline import catalogue articles.xlsx
      orderline import retailers retailers.csv --good-rows
      orderline import allocation 2026-12.csv

    The first line names the columns, in Chinese or English. Importing a file again changes nothing twice: retailers
    are known by licence number, articles by code. Exit 1 when a line was bad.
    """
    try:
        prepare_folder(config)
        store = open_database(config)
        key = pin_key(config)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    bad = 0
    for path in files:
        try:
            report = import_file(store, kind, path, pin_key=key, keep_good=good_rows)
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
