"""A file's way into the database: checked whole, then written; or its good lines; a second time changes nothing.

What is wrong is collected line by line with what to write instead; nobody has to import twenty times to find twenty
faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from orders.imports.fields import Field, Value
from orders.imports.order_writers import BadLine
from orders.imports.sheet import Row, UnreadableFile, read_rows
from orders.imports.tables import TABLES, Table
from orders.imports.writers import WRITERS, Values, Writer
from orders.store import Store

MOST_FAULTS = 1000
SAME = "the same as line "
WRITTEN_AT_ONCE = 25
"""Lines in one transaction: some 20 to 50 ms, for which a call's step may have to wait."""

Thing = list[tuple[Row, Values]]
"""The lines that are kept together or not at all: mostly one."""


def _silent(_done: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: the file's line, the column ("" for the whole line), what and what instead."""

    line: int
    column: str
    problem: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.problem}"


@dataclass(slots=True)
class Report:
    """What became of a file. `written` is 0 when nothing was kept; `bad` counts faults, `faults` names the first.

    `kept` counts what the lines make up, such as orders of several lines each.
    """

    file: str
    lines: int = 0
    written: int = 0
    kept: int = 0
    bad: int = 0
    faults: list[Fault] = field(default_factory=list)


def import_file(
    store: Store, kind: str, path: Path, *, pin_key: bytes, keep_good: bool, progress: Callable[[int], None] = _silent
) -> Report:
    """Import one file. With `keep_good` the good lines are written, otherwise only a file without faults.

    The whole file is checked before its first line is kept. Lines are written a few at a time, so that calls go on
    meanwhile; what was interrupted is imported again, which changes nothing twice. `progress` is told how many lines
    are done. Raises UnreadableFile, KeyError for an unknown kind.
    """
    heading, rows = read_rows(path)
    _check_heading(TABLES[kind], path, heading)
    return import_rows(store, kind, rows, str(path), pin_key=pin_key, keep_good=keep_good, progress=progress)


def import_rows(
    store: Store,
    kind: str,
    rows: Iterable[Row],
    source: str,
    *,
    pin_key: bytes,
    keep_good: bool,
    at_once: bool = False,
    progress: Callable[[int], None] = _silent,
) -> Report:
    """Import rows from anywhere, `source` says where, under the same rules as those of a file.

    With `at_once` all of them are written in one transaction or none, for which calls wait: for few rows only.
    """
    writer, report = WRITERS[kind], Report(source)
    things = _things(TABLES[kind], rows, report)
    if at_once:
        _write(store, writer, _prepared(writer, things, pin_key), report, or_none=True)
    else:
        things = _rehearsed(store, writer, things, report)
        for some in _chunks(things) if not report.bad or keep_good else ():
            _write(store, writer, _prepared(writer, some, pin_key), report)
            progress(report.written)
    report.faults.sort(key=lambda fault: fault.line)
    return report


def _things(table: Table, rows: Iterable[Row], report: Report) -> list[Thing]:
    """The checked lines, those together that belong together; of a thing with a bad line nothing is left."""
    things: dict[object, Thing] = {}
    bad: set[object] = set()
    for row, values in _checked(table, rows, report):
        key = tuple(_cell(column, row) for column in table.fields if column.name in table.together) or row.number
        if values is None:
            bad.add(key)
        else:
            things.setdefault(key, []).append((row, values))
    return [thing for key, thing in things.items() if key not in bad]


def _rehearsed(store: Store, writer: Writer, things: list[Thing], report: Report) -> list[Thing]:
    """Those that can be written; each is tried, and nothing of it kept."""
    good: list[Thing] = []
    for some in _chunks(things):
        with store.session() as session, session.begin() as transaction:
            good += [thing for thing in some if _is_written(session, writer, thing, report)]
            transaction.rollback()
    return good


def _prepared(writer: Writer, things: list[Thing], pin_key: bytes) -> list[Thing]:
    """Hashing PINs takes longer than writing: not while the database waits for us."""
    return [[(row, writer.prepare(values, pin_key)) for row, values in thing] for thing in things]


def _write(store: Store, writer: Writer, things: list[Thing], report: Report, *, or_none: bool = False) -> None:
    """What can be written in one transaction; with `or_none` only if nothing of the whole import is wrong."""
    with store.session() as session, session.begin() as transaction:
        written = [thing for thing in things if _is_written(session, writer, thing, report)]
        if or_none and report.bad:
            transaction.rollback()
            return
    report.kept += len(written)
    report.written += sum(len(thing) for thing in written)


def _is_written(session: Session, writer: Writer, thing: Thing, report: Report) -> bool:
    try:
        with session.begin_nested():
            writer.write(session, [values for _, values in thing])
            session.flush()
    except ValueError as error:
        row, _ = thing[error.at if isinstance(error, BadLine) else 0]
        _blame(report, row.number, "", str(error))
        return False
    return True


def _chunks(things: list[Thing]) -> Iterator[list[Thing]]:
    some: list[Thing] = []
    lines = 0
    for thing in things:
        if some and lines + len(thing) > WRITTEN_AT_ONCE:
            yield some
            some, lines = [], 0
        some.append(thing)
        lines += len(thing)
    if some:
        yield some


def _checked(table: Table, rows: Iterable[Row], report: Report) -> Iterable[tuple[Row, Values | None]]:
    """Each row with its values, None for a bad one."""
    seen: dict[tuple[Value, ...], int] = {}
    for row in rows:
        report.lines += 1
        values = _values(table, row, report)
        if values is not None:
            key = tuple(values.get(name, "") for name in table.key)
            if seen.setdefault(key, row.number) != row.number:
                _blame(report, row.number, table.key[0], f"{SAME}{seen[key]}; keep one of them")
                values = None
        yield row, values


def _check_heading(table: Table, path: Path, heading: Sequence[str]) -> None:
    known = {name for column in table.fields for name in (column.name, *column.headings)}
    missing = [
        "/".join((column.name, *column.headings))
        for column in table.fields
        if column.required and not any(name in heading for name in (column.name, *column.headings))
    ]
    if missing:
        raise UnreadableFile(f"{path}: the columns {', '.join(missing)} are missing in line 1")
    if unknown := [name for name in heading if name and name not in known]:
        raise UnreadableFile(f"{path}: unknown columns {', '.join(unknown)}; take them out or correct their names")


def _values(table: Table, row: Row, report: Report) -> Values | None:
    """The row's checked values; what the file leaves open is left out. None when a cell is wrong."""
    values: Values = {}
    is_good = True
    for column in table.fields:
        cell = _cell(column, row)
        if not column.required and (cell is None or (not cell and not column.clears)):
            continue
        if not cell and column.required:
            _blame(report, row.number, column.name, "is empty")
            is_good = False
            continue
        try:
            values[column.name] = column.check(cell) if cell else column.default
        except ValueError as error:
            _blame(report, row.number, column.name, str(error))
            is_good = False
    return values if is_good else None


def _cell(column: Field, row: Row) -> str | None:
    """What stands under any of the column's headings; None when the file does not have it."""
    return next((row.cells[name] for name in (column.name, *column.headings) if name in row.cells), None)


def _blame(report: Report, line: int, column: str, problem: str) -> None:
    report.bad += 1
    if len(report.faults) < MOST_FAULTS:
        report.faults.append(Fault(line, column, problem))
