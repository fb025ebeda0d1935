"""The loop of the media process: an absolute 20 ms grid in ten slots of 2 ms, packets in between.

Streams are spread over the slots, so that 300 of them never send at one moment. The grid never drifts; after a stall
it starts anew instead of sending a burst.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import OrderedDict
from pathlib import Path

from ivr.media import protocol
from ivr.media.port import Law, StreamPlan
from ivr.media.stream import Stream

SLOTS = 10
SLOT_S = 0.002
STALL_S = 0.1
MOST_PACKETS_A_TURN = 64
CACHED_FILES = 2000
_LAWS: dict[str, Law] = {"ulaw": "ulaw", "alaw": "alaw"}


class ParentGone(Exception):
    """The application closed its end: nobody is left to work for."""


class Loop:
    """Serves one application over `control`."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._control.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(control.fileno(), select.EPOLLIN)
        self._streams: dict[str, Stream] = {}
        self._by_fd: dict[int, Stream] = {}
        self._slots: list[list[Stream]] = [[] for _ in range(SLOTS)]
        self._files: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._buffer = memoryview(bytearray(65536))
        self._late: list[float] = []
        self._unsent: list[bytes] = []

    def run(self) -> None:
        """Until the application is gone."""
        due = time.monotonic()
        slot = 0
        while True:
            wait = due - time.monotonic()
            self._serve(max(0.0, wait))
            now = time.monotonic()
            while now >= due:
                self._send_slot(slot, now - due)
                slot = (slot + 1) % SLOTS
                due += SLOT_S
                if slot == 0:
                    self._tell_unsent()
            if now - due > STALL_S:
                due = now

    def _send_slot(self, slot: int, late: float) -> None:
        streams = self._slots[slot]
        if not streams:
            return
        self._late.append(late)
        for stream in streams:
            stream.send_frame()

    # -- what comes in

    def _serve(self, wait: float) -> None:
        for fd, _ in self._epoll.poll(wait):
            stream = self._by_fd.get(fd)
            if stream is None:
                self._obey_all()
            else:
                self._receive(stream)

    def _receive(self, stream: Stream) -> None:
        for _ in range(MOST_PACKETS_A_TURN):
            try:
                size, source = stream.sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error of an earlier packet; the socket itself is well.
                continue
            stream.take(self._buffer[:size], source)

    def _obey_all(self) -> None:
        for _ in range(MOST_PACKETS_A_TURN):
            try:
                data, fds, _, _ = socket.recv_fds(self._control, protocol.LARGEST_MESSAGE, 1)
            except BlockingIOError:
                return
            if not data:
                raise ParentGone
            self._obey(protocol.decode_command(data), fds)

    def _obey(self, command: protocol.Command, fds: list[int]) -> None:
        if isinstance(command, protocol.Asked):
            self._answer(command.number)
            return
        if isinstance(command, protocol.Opened):
            self._open(command.stream, fds[0])
            return
        stream = self._streams.get(command.stream)
        if stream is None:
            return
        match command:
            case protocol.Connected():
                stream.connect(_plan(command))
            case protocol.Played(_, tag, files):
                stream.play(tag, files)
            case protocol.Stopped():
                stream.stop()
            case protocol.Pressed(_, keys):
                stream.press(keys)
            case protocol.Injected(_, key):
                stream.key(key)
            case protocol.Closed():
                self._close(stream)

    def _open(self, name: str, fd: int) -> None:
        sock = socket.socket(fileno=fd)
        sock.setblocking(False)
        stream = Stream(name, sock, self._tell, self._load)
        self._streams[name] = self._by_fd[sock.fileno()] = stream
        min(self._slots, key=len).append(stream)
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _close(self, stream: Stream) -> None:
        self._epoll.unregister(stream.sock.fileno())
        del self._by_fd[stream.sock.fileno()], self._streams[stream.name]
        for slot in self._slots:
            with contextlib.suppress(ValueError):
                slot.remove(stream)
        stream.sock.close()

    def _load(self, stream: str, file: tuple[str, str], law: Law) -> bytes:
        path = file[0] if law == "ulaw" else file[1]
        known = self._files.get((path, law))
        if known is None:
            try:
                known = Path(path).read_bytes()
            except OSError as error:
                # Played as nothing: the application hears at once that it ended, and the caller its next prompt. Not
                # remembered: the next time it may be readable.
                self._tell(protocol.NotPlayed(stream, path, error.strerror or str(error)))
                return b""
            self._files[path, law] = known
            if len(self._files) > CACHED_FILES:
                self._files.popitem(last=False)
        else:
            self._files.move_to_end((path, law))
        return known

    # -- what goes out

    def _tell(self, report: protocol.Report) -> None:
        data = protocol.encode(report)
        try:
            self._control.send(data)
        except BlockingIOError:
            # The application is busy; a key must not be lost for it, nor may a frame wait.
            self._unsent.append(data)

    def _tell_unsent(self) -> None:
        unsent, self._unsent = self._unsent, []
        for number, data in enumerate(unsent):
            try:
                self._control.send(data)
            except BlockingIOError:
                self._unsent = unsent[number:]
                return

    def _answer(self, number: int) -> None:
        now = time.monotonic()
        streams = list(self._streams.values())
        for stream in streams:
            stream.check_silence(now)
        late = sorted(self._late) or [0.0]
        self._late = []
        figures = (late[len(late) // 2] * 1000, late[int(len(late) * 0.99)] * 1000, late[-1] * 1000)
        self._tell(
            protocol.Answered(
                number,
                len(streams),
                sum(stream.sent for stream in streams),
                sum(stream.received for stream in streams),
                sum(stream.refused for stream in streams),
                figures,
            )
        )


def _plan(command: protocol.Connected) -> StreamPlan:
    return StreamPlan(
        remote=(command.host, command.port),
        law=_LAWS[command.law],
        payload_type=command.payload_type,
        keys_payload_type=command.keys_payload_type,
        sending=command.sending,
        receiving=command.receiving,
        symmetric=command.symmetric,
        inband_keys=command.inband_keys,
    )
