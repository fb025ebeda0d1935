"""Finds the `twilio` package, which need not be installed, and says what to do when it is missing."""

from __future__ import annotations

import importlib
from types import ModuleType


class LibraryMissing(RuntimeError):
    """The twilio package can't be used; the message says what to do."""


def load(module: str) -> ModuleType:
    """One module of the package, as `twilio.rest`. Raises LibraryMissing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LibraryMissing(
            f"the twilio line is enabled, but {error.name} is not installed: pip install 'orderline[twilio]', "
            "or set twilio.enabled = false"
        ) from error
