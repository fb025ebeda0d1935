"""One media process for all tests of a module: it takes longer to start than most tests to run.

Its reports go to whichever line is tested just now.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable

from ivr.media.client import MediaProcess, MediaSettings
from ivr.media.port import StreamEvent


class SharedMedia:
    """`process` runs from the start to `close`; set `report` to the line's `media_event`."""

    def __init__(self) -> None:
        self.report: Callable[[str, StreamEvent], None] = lambda _stream, _event: None
        first = free_port()
        self.process = MediaProcess(MediaSettings(first_port=first, last_port=first + 398), self._heard)
        self.process.start()

    def close(self) -> None:
        self.process.stop()

    def _heard(self, stream: str, event: StreamEvent) -> None:
        self.report(stream, event)


def free_port() -> int:
    """An even port, free a moment ago, below those that the system gives out itself; the next ones mostly are too."""
    while True:
        first = 10000 + random.randrange(10000) * 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", first))
            except OSError:
                continue
        return first
