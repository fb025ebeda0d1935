"""Forms from the import tables: the same columns and the same checks, whichever way a record comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from admin.web.languages import PageTexts
from orders.imports.reading import Cells
from orders.imports.tables import TABLES
from orders.models import Article, Batch, Manager, Region, Retailer, Route

Choices = Sequence[tuple[str, str]]
TICKS = frozenset({"assisted", "controlled", "on_sale", "compliant", "price_marked"})
DAYS = frozenset({"day", "moved_to", "starts_on", "resumes_on"})
OWN_WORDS = {
    "category": ("tight", "supplementary", "regular"),
    "status": ("active", "suspended", "closed"),
    "language": ("zh", "en"),
    "reason": ("weather", "system", "other"),
}
WITHOUT_LIST = frozenset({"allocation"})
"""Kinds whose `reason` is plain text, not a word of ours."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One input: `kind` is text, tick, day, time, choice or weekdays; `problem` what to write instead."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    choices: Choices = ()
    problem: str = ""
    fixed: bool = False


def form_fields(
    kind: str,
    cells: Mapping[str, str],
    page: PageTexts,
    choices: Mapping[str, Choices],
    faults: Iterable[tuple[str, str]] = (),
    *,
    leave_out: Iterable[str] = (),
    fixed: Iterable[str] = (),
) -> list[FormField]:
    """The inputs of one record, in the columns' order. `fixed` ones are shown and sent, not changed."""
    wrong, left_out, kept = dict(faults), set(leave_out), set(fixed)
    made = []
    for column in TABLES[kind].fields:
        if column.name in left_out:
            continue
        value = cells.get(column.name, str(column.default) if not isinstance(column.default, bool) else "")
        if column.name in TICKS and column.name not in cells:
            value = "yes" if column.default else "no"
        words = OWN_WORDS.get(column.name, ()) if kind not in WITHOUT_LIST else ()
        own = [(word, page.texts.get(f"{column.name}.{word}", word)) for word in words]
        problem = page.texts.get(f"hint.{column.name}", wrong[column.name]) if column.name in wrong else ""
        made.append(
            FormField(
                column.name,
                page.texts.get(f"field.{kind}.{column.name}") or page.t(f"field.{column.name}"),
                _kind_of(column.name, bool(own) or column.name in choices),
                "" if value == "0" and column.name == "order_limit" else value,
                column.required,
                choices.get(column.name, own),
                problem,
                column.name in kept,
            )
        )
    return made


def cells_from(kind: str, form: MultiDict[str, str], *, leave_out: Iterable[str] = ()) -> Cells:
    """What a person filled in, by column; a tick that is not there is a no."""
    left_out = set(leave_out)
    cells: Cells = {}
    for column in TABLES[kind].fields:
        name = column.name
        if name in left_out:
            continue
        if name in TICKS:
            cells[name] = "yes" if form.get(name) else "no"
        elif name == "weekdays":
            cells[name] = "".join(sorted(form.getlist(name)))
        elif name in form:
            cells[name] = form[name]
    return cells


def general_trouble(faults: Iterable[tuple[str, str]]) -> str:
    """What is wrong with the record as a whole."""
    return "; ".join(problem for column, problem in faults if not column)


def known_choices(session: Session, page: PageTexts) -> dict[str, Choices]:
    """What a retailer can belong to, from the store."""
    english = page.language == "en"
    regions = session.execute(select(Region.code, Region.name_zh, Region.name_en).order_by(Region.code))
    nothing = ("", "—")
    return {
        "region": [(code, f"{code} {(english and en) or zh}") for code, zh, en in regions],
        "batch": [
            (code, f"{code} ({time})")
            for code, time in session.execute(select(Batch.code, Batch.cutoff).order_by(Batch.code))
        ],
        "route": [
            nothing,
            *(
                (code, f"{code} {name}")
                for code, name in session.execute(select(Route.code, Route.name).order_by(Route.code))
            ),
        ],
        "manager": [nothing, *((name, name) for name in session.scalars(select(Manager.name).order_by(Manager.name)))],
    }


def grades_of(session: Session, of: type[Retailer] | type[Article]) -> Choices:
    """The grades in use."""
    grades = session.scalars(select(of.grade).distinct().order_by(of.grade))
    return [(grade, grade) for grade in grades]


def _kind_of(name: str, has_choices: bool) -> str:
    if name in TICKS:
        return "tick"
    if name in DAYS:
        return "day"
    if name == "weekdays":
        return "weekdays"
    if name == "cutoff":
        return "time"
    return "choice" if has_choices else "text"
