"""A file's way into the database: checked whole, then written; or its good lines; a second time changes nothing.

What is wrong is collected line by line with what to write instead; nobody has to import twenty times to find twenty
faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orders.imports.fields import Value
from orders.imports.sheet import Row, UnreadableFile, read_rows
from orders.imports.tables import TABLES, Table
from orders.imports.writers import WRITERS, Values, Writer
from orders.store import Store

MOST_FAULTS = 1000
SAME = "the same as line "
WRITTEN_AT_ONCE = 25
"""Lines in one transaction: some 20 to 50 ms, for which a call's step may have to wait."""

Rows = list[tuple[Row, Values]]


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
    """What became of a file. `written` is 0 when nothing was kept; `bad` counts faults, `faults` names the first."""

    file: str
    lines: int = 0
    written: int = 0
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
    progress: Callable[[int], None] = _silent,
) -> Report:
    """Import rows from anywhere, `source` says where, under the same rules as those of a file."""
    table, writer = TABLES[kind], WRITERS[kind]
    report = Report(source)
    good = list(_checked(table, rows, report))
    good = _rehearsed(store, writer, good, report)
    if not report.bad or keep_good:
        for some in _chunks(good):
            # Hashing PINs takes longer than writing: not while the database waits for us.
            prepared = [(row, writer.prepare(values, pin_key)) for row, values in some]
            with store.transaction() as session:
                for _, values in prepared:
                    writer.write(session, values)
                    session.flush()
            report.written += len(prepared)
            progress(report.written)
    report.faults.sort(key=lambda fault: fault.line)
    return report


def _rehearsed(store: Store, writer: Writer, rows: Rows, report: Report) -> Rows:
    """The rows that can be written; each is tried, and nothing of it kept."""
    good: Rows = []
    for some in _chunks(rows):
        with store.session() as session, session.begin() as transaction:
            for row, values in some:
                try:
                    with session.begin_nested():
                        writer.write(session, values)
                        session.flush()
                    good.append((row, values))
                except ValueError as error:
                    _blame(report, row.number, "", str(error))
            transaction.rollback()
    return good


def _chunks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), WRITTEN_AT_ONCE):
        yield rows[start : start + WRITTEN_AT_ONCE]


def _checked(table: Table, rows: Iterable[Row], report: Report) -> Iterable[tuple[Row, Values]]:
    seen: dict[tuple[Value, ...], int] = {}
    for row in rows:
        report.lines += 1
        values = _values(table, row, report)
        if values is None:
            continue
        key = tuple(values.get(name, "") for name in table.key)
        if key in seen:
            _blame(report, row.number, table.key[0], f"{SAME}{seen[key]}; keep one of them")
            continue
        seen[key] = row.number
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
        cell = next((row.cells[name] for name in (column.name, *column.headings) if name in row.cells), None)
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


def _blame(report: Report, line: int, column: str, problem: str) -> None:
    report.bad += 1
    if len(report.faults) < MOST_FAULTS:
        report.faults.append(Fault(line, column, problem))
