"""Check of the line registry: lines that are down, tickets past their deadline, spare slots, contacts, the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from admin.checkup.finding import Finding
from admin.config import Config
from admin.opening import StartError, look_into_database
from orders.faults import tickets
from orders.faults.contacts import stale
from orders.lines import views
from orders.lines.service import spare_slots

ABOUT = "lines"


def check_lines(config: Config) -> Iterator[Finding]:
    """Nothing is said where there is no registry: a node with direct SIP only needs none."""
    try:
        store = look_into_database(config)
    except StartError:
        return  # the check of the database has said so
    try:
        with store.session() as session:
            yield from _findings(session, config)
    except SQLAlchemyError:
        return
    finally:
        store.close()


def _findings(session: Session, config: Config) -> Iterator[Finding]:
    lines = views.lines(session)
    if not lines:
        if config.asterisk.enabled and config.health.enabled:
            do = "orderline lines import plant.toml"
            yield Finding("WARN", ABOUT, "the line registry is empty: nothing is watched", do)
        return
    in_service = [line for line in lines if line.service == "in"]
    down = [line for line in in_service if line.state == "down"]
    for line in down:
        yield Finding("FAIL", ABOUT, f"{line.name} is down ({line.cause})", "see `orderline tickets list`")
    if not in_service:
        yield Finding("FAIL", ABOUT, "every line is out of service", "orderline lines in NAME")
    elif not down:
        unknown = sum(line.state == "unknown" for line in in_service)
        yield Finding("OK", ABOUT, f"{len(in_service) - unknown} up, {unknown} not seen yet")
    for side, places in spare_slots(session).items():
        if len(places) < config.health.spare_slots:
            wanted = f"{len(places)} spare {side} slots, {config.health.spare_slots} wanted (health.spare_slots)"
            yield Finding("WARN", ABOUT, wanted, "order modules, or free a slot")
    now = datetime.now(UTC)
    late = [ticket for ticket in tickets.listed(session) if ticket.breached_at]
    if late:
        numbers = ", ".join(str(ticket.id) for ticket in late)
        yield Finding("FAIL", "tickets", f"past their deadline: {numbers}", "orderline tickets show NUMBER")
    old = stale(session, now.astimezone(config.zone()).date(), config.health.contacts_checked_days)
    if old:
        names = ", ".join(one.name for one in old[:5])
        do = "call them, then `orderline tickets contact ROLE NAME PHONE`"
        yield Finding("WARN", "contacts", f"{len(old)} not checked for long: {names}", do)
