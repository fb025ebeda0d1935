"""The step process's side: a runner over the database, serving each connection on a thread until all are closed.

What a step raises goes back as what the exchange understands: not stored, moved on, unknown call, or a fault of ours.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers

from ivr.dialogue.events import Event
from ivr.runner import CallMovedOn, Handled, Runner, UnknownCall
from orders.desk import OrderDesk
from orders.store import explain, open_store


@dataclass(frozen=True, slots=True)
class StepSettings:
    """What a runner is made of. `prepare` is called once before (logging); all of it must be picklable."""

    database: str
    desk: OrderDesk
    node: str
    boot: str
    prepare: Callable[[], None]
    bound_lines: frozenset[str] = frozenset()
    threads: int = 4
    hung_after_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """One event of a call that stands at step `after`; None for a call that is to be adopted.

    A tuple is a burst: all of its events, or none.
    """

    call: str
    event: Event | tuple[Event, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why nothing was stored: `not_stored` may be tried again, `elsewhere` and `unknown` never, `fault` is a bug."""

    kind: str
    reason: str


def serve(connections: list[Connection]) -> None:
    """Read the settings from the first connection, say that we are ready, serve all until each is closed."""
    settings: StepSettings = connections[0].recv()
    settings.prepare()
    store = open_store(settings.database, pool_size=settings.threads + 1)
    runner = Runner(store, settings.desk, node=settings.node, boot=settings.boot, bound_lines=settings.bound_lines)
    configure_mappers()
    # What is here now stays: looking through it for garbage took 50 to 80 ms, in the middle of somebody's step.
    gc.collect()
    gc.freeze()
    connections[0].send(True)
    threads = [threading.Thread(target=_serve, args=(runner, connection)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def _serve(runner: Runner, connection: Connection) -> None:
    with contextlib.suppress(EOFError, OSError), connection:
        while True:
            request: Request = connection.recv()
            connection.send(_handled(runner, request))


def _handled(runner: Runner, request: Request) -> Handled | Failed:
    try:
        match request:
            case Request(call, tuple(events), int(after)):
                return runner.handle_burst(call, events, after)
            case Request(call, event, None) if not isinstance(event, tuple):
                return runner.adopt(call, event)
            case Request(call, event, after) if not isinstance(event, tuple):
                return runner.handle(call, event, after)
        raise TypeError(f"no request: {request}")
    except (SQLAlchemyError, OSError) as error:
        return Failed("not_stored", explain(error))
    except CallMovedOn as error:
        return Failed("elsewhere", str(error))
    except UnknownCall as error:
        return Failed("unknown", str(error))
    except Exception:
        return Failed("fault", traceback.format_exc())
