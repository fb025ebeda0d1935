"""The plant: trunks, voice boards with slots and modules, agents' phones, numbers, contacts, the order of ways out.

Values, checked when read. What Asterisk is to know of it is written by `ivr.lines.asterisk.rendering`; how it gets
into the line registry and out again, by `ivr.plant_registry`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,120}$")]
Network = Annotated[str, Meta(pattern=r"^[0-9.]{7,15}(/\d{1,2})?$")]
Port = Annotated[int, Meta(ge=1, le=65535)]
User = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.+-]{0,60}$")]
Path = Annotated[str, Meta(max_length=200)]
Serial = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/-]{0,40}$")]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{3,20}$")]
Plugged = Annotated[str, Meta(pattern=r"^([0-9]{3,20})?$")]
Words = Annotated[str, Meta(max_length=80)]
Side = Literal["outside", "inside"]


class PlantError(ValueError):
    """The plant file says something that can't be; the message says what and where."""


class Trunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A SIP trunk. `networks` are where its calls come from (its host when empty); `max_calls` both ways together.

    One that is not `in_service` is still watched, but no call goes out by it.
    """

    name: Name
    host: Host
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    user: User = ""
    password_file: Path = ""
    register: bool = False
    srtp: bool = False
    networks: Annotated[tuple[Network, ...], Meta(max_length=24)] = ()
    max_calls: Annotated[int, Meta(ge=1, le=2000)] = 30
    in_service: bool = True


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slot of an analogue board. `module` is the serial of what is in it ("": empty), `lines` the numbers plugged
    into its ports in their order, "" for a free one; those in `out` are not to be used."""

    number: Annotated[int, Meta(ge=1, le=240)]
    module: Serial = ""
    side: Side = "outside"
    failed: bool = False
    lines: tuple[Plugged, ...] = ()
    out: tuple[Digits, ...] = ()

    def is_spare(self) -> bool:
        """A line could be moved here at once."""
        return bool(self.module) and not self.failed and not any(self.lines)


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voice board: its DAHDI channels from `first_channel` on, `ports` of them, under one group number.

    An analogue board with `slots` has `module_ports` channels to each; without, every port carries a line. One that is
    `dead`, as it is seen, is no way out until it lives again; a plant file says nothing of that.
    """

    name: Name
    kind: Literal["e1", "analogue"]
    group: Annotated[int, Meta(ge=1, le=63)]
    first_channel: Annotated[int, Meta(ge=1, le=1000)] = 1
    ports: Annotated[int, Meta(ge=1, le=240)] = 31
    module_ports: Annotated[int, Meta(ge=1, le=8)] = 1
    serial: Serial = ""
    slots: tuple[Slot, ...] = ()
    in_service: bool = True
    dead: bool = False

    def channels(self, slot: int) -> range:
        """The DAHDI channels of a slot."""
        first = self.first_channel + (slot - 1) * self.module_ports
        return range(first, first + self.module_ports)

    def line_names(self) -> list[str]:
        """The lines of this board: what is plugged into its slots, or the board as a whole."""
        return [line for slot in self.slots for line in slot.lines if line] if self.slots else [self.name]


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spare module on the shelf."""

    serial: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/-]{1,40}$")]
    side: Side
    failed: bool = False


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that retailers dial, and the line it comes in on: a trunk, a board, or an analogue number."""

    number: Digits
    line: Annotated[str, Meta(min_length=1, max_length=31)]


class ContactEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to call when something is wrong."""

    role: Literal["head", "technician", "carrier", "vendor", "province", "staff"]
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    phone: Annotated[str, Meta(pattern=r"^\+?[0-9][0-9 -]{2,18}$")]
    organisation: Words = ""
    on_call: bool = False
    checked_on: date | None = None


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent's phone: 8000 to 8999."""

    extension: Annotated[str, Meta(pattern=r"^8\d{3}$")]
    password_file: Path


class Plant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything; `routes` names trunks and boards in the order in which calls out try them, `modules` lie spare."""

    trunks: tuple[Trunk, ...] = ()
    boards: tuple[Board, ...] = ()
    agents: tuple[Agent, ...] = ()
    routes: tuple[Name, ...] = ()
    modules: tuple[Module, ...] = ()
    numbers: tuple[Number, ...] = ()
    contacts: tuple[ContactEntry, ...] = ()

    def line_names(self) -> list[str]:
        """Every line: trunks, boards that are one line, numbers plugged into slots."""
        return [trunk.name for trunk in self.trunks] + [name for board in self.boards for name in board.line_names()]


def plant_of(values: dict[str, Any]) -> Plant:
    """The plant of a parsed file. Raises PlantError."""
    try:
        plant = msgspec.convert(values, Plant)
    except msgspec.ValidationError as error:
        raise PlantError(f"the plant: {error}") from error
    problem = next(_problems(plant), "")
    if problem:
        raise PlantError(f"the plant: {problem}")
    return plant


def checked(plant: Plant) -> Plant:
    """The same plant, held against every rule once more: what came from elsewhere than a file. Raises PlantError."""
    return plant_of(msgspec.to_builtins(plant))


def _problems(plant: Plant) -> Iterator[str]:
    names = [trunk.name for trunk in plant.trunks] + [board.name for board in plant.boards]
    for name in _twice([*names, *(agent.extension for agent in plant.agents)]):
        yield f"{name} is there twice"
    for name in plant.routes:
        if name not in names:
            yield f"routes names {name}, which is no trunk and no board"
    for name in _twice(plant.routes):
        yield f"routes names {name} twice"
    for trunk in plant.trunks:
        if (trunk.register or trunk.user) and not trunk.password_file:
            yield f"trunk {trunk.name} has a user but no password_file"
    groups = [board.group for board in plant.boards]
    if len(set(groups)) < len(groups):
        yield "two boards have the same group; each needs its own"
    for board in plant.boards:
        yield from _board_problems(board)
    yield from _line_problems(plant)


def _board_problems(board: Board) -> Iterator[str]:
    if board.kind == "e1" and board.ports % 31:
        yield f"E1 board {board.name} has {board.ports} ports; each span has 31"
    if board.kind == "e1" and board.slots:
        yield f"E1 board {board.name} has slots; only analogue boards have"
    for number in _twice([str(slot.number) for slot in board.slots]):
        yield f"board {board.name} has slot {number} twice"
    for slot in board.slots:
        where = f"slot {slot.number} of {board.name}"
        if slot.number * board.module_ports > board.ports:
            yield f"{where} is past its {board.ports} ports"
        if any(slot.lines) and not slot.module:
            yield f"{where} has lines but no module: give the module's serial"
        if len(slot.lines) > board.module_ports:
            yield f"{where} has {len(slot.lines)} lines; a module has {board.module_ports} ports (module_ports)"
        if unknown := [line for line in slot.out if line not in slot.lines]:
            yield f"{where}: {', '.join(unknown)} is out, but not plugged in there"


def _line_problems(plant: Plant) -> Iterator[str]:
    lines = plant.line_names()
    for name in _twice(lines):
        yield f"line {name} is plugged in twice"
    slotted = [slot.module for board in plant.boards for slot in board.slots if slot.module]
    for serial in _twice([*slotted, *(module.serial for module in plant.modules)]):
        yield f"module {serial} is there twice"
    for number in _twice([entry.number for entry in plant.numbers]):
        yield f"number {number} is there twice"
    for entry in plant.numbers:
        if entry.line not in lines:
            yield f"number {entry.number} comes in on {entry.line}, which is no line"
    for person in _twice([f"{entry.role} {entry.name}" for entry in plant.contacts]):
        yield f"contact {person} is there twice"


def _twice(names: Iterable[str]) -> list[str]:
    known = list(names)
    return sorted({name for name in known if known.count(name) > 1})
