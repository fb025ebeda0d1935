"""How a command gets the configuration: from the file named before the command, or where it usually is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import click

from admin.config import Config
from admin.config_reading import read_config

Options = ParamSpec("Options")
Result = TypeVar("Result")


def configured(command: Callable[Concatenate[Config, Options], Result]) -> Callable[Options, Result]:
    """Give the command the effective configuration before its options.

    Raises ConfigError, which the group shows, before anything of the command is done.
    """

    @wraps(command)
    def with_configuration(*args: Options.args, **kwargs: Options.kwargs) -> Result:
        return command(effective_configuration(), *args, **kwargs)

    return with_configuration


def effective_configuration() -> Config:
    """The configuration of the command line being run. Raises ConfigError."""
    return read_config(click.get_current_context().find_root().obj)
