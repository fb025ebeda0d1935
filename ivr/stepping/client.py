"""The application's side of the step process: starts it, hands it events, starts it again when it dies or hangs.

An event that was on its way when the process died may have been stored or not: the exchange hands it over again, and
the runner knows by the call's sequence whether it has it already.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import structlog

from ivr.dialogue.events import Event
from ivr.runner import CallMovedOn, Handled, UnknownCall
from ivr.stepping.process import Failed, Request, StepSettings

log = structlog.get_logger(__name__)

FIRST_ANSWER_S = 30.0


class NotStored(OSError):
    """The event could not be stored, or it is not known whether it was: hand it over again."""


class StepFault(RuntimeError):
    """A step failed by a fault of ours; the text is the process's traceback."""


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    free: queue.LifoQueue[Connection]


class StepProcess:
    """Implements `ivr.exchange.Handling`, from any thread; `settings.threads` events at once."""

    def __init__(self, settings: StepSettings) -> None:
        self._settings = settings
        self._child: _Child | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Start the process and wait until it answers. Raises RuntimeError when it does not."""
        self._running()

    def stop(self) -> None:
        """End it after the steps under way."""
        with self._lock:
            self._stopped = True
            child, self._child = self._child, None
        if child:
            _close(child)
            try:
                child.process.wait(self._settings.hung_after_s)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one, for tests and `doctor`."""
        return self._child.process.pid if self._child else None

    def handle(self, call: str, event: Event, after: int) -> Handled:
        """As `Runner.handle`. Raises NotStored, CallMovedOn, UnknownCall, StepFault."""
        return self._take(Request(call, event, after))

    def handle_burst(self, call: str, events: Sequence[Event], after: int) -> Handled:
        """As `Runner.handle_burst`; raises the same as `handle`."""
        return self._take(Request(call, tuple(events), after))

    def adopt(self, call: str, event: Event) -> Handled:
        """As `Runner.adopt`; raises the same."""
        return self._take(Request(call, event, None))

    def _take(self, request: Request) -> Handled:
        child = self._running()
        try:
            connection = child.free.get(timeout=self._settings.hung_after_s)
        except queue.Empty as error:
            raise NotStored("every thread of the step process is busy") from error
        try:
            connection.send(request)
            if not connection.poll(self._settings.hung_after_s):
                raise TimeoutError("the step process hangs")
            answer: Handled | Failed = connection.recv()
        except (OSError, EOFError) as error:
            self._bury(child, error)
            raise NotStored(f"the step process is gone ({error or 'died'}) and is started again") from error
        finally:
            child.free.put(connection)
        return _told(answer)

    def _running(self) -> _Child:
        with self._lock:
            if self._stopped:
                raise NotStored("the order line is stopping")
            if self._child is None:
                self._child = self._begin()
            return self._child

    def _begin(self) -> _Child:
        pipes = [Pipe() for _ in range(self._settings.threads)]
        theirs = [their.fileno() for _, their in pipes]
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "ivr.stepping", *map(str, theirs)], pass_fds=theirs
        )
        child = _Child(process, queue.LifoQueue())
        for ours, their in pipes:
            their.close()
            child.free.put(ours)
        first = pipes[0][0]
        try:
            first.send(self._settings)
            if first.poll(FIRST_ANSWER_S) and first.recv():
                return child
        except (OSError, EOFError):
            log.exception("step_process_does_not_start")
        process.kill()
        process.wait()
        _close(child)
        raise NotStored("the step process does not start: its last lines in the log say why")

    def _bury(self, child: _Child, error: BaseException) -> None:
        """Done by the first who notices; the next event starts a new process."""
        with self._lock:
            if self._child is not child:
                return
            self._child = None
        child.process.kill()
        child.process.wait()
        log.error("step_process_died", reason=str(error) or type(error).__name__)
        _close(child)


def _close(child: _Child) -> None:
    """Close what nobody uses; a connection in use ends with the process."""
    with contextlib.suppress(queue.Empty):
        while True:
            child.free.get_nowait().close()


def _told(answer: Handled | Failed) -> Handled:
    if isinstance(answer, Handled):
        return answer
    match answer.kind:
        case "not_stored":
            raise NotStored(answer.reason)
        case "elsewhere":
            raise CallMovedOn(answer.reason)
        case "unknown":
            raise UnknownCall(answer.reason)
    raise StepFault(answer.reason)
