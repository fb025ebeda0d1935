"""`orderline call`: the scripted caller on the command line: a live transcript, the outcome, or JSON."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from admin.cli.configured import configured
from admin.config import Config
from ivr.caller import CallOutcome, CallPlan, Moment, place_call


@click.command(short_help="Call by real SIP, key by script, print what was heard.")
@click.option("--to", metavar="URI", help="SIP URI to call [default: this configuration's own SIP line].")
@click.option("--from", "caller", metavar="NUMBER", default="13800000001", show_default=True,
              help='The number shown; "" withholds it.')  # fmt: skip
@click.option("--keys", metavar="SCRIPT", default="", help="What to key; see below.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object, nothing else.")
@click.option("--transport", type=click.Choice(["udp", "tcp"]), default="udp", show_default=True)
@click.option("--codec", "codecs", type=click.Choice(["alaw", "ulaw"]), multiple=True, default=("alaw", "ulaw"),
              show_default=True, help="Codec to offer; repeat for more, the best liked first.")  # fmt: skip
@click.option("--dtmf", "key_way", type=click.Choice(["rfc4733", "info", "inband"]), default="rfc4733",
              show_default=True, help="How keys travel.")  # fmt: skip
@click.option("--key-ms", default=80, show_default=True, help="How long a key is held.")
@click.option("--gap-ms", default=80, show_default=True, help="The pause between two keys.")
@click.option("--think", "think_ms", default=600, show_default=True, metavar="MS",
              help="How long a new prompt is heard before it is answered.")  # fmt: skip
@click.option("--patience", "patience_s", default=20.0, show_default=True, metavar="S",
              help="How long to wait for a new prompt.")  # fmt: skip
@click.option("--listen", "listen_s", default=15.0, show_default=True, metavar="S",
              help="How long to go on listening when all is keyed.")  # fmt: skip
@click.option("--ring", "ring_s", default=30.0, show_default=True, metavar="S", help="How long to let it ring.")
@click.option("--prompts", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Folder of rendered prompts, by which sounds are named [default: the configured one].")  # fmt: skip
@configured
def call(
    config: Config, /, to: str | None, as_json: bool, prompts: Path | None, codecs: tuple[Any, ...], **options: Any
) -> None:
    """Call a SIP line as a retailer would, key by script, and print the call as a transcript.

    \b
    The script (--keys):
      1 1234# 1     a space: wait until a new prompt is heard, think, then key the next group
      101#10#       no space: key on without waiting for prompts
      ~2            wait 2 seconds
      !             hang up there

    \b
    Examples:
      orderline call                                   hear the first prompts of the line in this configuration
      orderline call --keys "1 1234# 1 1 1"            order the usual basket
      orderline call --from "" --keys "100001# 1234# !"  withhold the number, hang up after the PIN
      orderline call --to sip:100@192.0.2.7 --transport tcp --dtmf info --json

    Exit status: 0 when the call was answered, 1 when not, 2 when it could not be placed as asked.
    """
    plan = CallPlan(
        to=to or f"sip:{config.demo.called}@{config.sip.host}:{config.sip.port}",
        prompts=prompts or config.prompt_folder(),
        laws=tuple(dict.fromkeys(codecs)),
        **options,
    )
    outcome = asyncio.run(place_call(plan, _silent if as_json else _print_moment))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(outcome), ensure_ascii=False, indent=2))
    else:
        _print_outcome(outcome)
    sys.exit(0 if outcome.answered else 1)


def _silent(_moment: Moment) -> None:
    """JSON output holds the outcome only."""


def _print_moment(moment: Moment) -> None:
    click.echo(f"{moment.at_ms / 1000:7.2f}  {moment.what:<8}  {moment.detail}".rstrip())


def _print_outcome(outcome: CallOutcome) -> None:
    if not outcome.answered:
        status = f" (SIP {outcome.status})" if outcome.status else ""
        click.echo(f"not answered: {outcome.cause}{status}")
        return
    click.echo(f"{outcome.duration_s:.1f} s, {len(outcome.heard)} prompts heard, ended by the {outcome.ended_by}")
    if outcome.packets_lost:
        click.echo(f"{outcome.packets_lost} of {outcome.packets_in + outcome.packets_lost} sound packets were lost")
    if outcome.order_state:
        click.echo(f"order {outcome.order_state}, number ending in {outcome.order_tail}")
