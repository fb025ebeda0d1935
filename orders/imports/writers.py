"""How checked lines of each kind become rows: new ones with defaults, known ones changed where the file says so.

Each writer works in its caller's transaction and raises ValueError, with what to do, for a line that refers to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from orders.identification import normalised
from orders.imports.consent_writer import write_consent
from orders.imports.fields import Value
from orders.imports.order_writers import write_online_order, write_settlement
from orders.imports.tables import ALLOCATION, BATCHES, CATALOGUE, HOLIDAYS, MANAGERS, REGIONS, RETAILERS, ROUTES, Table
from orders.models import (
    Allocation,
    Article,
    Base,
    Batch,
    Holiday,
    Manager,
    Phone,
    Region,
    Retailer,
    RetailerLimit,
    Route,
    SuspensionNotice,
)
from orders.pins import hash_pin

Values = dict[str, Value]
HASHED_PIN = "hashed_pin"
Row = TypeVar("Row", bound=Base)


def _as_it_is(values: Values, _pin_key: bytes) -> Values:
    return values


@dataclass(frozen=True, slots=True)
class Writer:
    """`prepare` does what takes long, outside any transaction; `write` writes one thing inside the caller's.

    A thing is one line, or the lines that stay together (`Table.together`).
    """

    write: Callable[[Session, Sequence[Values]], None]
    prepare: Callable[[Values, bytes], Values] = _as_it_is


def _each(write: Callable[[Session, Values], None]) -> Callable[[Session, Sequence[Values]], None]:
    def write_lines(session: Session, lines: Sequence[Values]) -> None:
        for line in lines:
            write(session, line)

    return write_lines


def _known(session: Session, kind: type[Row], code: InstrumentedAttribute[str], wanted: Value, what: str) -> Row:
    found = session.scalar(select(kind).where(code == str(wanted)))
    if found is None:
        raise ValueError(f"there is no {what} {wanted}; `orderline import {what_kind(what)}` first, or correct it")
    return found


def what_kind(what: str) -> str:
    """The kind of file that brings such things in."""
    return {"batch": "batches"}.get(what, f"{what}s")


def _one(session: Session, kind: type[Row], is_it: ColumnElement[bool]) -> Row | None:
    return session.scalar(select(kind).where(is_it))


def _with_defaults(table: Table, values: Values) -> Values:
    """For what is new: a column that the file does not have gets its default."""
    return {column.name: column.default for column in table.fields} | values


def _assign(target: object, values: Values, *names: str) -> None:
    """Set what the file says, leave what it does not mention."""
    for name in names:
        if name in values:
            setattr(target, name, values[name])


def _write_retailer(session: Session, values: Values) -> None:
    region = _known(session, Region, Region.code, values["region"], "region")
    batch = _known(session, Batch, Batch.code, values["batch"], "batch")
    licence = str(values["licence_no"])
    retailer = session.scalar(select(Retailer).where(Retailer.licence_no == licence))
    if retailer is None:
        retailer = Retailer(licence_no=licence, licence_tail=licence[-6:])
        session.add(retailer)
        values = _with_defaults(RETAILERS, values)
    retailer.region_id, retailer.batch_id = region.id, batch.id
    _assign(retailer, values, "name_zh", "name_en", "grade", "language", "status", "assisted")
    if hashed := values.get(HASHED_PIN):
        retailer.pin_hash = str(hashed)
    _assign(retailer, values, "compliant", "price_marked")
    if "route" in values:
        route = values["route"]
        retailer.route_id = _known(session, Route, Route.code, route, "route").id if route else None
    if "manager" in values:
        manager = values["manager"]
        retailer.manager_id = _known(session, Manager, Manager.name, manager, "manager").id if manager else None
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


def _write_article(session: Session, values: Values) -> None:
    article = session.get(Article, str(values["code"]))
    if article is None:
        article = Article(code=str(values["code"]))
        session.add(article)
        values = _with_defaults(CATALOGUE, values)
    article.price_fen = int(values["price"])
    _assign(article, values, "name_zh", "name_en", "category", "grade", "stock", "controlled", "on_sale")
    if "order_limit" in values:
        article.order_limit = int(values["order_limit"]) or None


def _write_allocation(session: Session, values: Values) -> None:
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


def _hash_pin(values: Values, pin_key: bytes) -> Values:
    pin = values.get("pin")
    return values | {HASHED_PIN: hash_pin(str(pin), pin_key)} if pin else values


def _write_region(session: Session, values: Values) -> None:
    region = _one(session, Region, Region.code == values["code"])
    if region is None:
        region = Region(code=values["code"])
        session.add(region)
        values = _with_defaults(REGIONS, values)
    _assign(region, values, "name_zh", "name_en")


def _write_batch(session: Session, values: Values) -> None:
    batch = _one(session, Batch, Batch.code == values["code"])
    if batch is None:
        batch = Batch(code=values["code"])
        session.add(batch)
        values = _with_defaults(BATCHES, values)
    _assign(batch, values, "weekdays", "cutoff")


def _write_route(session: Session, values: Values) -> None:
    route = _one(session, Route, Route.code == values["code"])
    if route is None:
        route = Route(code=values["code"])
        session.add(route)
        values = _with_defaults(ROUTES, values)
    _assign(route, values, "name")


def _write_manager(session: Session, values: Values) -> None:
    manager = _one(session, Manager, Manager.name == values["name"])
    if manager is None:
        manager = Manager(name=values["name"])
        session.add(manager)
        values = _with_defaults(MANAGERS, values)
    if "phone" in values:
        manager.phone = normalised(str(values["phone"]))


def _write_holiday(session: Session, values: Values) -> None:
    values = _with_defaults(HOLIDAYS, values)
    day, moved_to = date.fromisoformat(str(values["day"])), _day(values["moved_to"])
    if moved_to == day:
        raise ValueError("moved to itself; leave moved_to empty when nobody orders that day")
    holiday = session.get(Holiday, day) or Holiday(day=day)
    holiday.name, holiday.moved_to = str(values["name"]), moved_to
    session.add(holiday)


def _write_suspension(session: Session, values: Values) -> None:
    region = _known(session, Region, Region.code, values["region"], "region")
    starts_on, resumes_on = date.fromisoformat(str(values["starts_on"])), _day(values.get("resumes_on", ""))
    if resumes_on and resumes_on <= starts_on:
        raise ValueError("resumes on or before the day it starts; correct one of the days")
    its = (SuspensionNotice.region_id == region.id) & (SuspensionNotice.starts_on == starts_on)
    notice = _one(session, SuspensionNotice, its) or SuspensionNotice(region_id=region.id, starts_on=starts_on)
    notice.resumes_on = resumes_on
    notice.reason, notice.approved_by = str(values["reason"]), str(values["approved_by"])
    session.add(notice)


def _day(value: Value) -> date | None:
    return date.fromisoformat(str(value)) if value else None


WRITERS: dict[str, Writer] = {
    "regions": Writer(_each(_write_region)),
    "batches": Writer(_each(_write_batch)),
    "routes": Writer(_each(_write_route)),
    "managers": Writer(_each(_write_manager)),
    "holidays": Writer(_each(_write_holiday)),
    "suspensions": Writer(_each(_write_suspension)),
    "retailers": Writer(_each(_write_retailer), _hash_pin),
    "consents": Writer(_each(write_consent)),
    "catalogue": Writer(_each(_write_article)),
    "allocation": Writer(_each(_write_allocation)),
    "online-orders": Writer(write_online_order),
    "settlement": Writer(_each(write_settlement)),
}
