"""Stored records as cells: the opposite of the writers, for forms, for the audit, and for files to be edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.models import (
    Allocation,
    Article,
    Batch,
    Holiday,
    Manager,
    Region,
    Retailer,
    RetailerLimit,
    Route,
    SuspensionNotice,
)

Cells = dict[str, str]


def cells_of(session: Session, kind: str, key: Mapping[str, str]) -> Cells:
    """The record of this key as a person would write it, {} when there is none; a PIN is never among the cells."""
    return READERS[kind](session, key)


def retailer_cells(session: Session, retailer: Retailer) -> Cells:
    phones = {phone.kind: phone.number for phone in retailer.phones}
    route = session.get(Route, retailer.route_id) if retailer.route_id else None
    manager = session.get(Manager, retailer.manager_id) if retailer.manager_id else None
    return {
        "licence_no": retailer.licence_no,
        "name_zh": retailer.name_zh,
        "name_en": retailer.name_en,
        "region": retailer.region.code,
        "batch": retailer.batch.code,
        "grade": retailer.grade,
        "primary_phone": phones.get("primary", ""),
        "backup_phone": phones.get("backup", ""),
        "language": retailer.language,
        "status": retailer.status,
        "assisted": _yes(retailer.assisted),
        "route": route.code if route else "",
        "manager": manager.name if manager else "",
        "compliant": _yes(retailer.compliant),
        "price_marked": _yes(retailer.price_marked),
    }


def article_cells(article: Article) -> Cells:
    return {
        "code": article.code,
        "name_zh": article.name_zh,
        "name_en": article.name_en,
        "category": article.category,
        "grade": article.grade,
        "price": f"{article.price_fen // 100}.{article.price_fen % 100:02d}",
        "stock": str(article.stock),
        "controlled": _yes(article.controlled),
        "on_sale": _yes(article.on_sale),
        "order_limit": str(article.order_limit or ""),
    }


def batch_cells(batch: Batch) -> Cells:
    return {"code": batch.code, "weekdays": batch.weekdays, "cutoff": batch.cutoff}


def holiday_cells(holiday: Holiday) -> Cells:
    moved = holiday.moved_to.isoformat() if holiday.moved_to else ""
    return {"day": holiday.day.isoformat(), "name": holiday.name, "moved_to": moved}


def _retailer(session: Session, key: Mapping[str, str]) -> Cells:
    query = select(Retailer).where(Retailer.licence_no == key["licence_no"])
    found = session.scalar(query.execution_options(populate_existing=True).with_for_update(of=Retailer))
    return retailer_cells(session, found) if found else {}


def _article(session: Session, key: Mapping[str, str]) -> Cells:
    found = session.get(Article, key["code"], populate_existing=True, with_for_update=True)
    return article_cells(found) if found else {}


def _batch(session: Session, key: Mapping[str, str]) -> Cells:
    found = session.scalar(select(Batch).where(Batch.code == key["code"]))
    return batch_cells(found) if found else {}


def _region(session: Session, key: Mapping[str, str]) -> Cells:
    found = session.scalar(select(Region).where(Region.code == key["code"]))
    return {"code": found.code, "name_zh": found.name_zh, "name_en": found.name_en} if found else {}


def _route(session: Session, key: Mapping[str, str]) -> Cells:
    found = session.scalar(select(Route).where(Route.code == key["code"]))
    return {"code": found.code, "name": found.name} if found else {}


def _manager(session: Session, key: Mapping[str, str]) -> Cells:
    found = session.scalar(select(Manager).where(Manager.name == key["name"]))
    return {"name": found.name, "phone": found.phone} if found else {}


def _holiday(session: Session, key: Mapping[str, str]) -> Cells:
    found = session.get(Holiday, date.fromisoformat(key["day"]))
    return holiday_cells(found) if found else {}


def _suspension(session: Session, key: Mapping[str, str]) -> Cells:
    query = (
        select(SuspensionNotice)
        .join(Region, Region.id == SuspensionNotice.region_id)
        .where(Region.code == key["region"], SuspensionNotice.starts_on == date.fromisoformat(key["starts_on"]))
    )
    found = session.scalar(query)
    if found is None:
        return {}
    resumes = found.resumes_on.isoformat() if found.resumes_on else ""
    return {**key, "resumes_on": resumes, "reason": found.reason, "approved_by": found.approved_by}


def _allocation(session: Session, key: Mapping[str, str]) -> Cells:
    if key["grade"]:
        by_grade = select(Allocation.cartons).where(
            Allocation.period == key["period"],
            Allocation.article_code == key["code"],
            Allocation.retailer_grade == key["grade"],
        )
        cartons = session.scalar(by_grade)
        return {} if cartons is None else {**key, "cartons": str(cartons)}
    own = (
        select(RetailerLimit)
        .join(Retailer, Retailer.id == RetailerLimit.retailer_id)
        .where(
            RetailerLimit.period == key["period"],
            RetailerLimit.article_code == key["code"],
            Retailer.licence_no == key["licence_no"],
        )
    )
    limit = session.scalar(own)
    return {} if limit is None else {**key, "cartons": str(limit.cartons), "reason": limit.reason}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


READERS: dict[str, Callable[[Session, Mapping[str, str]], Cells]] = {
    "regions": _region,
    "batches": _batch,
    "routes": _route,
    "managers": _manager,
    "holidays": _holiday,
    "suspensions": _suspension,
    "retailers": _retailer,
    "catalogue": _article,
    "allocation": _allocation,
}
