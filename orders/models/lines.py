"""The plant as it is registered: trunks, voice boards with slots and modules, lines, numbers, ways out, agents' phones.

A *line* is what takes part in service as a whole: a SIP trunk, an E1 board, or one analogue number that is plugged
into a port of a board's slot and moves with it. What goes wrong with them is in `orders.models.faults`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from orders.models.foundation import Base, UtcTime


class Trunk(Base):
    """A SIP trunk; `networks` are separated by spaces. Its password stays in its file."""

    __tablename__ = "trunks"
    __table_args__ = (CheckConstraint("transport in ('udp', 'tcp', 'tls')", name="transport"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(31), unique=True)
    host: Mapped[str] = mapped_column(String(121))
    port: Mapped[int]
    transport: Mapped[str] = mapped_column(String(3))
    user: Mapped[str] = mapped_column(String(60), default="")
    password_file: Mapped[str] = mapped_column(String(200), default="")
    register: Mapped[bool] = mapped_column(default=False)
    srtp: Mapped[bool] = mapped_column(default=False)
    networks: Mapped[str] = mapped_column(String(500), default="")
    max_calls: Mapped[int]


class VoiceBoard(Base):
    """A voice board (语音板): `ports` DAHDI channels from `first_channel` on; `module_ports` of them to each slot."""

    __tablename__ = "voice_boards"
    __table_args__ = (CheckConstraint("kind in ('e1', 'analogue')", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(31), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    group_number: Mapped[int] = mapped_column(unique=True)
    first_channel: Mapped[int]
    ports: Mapped[int]
    module_ports: Mapped[int] = mapped_column(default=1)
    serial: Mapped[str] = mapped_column(String(40), default="")

    slots: Mapped[list[BoardSlot]] = relationship(
        back_populates="board", cascade="all, delete-orphan", order_by="BoardSlot.number"
    )


class BoardSlot(Base):
    """A slot (插孔) of a board, from 1 on. Without a module it is empty."""

    __tablename__ = "board_slots"
    __table_args__ = (UniqueConstraint("board_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    board_id: Mapped[int] = mapped_column(ForeignKey("voice_boards.id"))
    number: Mapped[int]

    board: Mapped[VoiceBoard] = relationship(back_populates="slots")
    module: Mapped[LineModule | None] = relationship(back_populates="slot")
    lines: Mapped[list[PhoneLine]] = relationship(back_populates="slot", order_by="PhoneLine.slot_port")


class LineModule(Base):
    """An outside-line (外线) or inside-line (内线) module, in a slot or, without one, on the shelf."""

    __tablename__ = "line_modules"
    __table_args__ = (
        CheckConstraint("side in ('outside', 'inside')", name="side"),
        CheckConstraint("condition in ('good', 'failed')", name="condition"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    side: Mapped[str] = mapped_column(String(7))
    condition: Mapped[str] = mapped_column(String(6), default="good")
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("board_slots.id"), unique=True, default=None)

    slot: Mapped[BoardSlot | None] = relationship(back_populates="module")


class PhoneLine(Base):
    """One line. `service` is staff's word, `state` what is seen of it, with its `cause` while it is down."""

    __tablename__ = "phone_lines"
    __table_args__ = (
        CheckConstraint("kind in ('sip', 'e1', 'analogue')", name="kind"),
        CheckConstraint("service in ('in', 'out')", name="service"),
        CheckConstraint("state in ('up', 'down', 'unknown')", name="state"),
        CheckConstraint("(trunk_id is null) <> (board_id is null)", name="place"),
        UniqueConstraint("slot_id", "slot_port"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(31), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    trunk_id: Mapped[int | None] = mapped_column(ForeignKey("trunks.id"), default=None)
    board_id: Mapped[int | None] = mapped_column(ForeignKey("voice_boards.id"), default=None)
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("board_slots.id"), default=None)
    slot_port: Mapped[int | None] = mapped_column(default=None)
    service: Mapped[str] = mapped_column(String(3), default="in")
    out_reason: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(7), default="unknown")
    cause: Mapped[str] = mapped_column(String(13), default="")
    since: Mapped[datetime] = mapped_column(UtcTime)

    trunk: Mapped[Trunk | None] = relationship()
    board: Mapped[VoiceBoard | None] = relationship()
    slot: Mapped[BoardSlot | None] = relationship(back_populates="lines")
    numbers: Mapped[list[LineNumber]] = relationship(cascade="all, delete-orphan", order_by="LineNumber.number")


class LineNumber(Base):
    """A number that retailers dial, and the line it comes in on."""

    __tablename__ = "line_numbers"

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("phone_lines.id"), index=True)


class OutboundHop(Base):
    """A way out: calls try them by `position`; each is a trunk or a board, by name."""

    __tablename__ = "outbound_hops"

    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(31), unique=True)


class AgentPhone(Base):
    """An agent's phone; its password stays in its file."""

    __tablename__ = "agent_phones"

    extension: Mapped[str] = mapped_column(String(4), primary_key=True)
    password_file: Mapped[str] = mapped_column(String(200))
