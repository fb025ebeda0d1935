"""One record changed by a person: the same columns, checks and writers as a file's, and a line in the audit trail.

What the person saw is named by a mark: when somebody else has changed the record meanwhile, nothing is overwritten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from orders.imports.fields import Field
from orders.imports.reading import cells_of
from orders.imports.tables import TABLES
from orders.imports.writers import HASHED_PIN, WRITERS, Values
from orders.models import AuditEntry


class NotAccepted(ValueError):
    """The record was left as it is: `faults` are (column, what is wrong); column "" is the whole record."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{column}: {problem}" if column else problem for column, problem in faults))
        self.faults = faults


class ChangedMeanwhile(ValueError):
    """Somebody else has changed this record since it was read: read it again."""


def mark_of(cells: Mapping[str, str]) -> str:
    """What stands for the record as it was read; "" for one that is not there.

    Stock is left out: it moves with every order and is nobody's edit.
    """
    if not cells:
        return ""
    text = "\x1f".join(f"{name}\x1e{value}" for name, value in sorted(cells.items()) if name != "stock")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def change(
    session: Session,
    kind: str,
    cells: Mapping[str, str],
    *,
    seen: str,
    actor: str,
    now: datetime,
    pin_key: bytes = b"",
) -> bool:
    """Write one record of this kind as `orders.imports` would; whether anything changed by it.

    `cells` by column name, as a person writes them. `seen` is the `mark_of` the record the person looked at.
    Raises NotAccepted, ChangedMeanwhile.
    """
    values = WRITERS[kind].prepare(_checked(kind, cells), pin_key)
    key = {name: str(values.get(name, "")) for name in TABLES[kind].key}
    before = cells_of(session, kind, key)
    if mark_of(before) != seen:
        raise ChangedMeanwhile(f"{kind} {' '.join(key.values())} was changed meanwhile; look at it again")
    try:
        with session.begin_nested():
            WRITERS[kind].write(session, [values])
            session.flush()
    except ValueError as error:
        raise NotAccepted(("", str(error))) from error
    after = cells_of(session, kind, key)
    told = _difference(before, after, pin=HASHED_PIN in values)
    if told:
        what = f"{kind}_{'changed' if before else 'added'}"
        about = f"{kind} {' '.join(part for part in key.values() if part)}"
        session.add(AuditEntry(at=now, actor=actor, what=what, about=about, detail=told))
    return bool(told)


def _checked(kind: str, cells: Mapping[str, str]) -> Values:
    values: Values = {}
    faults: list[tuple[str, str]] = []
    for column in TABLES[kind].fields:
        cell = cells.get(column.name)
        try:
            if (value := _value(column, cell.strip() if cell is not None else None)) is not None:
                values[column.name] = value
        except ValueError as error:
            faults.append((column.name, str(error)))
    if faults:
        raise NotAccepted(*faults)
    return values


def _value(column: Field, cell: str | None) -> str | int | bool | None:
    """The checked value; None leaves what is stored alone."""
    if cell:
        return column.check(cell)
    if column.required:
        raise ValueError("is empty")
    return column.default if cell == "" and column.clears else None


def _difference(before: Mapping[str, str], after: Mapping[str, str], *, pin: bool) -> str:
    """What changed, for the audit; a PIN only as the fact."""
    names = [name for name in after if after[name] != before.get(name, "")]
    told = [
        f"{name}: {before[name]} → {after[name]}" if before.get(name) else f"{name}: {after[name]}" for name in names
    ]
    return "; ".join([*told, *(["pin: set"] if pin else [])])
