"""Writing a checked file into the database: all of it or nothing, or the good lines; a second time changes nothing.

What is wrong is collected line by line with what to write instead; nobody has to import twenty times to find twenty
faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.identification import normalised
from orders.imports.fields import Value
from orders.imports.sheet import Row, UnreadableFile, read_rows
from orders.imports.tables import ALLOCATION, CATALOGUE, RETAILERS, TABLES, Table
from orders.models import Allocation, Article, Batch, Phone, Region, Retailer, RetailerLimit
from orders.pins import hash_pin
from orders.store import Store

MOST_FAULTS = 1000
Values = dict[str, Value]


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


def import_file(store: Store, kind: str, path: Path, *, pin_key: bytes, keep_good: bool) -> Report:
    """Import one file. With `keep_good` the good lines are written, otherwise only a file without faults.

    Raises UnreadableFile, KeyError for an unknown kind.
    """
    table = TABLES[kind]
    report = Report(str(path))
    good = list(_checked(table, path, report))
    with store.session() as session, session.begin() as transaction:
        write = _WRITERS[kind]
        for row, values in good:
            try:
                with session.begin_nested():
                    write(session, values, pin_key)
                    session.flush()
                report.written += 1
            except ValueError as error:
                _blame(report, row.number, "", str(error))
        if report.bad and not keep_good:
            transaction.rollback()
            report.written = 0
    report.faults.sort(key=lambda fault: fault.line)
    return report


def _checked(table: Table, path: Path, report: Report) -> Iterable[tuple[Row, Values]]:
    seen: dict[tuple[Value, ...], int] = {}
    heading, rows = read_rows(path)
    _check_heading(table, path, heading)
    for row in rows:
        report.lines += 1
        values = _values(table, row, report)
        if values is None:
            continue
        key = tuple(values.get(name, "") for name in table.key)
        if key in seen:
            _blame(report, row.number, table.key[0], f"the same as line {seen[key]}; keep one of them")
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
        if cell is None or (not cell and not column.required and not column.clears):
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


def _with_defaults(table: Table, values: Values) -> Values:
    """For what is new: a column that the file does not have gets its default."""
    return {column.name: column.default for column in table.fields} | values


def _assign(target: object, values: Values, *names: str) -> None:
    """Set what the file says, leave what it does not mention."""
    for name in names:
        if name in values:
            setattr(target, name, values[name])


def _write_retailer(session: Session, values: Values, pin_key: bytes) -> None:
    region = session.scalar(select(Region).where(Region.code == values["region"]))
    batch = session.scalar(select(Batch).where(Batch.code == values["batch"]))
    if region is None or batch is None:
        missing = f"region {values['region']}" if region is None else f"batch {values['batch']}"
        raise ValueError(f"there is no {missing}; create it first or correct the code")
    licence = str(values["licence_no"])
    retailer = session.scalar(select(Retailer).where(Retailer.licence_no == licence))
    if retailer is None:
        retailer = Retailer(licence_no=licence, licence_tail=licence[-6:])
        session.add(retailer)
        values = _with_defaults(RETAILERS, values)
    retailer.region_id, retailer.batch_id = region.id, batch.id
    _assign(retailer, values, "name_zh", "name_en", "grade", "language", "status", "assisted")
    if pin := values.get("pin"):
        retailer.pin_hash = hash_pin(str(pin), pin_key)
    kept = next((phone.number for phone in retailer.phones if phone.kind == "backup"), "")
    backup = str(values.get("backup_phone", kept))
    _set_phones(session, retailer, normalised(str(values["primary_phone"])), normalised(backup))


def _set_phones(session: Session, retailer: Retailer, primary: str, backup: str) -> None:
    if primary == backup:
        raise ValueError("the backup phone is the primary one; write another or leave it empty")
    retailer.phones.clear()
    session.flush()
    retailer.phones.append(Phone(number=primary, kind="primary"))
    if backup:
        retailer.phones.append(Phone(number=backup, kind="backup"))


def _write_article(session: Session, values: Values, _pin_key: bytes) -> None:
    article = session.get(Article, str(values["code"]))
    if article is None:
        article = Article(code=str(values["code"]))
        session.add(article)
        values = _with_defaults(CATALOGUE, values)
    article.price_fen = int(values["price"])
    _assign(article, values, "name_zh", "name_en", "category", "grade", "stock", "controlled", "on_sale")
    if "order_limit" in values:
        article.order_limit = int(values["order_limit"]) or None


def _write_allocation(session: Session, values: Values, _pin_key: bytes) -> None:
    values = _with_defaults(ALLOCATION, values)
    code, period, cartons = str(values["code"]), str(values["period"]), int(values["cartons"])
    if session.get(Article, code) is None:
        raise ValueError(f"there is no article {code}; import the catalogue first")
    if bool(values["grade"]) == bool(values["licence_no"]):
        raise ValueError("write either a grade or a licence number, not both and not neither")
    if values["grade"]:
        grade = str(values["grade"])
        by_grade = select(Allocation).where(
            Allocation.period == period, Allocation.article_code == code, Allocation.retailer_grade == grade
        )
        allocation = session.scalar(by_grade) or Allocation(period=period, article_code=code, retailer_grade=grade)
        allocation.cartons = cartons
        session.add(allocation)
        return
    retailer = session.scalar(select(Retailer.id).where(Retailer.licence_no == values["licence_no"]))
    if retailer is None:
        raise ValueError(f"there is no retailer with licence {values['licence_no']}; import retailers first")
    own = select(RetailerLimit).where(
        RetailerLimit.period == period, RetailerLimit.article_code == code, RetailerLimit.retailer_id == retailer
    )
    limit = session.scalar(own) or RetailerLimit(period=period, article_code=code, retailer_id=retailer)
    limit.cartons, limit.reason = cartons, str(values["reason"])
    session.add(limit)


_WRITERS: dict[str, Callable[[Session, Values, bytes], None]] = {
    "retailers": _write_retailer,
    "catalogue": _write_article,
    "allocation": _write_allocation,
}
