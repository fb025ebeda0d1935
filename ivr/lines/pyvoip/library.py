"""Finds pyVoIP, which need not be installed, and says what to do when it is missing or another one than we know."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType

KNOWN_VERSION = "1.6.8"


class LibraryMissing(RuntimeError):
    """pyVoIP can't be used; the message says what to do."""


def load_phone() -> ModuleType:
    """`ivr.lines.pyvoip.phone`, which needs pyVoIP. Raises LibraryMissing."""
    try:
        with warnings.catch_warnings():
            # It imports audioop, which Python 3.11 and 3.12 announce to remove; we never let it touch sound.
            warnings.simplefilter("ignore", DeprecationWarning)
            found = importlib.import_module("pyVoIP")
            importlib.import_module("pyVoIP.VoIP")
    except ModuleNotFoundError as error:
        if error.name == "audioop":
            raise LibraryMissing(
                f"Python {sys.version_info.major}.{sys.version_info.minor} has no audioop, which pyVoIP needs: "
                "use Python 3.11 or 3.12, or disable the pyvoip line (the direct SIP line needs neither)"
            ) from error
        raise LibraryMissing(
            "the pyvoip line is enabled, but pyVoIP is not installed: pip install 'orderline[pyvoip]', "
            "or set pyvoip.enabled = false"
        ) from error
    version = getattr(found, "__version__", "unknown")
    if version != KNOWN_VERSION:
        raise LibraryMissing(
            f"pyVoIP {version} is installed, but only {KNOWN_VERSION} is known to work: "
            f"pip install 'pyVoIP=={KNOWN_VERSION}'"
        )
    return importlib.import_module("ivr.lines.pyvoip.phone")
