"""The media process's entry: `python -m ivr.media FD`, started by `ivr.media.client`, never by hand."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys

from ivr.media.loop import Loop, ParentGone

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the application closes its end or dies."""
    # Ctrl-C reaches the whole group; ending is the application's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.nice(-10)
    control = socket.socket(fileno=int(sys.argv[1]))
    # A collection pause is a gap in somebody's sound; what is made here is freed by counting.
    gc.collect()
    gc.freeze()
    gc.disable()
    with contextlib.suppress(ParentGone, ConnectionResetError, BrokenPipeError):
        Loop(control).run()


main()
