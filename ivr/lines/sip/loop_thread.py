"""An asyncio loop on a thread of its own, for lines whose methods are called from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

PATIENCE_S = 10.0


class LoopThread:
    """`loop` exists at once and runs from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this on the loop and wait for it; raises what it raises, or TimeoutError."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=PATIENCE_S)

    def stop(self) -> None:
        """End the loop; whoever began tasks has ended them."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        if not self.loop.is_closed():
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
