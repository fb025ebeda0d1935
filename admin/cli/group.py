"""The command group: which commands there are, in which module each lives, what `--help` says of them.

Listing needs no command's module, so that help comes at once; a command's own imports are paid by its callers only.
What goes wrong in a way that a person can mend is one line on standard error and exit status 2, never a traceback.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:command, what help says of it), in the order in which a newcomer needs them
    "serve": ("admin.cli.serve:serve", "Start the order line; --demo tries it out with one real call."),
    "call": ("admin.cli.call:call", "Call by real SIP, key by script, print what was heard."),
    "config": ("admin.cli.config:config", "Show the configuration in effect, or the annotated example."),
    "transcript": ("admin.cli.transcript:transcript", "Play golden transcripts on the pure dialogue."),
    "replay": ("admin.cli.replay:replay", "Run stored calls through today's code, show where they differ."),
    "flow": ("admin.cli.flow:flow", "Show the stages of a call as text or as a drawing (SVG)."),
    "import": ("admin.cli.importing:import_data", "Import retailers, catalogue, allocation from CSV or Excel."),
    "callbacks": ("admin.cli.callbacks:callbacks", "List and close call-back requests."),
    "users": ("admin.cli.users:users", "Make, list, disable and reset the people of the console."),
    "campaigns": ("admin.cli.campaigns:campaigns", "Call retailers who have not ordered; notices; reports."),
    "unlock": ("admin.cli.unlock:unlock", "Lift a retailer's PIN lock."),
    "sales": ("admin.cli.sales:sales", "See the hand-over to the sales system, send dead orders again."),
    "lines": ("admin.cli.lines:lines", "Lines, boards, slots: how they stand, out of service, tested, moved."),
    "tickets": ("admin.cli.tickets:tickets", "Fault tickets: what is wrong, whom to call, by when."),
    "asterisk": ("admin.cli.asterisk:asterisk", "Write the files that Asterisk reads."),
    "bench": ("admin.cli.bench:bench", "Measure this machine, beside a baseline in the same run."),
    "doctor": ("admin.cli.doctor:doctor", "Check that everything works on this machine, and say what to do."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # The reader went away (`orderline config | head`): nothing more to say, and nothing to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise click.exceptions.Exit(0) from None
        except Exception as error:
            if mendable(error):
                raise Mendable(str(error)) from error
            raise


class Mendable(click.ClickException):
    """A fault that the user can mend; the message says how."""

    exit_code = 2

    def show(self, file: Any = None) -> None:  # noqa: ARG002 (click's signature)
        for line in self.message.splitlines():
            click.echo(f"orderline: {line}", err=True)


def mendable(error: BaseException) -> bool:
    """Whether the error's class says by its name's home that its message tells what to do.

    Compared by name: importing every package that has such errors would cost what lazy loading saves.
    """
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return bool(kinds & MENDABLE)


MENDABLE = {
    "admin.config.ConfigError",
    "admin.opening.StartError",
    "admin.web.server.WebServerError",
    "ivr.caller.plan.PlanError",
    "orders.store.StoreError",
    "speech.wording.WordingError",
    "speech.voices.port.VoiceMissing",
    "speech.voices.recorded.BadRecording",
}

EPILOG = """
\b
First steps:
  orderline serve --demo            the order line with demo data, on this machine only
  orderline call                    call it and hear the first prompts by name
  orderline doctor                  what works here, and what to do about the rest
"""


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="Configuration file [default: $ORDERLINE_CONFIG, else ./orderline.toml if it is there].",
)
@click.version_option(package_name="orderline", message="%(prog)s %(version)s")
@click.pass_context
def orderline(ctx: click.Context, config_file: str | None) -> None:
    """Telephone order collection: retailers call, each order reaches the sales system exactly once."""
    ctx.obj = config_file
