"""The plant: trunks, voice boards, agents' phones and the order in which calls go out. Values, checked when read.

What Asterisk is to know of it is written by `ivr.lines.asterisk.rendering`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,120}$")]
Network = Annotated[str, Meta(pattern=r"^[0-9.]{7,15}(/\d{1,2})?$")]
Port = Annotated[int, Meta(ge=1, le=65535)]
User = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.+-]{0,60}$")]
Path = Annotated[str, Meta(max_length=200)]


class PlantError(ValueError):
    """The plant file says something that can't be; the message says what and where."""


class Trunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A SIP trunk. `networks` are where its calls come from (its host when empty); `max_calls` both ways together."""

    name: Name
    host: Host
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    user: User = ""
    password_file: Path = ""
    register: bool = False
    srtp: bool = False
    networks: tuple[Network, ...] = ()
    max_calls: Annotated[int, Meta(ge=1, le=2000)] = 30


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voice board: its DAHDI channels from `first_channel` on, `ports` of them, under one group number."""

    name: Name
    kind: Literal["e1", "analogue"]
    group: Annotated[int, Meta(ge=1, le=63)]
    first_channel: Annotated[int, Meta(ge=1, le=1000)] = 1
    ports: Annotated[int, Meta(ge=1, le=240)] = 31


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent's phone: 8000 to 8999."""

    extension: Annotated[str, Meta(pattern=r"^8\d{3}$")]
    password_file: Path


class Plant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything; `routes` names trunks and boards in the order in which calls out try them."""

    trunks: tuple[Trunk, ...] = ()
    boards: tuple[Board, ...] = ()
    agents: tuple[Agent, ...] = ()
    routes: tuple[Name, ...] = ()


def plant_of(values: dict[str, Any]) -> Plant:
    """The plant of a parsed file. Raises PlantError."""
    try:
        plant = msgspec.convert(values, Plant)
    except msgspec.ValidationError as error:
        raise PlantError(f"the plant file: {error}") from error
    names = [trunk.name for trunk in plant.trunks] + [board.name for board in plant.boards]
    names += [agent.extension for agent in plant.agents]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PlantError(f"the plant file: {', '.join(sorted(twice))} is there twice")
    if unknown := [name for name in plant.routes if name not in names]:
        raise PlantError(f"the plant file: routes names {', '.join(unknown)}, which is no trunk and no board")
    for trunk in plant.trunks:
        if (trunk.register or trunk.user) and not trunk.password_file:
            raise PlantError(f"the plant file: trunk {trunk.name} has a user but no password_file")
    for board in plant.boards:
        if board.kind == "e1" and board.ports % 31:
            raise PlantError(f"the plant file: E1 board {board.name} has {board.ports} ports; each span has 31")
    groups = [board.group for board in plant.boards]
    if len(set(groups)) < len(groups):
        raise PlantError("the plant file: two boards have the same group; each needs its own")
    return plant
