"""Calls that ended while no process of ours was looking: their records are closed, so that drafts are free again.

The line that knows says so on its own thread, which must not wait for a database: it is waited for on another.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ivr.lines.asterisk.line import Settled
from ivr.runner import Runner
from orders.store import explain

log = structlog.get_logger(__name__)


class Settling:
    """`line` is the line's name in the records of its calls."""

    def __init__(self, runner: Runner, line: str) -> None:
        self._runner = runner
        self._line = line
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"settle-{line}")

    def settle(self, settled: Settled) -> None:
        self._worker.submit(self._end_lost, settled)

    def close(self) -> None:
        """What was begun is brought to its end."""
        self._worker.shutdown()

    def _end_lost(self, settled: Settled) -> None:
        before = datetime.fromtimestamp(settled.before, UTC)
        try:
            ended = self._runner.end_lost(self._line, settled.node, settled.prefix, settled.living, before)
        except SQLAlchemyError as error:
            log.error("lost_calls_not_ended", of_node=settled.node, reason=explain(error))
        else:
            log.info("lost_calls_ended", of_node=settled.node, calls=ended, living=len(settled.living))
