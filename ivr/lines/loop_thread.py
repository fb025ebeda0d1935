"""An asyncio loop on a thread of its own, for lines whose methods are called from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

PATIENCE_S = 10.0


class LoopThread:
    """`loop` lives from `start` to `stop`: a line that is never started holds nothing open."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Raises RuntimeError before `start`."""
        if self._loop is None:
            raise RuntimeError(f"{self._name} is not started")
        return self._loop

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this on the loop and wait for it; raises what it raises, or TimeoutError."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=PATIENCE_S)

    def stop(self) -> None:
        """End the loop; whoever began tasks has ended them."""
        if self._thread is None:
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self._thread = None
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
