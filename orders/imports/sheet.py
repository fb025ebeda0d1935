"""A file as rows of text, whatever it is: CSV in UTF-8 or GB18030, or an Excel workbook's first sheet.

Knows nothing of what the columns mean. Everything read is hostile: sizes are bounded, formulas are not values.
"""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_UNPACKED = 512 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 60
LONGEST_CELL = 500


class UnreadableFile(ValueError):
    """This file can't be read at all; the message says what to do with it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file, `number` as a person counts (the heading is line 1); cells by heading."""

    number: int
    cells: dict[str, str]


def read_rows(path: Path) -> tuple[list[str], Iterator[Row]]:
    """The heading, and the rows under it, blank ones left out. Both raise UnreadableFile."""
    lines = _lines(path)
    heading = [name.strip().lower() for name in next(lines, [])][:MOST_COLUMNS]
    if not any(heading):
        raise UnreadableFile(f"{path}: the first line must name the columns")
    return heading, _rows(path, heading, lines)


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableFile(f"{path}: larger than {LARGEST_FILE // 1024**2} MB; split it")
        yield from _excel(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path)
    except OSError as error:
        raise UnreadableFile(f"{path} can't be read ({error.strerror}): check its name and permissions") from error


def _rows(path: Path, heading: list[str], lines: Iterator[list[str]]) -> Iterator[Row]:
    for number, cells in enumerate(lines, start=2):
        if number > MOST_ROWS:
            raise UnreadableFile(f"{path}: more than {MOST_ROWS} lines; split it")
        if any(cell.strip() for cell in cells):
            # A line may end early: its cells are empty then, not its columns gone.
            named = zip_longest(heading, cells[: len(heading)], fillvalue="")
            yield Row(number, {name: cell.strip()[: LONGEST_CELL + 1] for name, cell in named if name})


def _csv(path: Path) -> Iterator[list[str]]:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UnreadableFile(f"{path}: neither UTF-8 nor GB18030; save it as CSV UTF-8")
    if "\0" in text:
        raise UnreadableFile(f"{path}: not a text file; save it as CSV UTF-8 or .xlsx")
    try:
        yield from csv.reader(io.StringIO(text), strict=True)
    except csv.Error as error:
        raise UnreadableFile(f"{path}: broken CSV ({error}); save it again") from error


def _excel(path: Path) -> Iterator[list[str]]:
    try:
        _refuse_bombs(path)
        workbook = load_workbook(path, read_only=True, data_only=True)
        with contextlib.closing(workbook):
            for cells in workbook.worksheets[0].iter_rows(max_col=MOST_COLUMNS, values_only=True):
                yield [_text(cell) for cell in cells]
    except UnreadableFile:
        raise
    except _DAMAGED as error:
        raise UnreadableFile(f"{path}: no Excel workbook, or damaged; save it again as .xlsx or CSV UTF-8") from error


# What openpyxl and the libraries under it raise at damaged archives, XML and values.
_DAMAGED = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    EOFError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
)


def _refuse_bombs(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED:
            raise UnreadableFile(f"{path}: unpacks to more than {LARGEST_UNPACKED // 1024**2} MB; split it")


def _text(cell: object) -> str:
    """Excel turns codes into numbers: 101.0 is "101" again."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
