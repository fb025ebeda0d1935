"""Finding retailers as staff type: licence or its end, phone, name, or the name's pinyin initials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, selectinload

from orders.identification import LICENCE_DIGITS, TAIL_DIGITS, normalised
from orders.models import Phone, Retailer

LONGEST = 40


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the retailers that fit, in order of licence; `more` when there are others after them."""

    retailers: Sequence[Retailer]
    more: bool


def find_retailers(session: Session, text: str, *, scope: int | None, most: int, after: str = "") -> Found:
    """Retailers that fit what was typed ("" fits all). `scope`: only those of this customer manager.

    `after` is the licence number that the page before ended with.
    """
    query = select(Retailer).options(selectinload(Retailer.phones)).order_by(Retailer.licence_no).limit(most + 1)
    if scope is not None:
        query = query.where(Retailer.manager_id == scope)
    if after:
        query = query.where(Retailer.licence_no > after)
    if text.strip():
        query = query.where(_fits(text.strip()[:LONGEST]))
    rows = session.scalars(query).unique().all()
    return Found(rows[:most], len(rows) > most)


def _fits(text: str) -> ColumnElement[bool]:
    digits = text.replace(" ", "").replace("-", "").removeprefix("+")
    if digits.isascii() and digits.isdigit():
        return _fits_digits(digits)
    if text.isascii():
        letters = "".join(letter for letter in text.lower() if letter.isalnum())
        by_initials = Retailer.initials.contains(letters, autoescape=True) if letters else Retailer.id < 0
        return or_(by_initials, Retailer.name_en.icontains(text, autoescape=True))
    return or_(Retailer.name_zh.contains(text, autoescape=True), Retailer.name_en.contains(text, autoescape=True))


def _fits_digits(digits: str) -> ColumnElement[bool]:
    has_number = exists().where(Phone.retailer_id == Retailer.id, Phone.number.startswith(normalised(digits)))
    begins = Retailer.licence_no.startswith(digits)
    if len(digits) == LICENCE_DIGITS:
        return or_(Retailer.licence_no == digits, has_number)
    if len(digits) == TAIL_DIGITS:
        return or_(Retailer.licence_tail == digits, begins, has_number)
    return or_(begins, Retailer.licence_no.endswith(digits), has_number)
