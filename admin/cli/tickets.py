"""`orderline tickets`: fault tickets, whom to call about them, what was done, and the contact directory."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import get_args

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.cli.configured import configured
from admin.config import Config
from admin.config_settings import fault_terms
from admin.opening import StartError, look_into_database
from orders.faults import tickets as faults
from orders.faults.clauses import Cause, Fault
from orders.faults.contacts import ContactError, keep
from orders.faults.deadlines import NoWorkingDay
from orders.faults.tickets import TicketError
from orders.models import Contact, FaultTicket

BY = click.option("--by", "who", default=getpass.getuser, help="Who does it [default: the user logged in].")


@click.group()
def tickets() -> None:
    """Fault tickets: what is wrong, whom to call, by when it must be mended.

    \b
    Examples:
      orderline tickets list
      orderline tickets show 12
      orderline tickets open board board:board-a "no lamp is lit"
      orderline tickets note 12 "vendor called" --arrived --spare VB-0099
      orderline tickets close 12 "board exchanged"
      orderline tickets contact vendor "Wang Wei" 027-85550101 --on-call
    """


@tickets.command("list")
@click.option("--all", "closed_too", is_flag=True, help="Closed ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@configured
def list_tickets(config: Config, closed_too: bool, as_json: bool) -> None:
    """Open tickets, newest first."""
    with _session(config) as session:
        found = faults.listed(session, closed_too=closed_too)
    if as_json:
        click.echo(json.dumps([_as_json(ticket) for ticket in found], ensure_ascii=False))
        return
    for ticket in found:
        click.echo(_row(ticket, config))
    click.echo(f"{sum(ticket.state == 'open' for ticket in found)} open")


@tickets.command()
@click.argument("number", type=int)
@configured
def show(config: Config, number: int) -> None:
    """One ticket with its whole history."""
    with _session(config) as session:
        ticket = faults.find(session, number)
        entries = list(ticket.entries)
    click.echo(_row(ticket, config))
    click.echo(f"  call  {ticket.call}")
    if ticket.arrived_at:
        spare = f", spare {ticket.spare_serial}" if ticket.spare_serial else ""
        click.echo(f"  on site since {_when(ticket.arrived_at, config)}{spare}")
    for entry in entries:
        click.echo(f"  {_when(entry.at, config)}  {entry.what}: {entry.detail}  ({entry.by})")


@tickets.command("open")
@click.argument("cause", type=click.Choice(get_args(Cause)))
@click.argument("about")
@click.argument("summary")
@BY
@configured
def open_one(config: Config, cause: Cause, about: str, summary: str, who: str) -> None:
    """Open a ticket: CAUSE, what it is ABOUT (trunk:NAME, line:NUMBER, board:NAME, slot:NAME/3, node:NAME), SUMMARY."""
    if not about.strip() or len(about) > 80 or not summary.strip():
        raise click.ClickException("say what it is about (at most 80 characters) and what is wrong")
    with _session(config) as session:
        fault = Fault(cause, about, summary)
        ticket, fresh = faults.open_ticket(session, fault, datetime.now(UTC), who, fault_terms(config))
        session.flush()
    told = "opened" if fresh else "open already; write more with `orderline tickets note`"
    click.echo(f"ticket {ticket.id}: {told}")
    click.echo(f"due {_when(ticket.due_at, config)}; call {ticket.call}")


@tickets.command()
@click.argument("number", type=int)
@click.argument("text", default="")
@click.option("--arrived", is_flag=True, help="Somebody is on site now.")
@click.option("--spare", default="", metavar="SERIAL", help="With --arrived: the spare board or module brought along.")
@BY
@configured
def note(config: Config, number: int, text: str, arrived: bool, spare: str, who: str) -> None:
    """Write on a ticket what was found or done; record that somebody is on site."""
    if spare and not arrived:
        raise click.ClickException("--spare says what was brought along: give --arrived too")
    if len(spare) > 40:
        raise click.ClickException("a serial has at most 40 characters")
    with _session(config) as session:
        now = datetime.now(UTC)
        if text or not arrived:
            faults.note(session, number, who, text, now)
        if arrived:
            faults.arrived(session, number, who, spare, now)
    click.echo(f"ticket {number}: noted")


@tickets.command("close")
@click.argument("number", type=int)
@click.argument("why")
@BY
@configured
def close_one(config: Config, number: int, why: str, who: str) -> None:
    """Close a ticket, with what was done."""
    with _session(config) as session:
        faults.close(session, number, who, why, datetime.now(UTC))
    click.echo(f"ticket {number}: closed")


@tickets.command()
@click.argument("role", default="")
@click.argument("name", default="")
@click.argument("phone", default="")
@click.option("--organisation", default="", help="Where they work.")
@click.option("--on-call", is_flag=True, help="Called first of this role.")
@configured
def contact(config: Config, role: str, name: str, phone: str, organisation: str, on_call: bool) -> None:
    """List the contact directory; with ROLE NAME PHONE write one, which counts as checked today."""
    with _session(config) as session:
        if role:
            today = datetime.now(config.zone()).date()
            keep(session, role, name, phone, organisation=organisation, on_call=on_call, checked_on=today)
        known = session.scalars(select(Contact).order_by(Contact.role, Contact.name)).all()
    for one in known:
        checked = f"checked {one.checked_on}" if one.checked_on else "never checked"
        told = f"{one.role:<11} {one.name:<16} {one.phone:<16} {one.organisation}  {checked}"
        click.echo(told + ("  ON CALL" if one.on_call else ""))
    click.echo(f"{len(known)} contacts")


def _row(ticket: FaultTicket, config: Config) -> str:
    due = "on site" if ticket.deadline_of == "on_site" else "resolved"
    flags = [ticket.state.upper() if ticket.state == "closed" else "", "BREACHED" if ticket.breached_at else ""]
    flags.append("not seen any more" if ticket.gone_at and ticket.state == "open" else "")
    told = f"{ticket.id:>5}  {ticket.cause:<13} {ticket.about:<20} {due} by {_when(ticket.due_at, config)}"
    return f"{told}  {ticket.summary}  {' '.join(flag for flag in flags if flag)}".rstrip()


def _as_json(ticket: FaultTicket) -> dict[str, object]:
    times = {name: getattr(ticket, name) for name in ("due_at", "opened_at", "breached_at", "closed_at")}
    return {
        "number": ticket.id,
        "cause": ticket.cause,
        "about": ticket.about,
        "summary": ticket.summary,
        "state": ticket.state,
        "clause": ticket.clause,
        "deadline_of": ticket.deadline_of,
        "call": ticket.call,
        "opened_by": ticket.opened_by,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def _when(at: datetime, config: Config) -> str:
    return f"{at.astimezone(config.zone()):%Y-%m-%d %H:%M}"


@contextmanager
def _session(config: Config) -> Iterator[Session]:
    """One transaction; what a person can mend is told in a line."""
    try:
        store = look_into_database(config)
        try:
            with store.transaction() as session:
                yield session
        finally:
            store.close()
    except (StartError, TicketError, ContactError, NoWorkingDay) as error:
        raise click.ClickException(str(error)) from error
