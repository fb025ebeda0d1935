"""A wire that breaks as told: a TCP relay on loopback between a connector and its sales system.

One fault is armed at a time and strikes once, counted by the pieces of answer let through before it; `refuse` and
`stall` last until the next fault is armed.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["none", "refuse", "reset", "stall", "lose_answer", "half_answer"]
KINDS: tuple[FaultKind, ...] = ("refuse", "reset", "stall", "lose_answer", "half_answer")


@dataclass(frozen=True, slots=True)
class Fault:
    """`refuse`: nobody answers the door. `reset`: cut before the next request arrives. `stall`: the request arrives,
    its answer never comes. `lose_answer`: the request arrives, then the wire is cut. `half_answer`: cut within it.
    """

    kind: FaultKind = "none"
    after: int = 0


class Relay:
    """Listens on `port` and passes on to `target` (host, port)."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._fault = Fault()
        self._passed = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    def arm(self, fault: Fault) -> None:
        """From now on this one; connections held over from before are cut, as after any outage."""
        with self._lock:
            self._fault, self._passed = fault, 0
            held, self._open = self._open, set()
        for end in held:
            _cut(end)

    def close(self) -> None:
        self._door.close()
        self.arm(Fault("refuse"))

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._door.accept()
                if self._fault.kind == "refuse":
                    _cut(caller)
                    continue
                try:
                    system = socket.create_connection(self._target, 5)
                except OSError:
                    _cut(caller)
                    continue
                with self._lock:
                    self._open |= {caller, system}
                threading.Thread(target=self._requests, args=(caller, system), daemon=True).start()
                threading.Thread(target=self._answers, args=(caller, system), daemon=True).start()

    def _requests(self, caller: socket.socket, system: socket.socket) -> None:
        with _both_ends(caller, system):
            while request := caller.recv(65536):
                if self._strikes("reset"):
                    return
                system.sendall(request)

    def _answers(self, caller: socket.socket, system: socket.socket) -> None:
        with _both_ends(caller, system):
            while answer := system.recv(65536):
                if self._strikes("lose_answer"):
                    return
                if self._strikes("half_answer"):
                    caller.sendall(answer[: len(answer) // 2])
                    return
                if self._strikes("stall"):
                    continue
                with self._lock:
                    self._passed += 1
                caller.sendall(answer)

    def _strikes(self, kind: FaultKind) -> bool:
        with self._lock:
            if self._fault.kind != kind or self._passed < self._fault.after:
                return False
            if kind != "stall":
                self._fault = Fault()
            return True


@contextlib.contextmanager
def _both_ends(caller: socket.socket, system: socket.socket) -> Iterator[None]:
    """One end gone, both gone."""
    try:
        with contextlib.suppress(OSError):
            yield
    finally:
        _cut(caller)
        _cut(system)


def _cut(end: socket.socket) -> None:
    """As a dying machine does: a reset, no goodbye."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()


def any_fault(chance: random.Random, most_answers: int) -> Fault:
    """A fault that strikes anywhere within a delivery of so many answers."""
    return Fault(chance.choice(KINDS), chance.randrange(most_answers))
