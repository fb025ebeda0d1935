"""`orderline transcript`: golden transcripts on the pure dialogue, played or recorded anew."""

from __future__ import annotations

from pathlib import Path

import click

from ivr.transcripts.player import Player, TranscriptFailed
from ivr.transcripts.pure_seat import PureSeat
from ivr.transcripts.recording import record as record_anew
from ivr.transcripts.script import ScriptError, read_script
from ivr.transcripts.stage_set import World
from speech.wording import load_wording


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--record", is_flag=True, help="Write what is heard today into the files, to be read before it is kept.")
def transcript(files: tuple[Path, ...], record: bool) -> None:
    """Play call transcripts on the pure dialogue and compare every word.

    \b
    A transcript is a text file, one line a thing that happens:
      CALL 13800000001
      SAYS 您好，烟草订货热线。阳光便利店请按1。其他请按2。
      KEYS 1
      SAYS 请输入密码，按井号。
      ...
      ORDER 101×10

    \b
    Examples:
      orderline transcript tests/transcripts            all files of a folder
      orderline transcript my-call.txt
      orderline transcript --record my-call.txt         write the SAYS lines for me

    They play in the demo data with real rules; nothing of your own data is touched. Exit 1 when a call went otherwise.
    """
    wording = load_wording()
    failed = 0
    paths = [path for given in files for path in (sorted(given.glob("*.txt")) if given.is_dir() else [given])]
    for path in paths:
        try:
            if record:
                path.write_text(record_anew(path, wording), "utf-8")
            else:
                world = World(wording)
                Player(read_script(path), world, PureSeat(world)).play()
        except (TranscriptFailed, ScriptError, ValueError, OSError) as error:
            failed += 1
            click.echo(f"FAIL  {error}")
        else:
            click.echo(f"ok    {path}")
    click.echo(f"{len(paths) - failed} of {len(paths)} calls went as written")
    if failed:
        raise SystemExit(1)
