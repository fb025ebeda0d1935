"""Every golden transcript over Twilio's webhooks: real signatures, views, runner and database; a cloud of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.transcripts.player import Player
from ivr.transcripts.script import read_script
from ivr.transcripts.stage_set import World
from speech.wording import Wording
from tests.lines.twilio.seat import TwilioSeat

ALL = sorted((Path(__file__).parents[2] / "transcripts").glob("*.txt"))
# Calls that we make belong to the process that dials them: on this line the contract suite tries those.
TRANSCRIPTS = [path for path in ALL if "WE CALL" not in path.read_text("utf-8")]
UNTOLD = {
    "62_bounced_key": "Twilio tells no times of keys: a bounce can't be told from a key pressed twice",
    "83_keys_during_a_transfer": "Twilio hears no keys while it connects",
}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_call_goes_as_written(path: Path, wording: Wording, tmp_path: Path) -> None:
    if path.stem in UNTOLD:
        pytest.skip(UNTOLD[path.stem])
    world = World(wording, tmp_path / "world.db")
    seat = TwilioSeat(world)
    Player(read_script(path), world, seat, calls=seat.id_of).play()
    world.store.close()
