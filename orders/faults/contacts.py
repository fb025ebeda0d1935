"""The contact directory: whom to call about what, who is on call, whose number nobody has checked for long."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.faults.clauses import Role
from orders.models import Contact

PHONE = re.compile(r"\+?[0-9][0-9 -]{2,18}", re.ASCII)


class ContactError(ValueError):
    """A contact can't be kept as given; the message says what to write instead."""


def keep(
    session: Session,
    role: str,
    name: str,
    phone: str,
    *,
    organisation: str = "",
    on_call: bool = False,
    checked_on: date | None = None,
) -> Contact:
    """Write a contact, or change the one of this role and name. Raises ContactError."""
    if role not in get_args(Role):
        raise ContactError(f"contact {name}: {role} is no role; there are {', '.join(get_args(Role))}")
    if not name.strip():
        raise ContactError(f"a contact of role {role} has no name: write who it is")
    if not PHONE.fullmatch(phone):
        raise ContactError(f"contact {name}: {phone!r} is no telephone number; write digits, e.g. 027-85550101")
    contact = session.scalar(select(Contact).where(Contact.role == role, Contact.name == name))
    if contact is None:
        contact = Contact(role=role, name=name)
        session.add(contact)
    contact.phone, contact.organisation, contact.on_call = phone, organisation, on_call
    contact.checked_on = checked_on or contact.checked_on
    return contact


def to_call(session: Session, roles: Sequence[Role]) -> list[Contact]:
    """Those of these roles, in the roles' order; of each role who is on call comes first."""
    found = session.scalars(select(Contact).where(Contact.role.in_(roles))).all()
    return sorted(found, key=lambda one: (roles.index(one.role), not one.on_call, one.name))


def written(contacts: Sequence[Contact], most: int = 3) -> str:
    """As one line: "Wang (vendor, on call) 027-85550101; …"."""
    told = [
        f"{one.name} ({one.role}{', on call' if one.on_call else ''}) {one.phone}".strip() for one in contacts[:most]
    ]
    return "; ".join(told)


def stale(session: Session, today: date, after_days: int) -> list[Contact]:
    """Whose number nobody has made sure of for so many days, or ever."""
    oldest = today - timedelta(days=after_days)
    query = select(Contact).where((Contact.checked_on.is_(None)) | (Contact.checked_on < oldest))
    return list(session.scalars(query.order_by(Contact.role, Contact.name)))
