"""Who is calling: retailers by phone or licence, and the PIN with its lock."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.models import AuditEntry, Phone, Retailer
from orders.pins import WRONG_PINS_ALLOWED, pin_matches
from orders.values import Language, Names, PinVerdict, RetailerCard

MOST_SHOPS = 5
_MOBILE = re.compile(r"1[3-9]\d{9}")
TAIL_DIGITS, LICENCE_DIGITS = 6, 12


def normalised(number: str) -> str:
    """A number as it is stored: digits only, as dialled within the country: mobiles bare, landlines with their 0.

    Trunks send +86, 0086 or plain 86 before either, and some a 0 before mobiles.
    """
    digits = "".join(character for character in number if character.isascii() and character.isdigit())
    if digits.startswith("0086"):
        national = digits[4:]
    elif digits.startswith("86") and (number.strip().startswith("+") or _MOBILE.fullmatch(digits[2:])):
        national = digits[2:]
    else:
        return digits[1:] if _MOBILE.fullmatch(digits[1:]) and digits.startswith("0") else digits
    national = national.removeprefix("0")
    return national if _MOBILE.fullmatch(national) or not national else f"0{national}"


def by_phone(session: Session, number: str) -> tuple[RetailerCard, ...]:
    """Open retailers that registered this number, the one whose primary number it is first."""
    digits = normalised(number)
    if not digits:
        return ()
    query = (
        select(Retailer)
        .join(Phone, Phone.retailer_id == Retailer.id)
        .where(Phone.number == digits, Retailer.status != "closed")
        .order_by(Phone.kind.desc(), Retailer.id)
        .limit(MOST_SHOPS)
    )
    return tuple(_card(retailer) for retailer in session.scalars(query).unique())


def by_licence(session: Session, digits: str) -> tuple[RetailerCard, ...]:
    """Open retailers whose licence ends in these six digits, or is these twelve."""
    query = select(Retailer).where(Retailer.status != "closed").order_by(Retailer.id).limit(MOST_SHOPS)
    if len(digits) == LICENCE_DIGITS:
        query = query.where(Retailer.licence_no == digits)
    elif len(digits) == TAIL_DIGITS:
        query = query.where(Retailer.licence_tail == digits)
    else:
        return ()
    return tuple(_card(retailer) for retailer in session.scalars(query).unique())


def _card(retailer: Retailer) -> RetailerCard:
    language: Language = "en" if retailer.language == "en" else "zh"
    return RetailerCard(retailer.id, Names(retailer.name_zh, retailer.name_en), language)


def check_pin(session: Session, retailer_id: int, pin: str, key: bytes, now: datetime) -> PinVerdict:
    """One try. The row is locked first, so that parallel calls can't try more often than one after another."""
    retailer = _locked_row(session, retailer_id)
    if retailer is None or retailer.pin_locked_at is not None:
        return PinVerdict("locked")
    if pin_matches(pin, retailer.pin_hash, key):
        retailer.pin_failures = 0
        return PinVerdict("accepted", WRONG_PINS_ALLOWED)
    retailer.pin_failures += 1
    if retailer.pin_failures < WRONG_PINS_ALLOWED:
        return PinVerdict("rejected", WRONG_PINS_ALLOWED - retailer.pin_failures)
    retailer.pin_locked_at = now
    session.add(AuditEntry(at=now, actor="keypad", what="pin_locked", about=f"retailer {retailer_id}"))
    return PinVerdict("locked")


def unlock_pin(session: Session, licence_no: str, actor: str, now: datetime) -> bool:
    """Lift the lock after staff made sure who it is. False when no such retailer is locked."""
    retailer = session.scalar(select(Retailer).where(Retailer.licence_no == licence_no))
    if retailer is None or retailer.pin_locked_at is None:
        return False
    retailer.pin_locked_at, retailer.pin_failures = None, 0
    session.add(AuditEntry(at=now, actor=actor, what="pin_unlocked", about=f"retailer {retailer.id}"))
    return True


def _locked_row(session: Session, retailer_id: int) -> Retailer | None:
    query = select(Retailer).where(Retailer.id == retailer_id).with_for_update(of=Retailer)
    return session.scalar(query.execution_options(populate_existing=True))
