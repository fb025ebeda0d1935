"""The step process's entry: `python -m ivr.stepping FD…`, started by `ivr.stepping.client`, never by hand."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection

from ivr.stepping.process import serve

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the application closes its ends or dies."""
    # Ctrl-C reaches the whole group; ending is the application's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Where that is allowed: a caller waits for each step, nobody waits for a report.
    with contextlib.suppress(OSError):
        os.nice(-5)
    with contextlib.suppress(EOFError, ConnectionResetError, BrokenPipeError):
        serve([Connection(int(fd)) for fd in sys.argv[1:]])


if __name__ == "__main__":
    main()
