"""Writes a transcript's heard lines anew from what is heard today, keeping what the caller does and what is checked.

For trainers who write the caller's side only, and for changes of wording; the difference is to be read before it is
committed: a recording is not yet a right one.
"""

from __future__ import annotations

from pathlib import Path

from ivr.transcripts.player import Player
from ivr.transcripts.pure_seat import PureSeat
from ivr.transcripts.script import read_script
from ivr.transcripts.stage_set import World
from speech.wording import Wording

_HEARD = ("SAYS ", "ENDS", "TRANSFERS ")


def record(path: Path, wording: Wording) -> str:
    """The file's new text. Raises what playing raises."""
    script = read_script(path)
    world = World(wording)
    player = Player(script, world, PureSeat(world), recording=True)
    player.play()
    heard: dict[int, list[str]] = {}
    for entry in player.recorded:
        number, _, text = entry.partition("\t")
        heard.setdefault(int(number), []).append(text)
    lines: list[str] = []
    for place, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not text.split(": ", 1)[-1].startswith(_HEARD):
            lines.append(text)
        lines += heard.get(place, [])
    return "\n".join(lines) + "\n"
