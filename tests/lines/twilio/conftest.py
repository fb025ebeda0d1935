"""One world and one node for each test of the Twilio line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.transcripts.stage_set import World
from speech.wording import Wording
from tests.lines.twilio.office import Office


@pytest.fixture
def world(wording: Wording, tmp_path: Path) -> Iterator[World]:
    world = World(wording, tmp_path / "world.db")
    yield world
    world.store.close()


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)
