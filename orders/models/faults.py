"""What is seen of lines and nodes, what became of them over time, fault tickets, and whom to call."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from orders.models.foundation import Base, UtcTime

CAUSES = "('carrier', 'board', 'node', 'network', 'configuration')"


class NodeBeat(Base):
    """When a node last said that it lives, by its own clock, and how the Asterisk at this address stands to it."""

    __tablename__ = "node_beats"
    __table_args__ = (CheckConstraint("asterisk in ('up', 'down', 'refused', 'off')", name="asterisk"),)

    node: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    asterisk: Mapped[str] = mapped_column(String(7))
    address: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(String(300), default="")


class Sighting(Base):
    """What one node sees of one thing ("trunk:carrier", "board:board-a", "test:carrier"): its newest word."""

    __tablename__ = "sightings"

    node: Mapped[str] = mapped_column(String(40), primary_key=True)
    about: Mapped[str] = mapped_column(String(80), primary_key=True)
    saw: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcTime)


class LineChange(Base):
    """A change of a line, a slot or a module: of its state, its service, its place. Never updated, never deleted."""

    __tablename__ = "line_changes"
    __table_args__ = (Index("ix_line_changes_about", "about", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    about: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(String(300), default="")
    by: Mapped[str] = mapped_column(String(80))


class Contact(Base):
    """Somebody to call. `checked_on` is when somebody last made sure that the number is right."""

    __tablename__ = "contacts"
    __table_args__ = (
        CheckConstraint("role in ('head', 'technician', 'carrier', 'vendor', 'province', 'staff')", name="role"),
        Index("uq_contacts_person", "role", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(60))
    organisation: Mapped[str] = mapped_column(String(80), default="")
    phone: Mapped[str] = mapped_column(String(20))
    on_call: Mapped[bool] = mapped_column(default=False)
    checked_on: Mapped[date | None] = mapped_column(default=None)


class FaultTicket(Base):
    """One fault, by its cause and what it is about: at most one is open for each pair.

    `deadline_of` names what is due by `due_at`: somebody on site, or the fault resolved. `call` is whom to call, as
    the directory stood when it was opened. `gone_at` is since when the fault is no longer seen.
    """

    __tablename__ = "fault_tickets"
    __table_args__ = (
        CheckConstraint(f"cause in {CAUSES}", name="cause"),
        CheckConstraint("state in ('open', 'closed')", name="state"),
        CheckConstraint("deadline_of in ('on_site', 'resolved')", name="deadline_of"),
        Index(
            "uq_fault_tickets_open",
            "cause",
            "about",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_fault_tickets_state", "state", "opened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(String(13))
    about: Mapped[str] = mapped_column(String(80))
    summary: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(6), default="open")
    clause: Mapped[str] = mapped_column(String(10), default="")
    deadline_of: Mapped[str] = mapped_column(String(8))
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    call: Mapped[str] = mapped_column(String(300), default="")
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    opened_by: Mapped[str] = mapped_column(String(80))
    gone_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    arrived_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    spare_serial: Mapped[str] = mapped_column(String(40), default="")
    breached_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    closed_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    closed_by: Mapped[str] = mapped_column(String(80), default="")

    entries: Mapped[list[TicketEntry]] = relationship(cascade="all, delete-orphan", order_by="TicketEntry.id")


class TicketEntry(Base):
    """One line of a ticket's history."""

    __tablename__ = "ticket_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("fault_tickets.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    by: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text, default="")
