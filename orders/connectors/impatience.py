"""Giving up on a database that hangs: its driver would wait for an answer as long as the machine is up."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

from sqlalchemy import Connection


@contextlib.contextmanager
def giving_up_after(seconds: float, connection: Connection) -> Iterator[None]:
    """Cut the connection's wire unless the block ends in time; the waiting driver then raises that it is gone.

    For databases behind a socket; one in a file has time-outs of its own.
    """
    driver = connection.connection.driver_connection
    fileno = getattr(driver, "fileno", None)
    if fileno is None:
        yield
        return
    # A copy of the descriptor: the driver may close its own meanwhile, and the number be somebody else's by then.
    with socket.socket(fileno=os.dup(fileno())) as wire:
        timer = threading.Timer(seconds, _cut, (wire,))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _cut(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
