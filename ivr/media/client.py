"""The application's side of the media process: opens sockets, starts the process, watches it, starts it again.

The sockets are made here and lent to the process, so that a call keeps its ports when the process dies. What each
stream was last told is kept, so that a new process can go on where the old one was lost.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ivr.media import protocol
from ivr.media.port import ClipsEnded, StreamEvent, StreamEvents, StreamKey, StreamPlan, StreamRestarted, StreamSilent
from speech.prompt import Clip

log = structlog.get_logger(__name__)

ASK_EVERY_S = 0.25
HUNG_AFTER_S = 1.5
FIRST_ANSWER_S = 10.0
RESTART_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Where RTP is received: an address of this machine and the range of ports to use (even ones)."""

    host: str = "127.0.0.1"
    first_port: int = 20000
    last_port: int = 29998


@dataclass(slots=True)
class _Stream:
    sock: socket.socket
    plan: StreamPlan | None = None


class MediaProcess:
    """Implements `ivr.media.port.MediaPort`."""

    def __init__(self, settings: MediaSettings, report: StreamEvents) -> None:
        self._settings = settings
        self._report = report
        self._streams: dict[str, _Stream] = {}
        self._ports = itertools.cycle(range(settings.first_port, settings.last_port + 1, 2))
        self._lock = threading.RLock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._figures: protocol.Answered | None = None
        self._thread = threading.Thread(target=self._watch, name="media-watch", daemon=True)

    def start(self) -> None:
        """Start the process and wait until it answers. Raises RuntimeError when it does not."""
        self._thread.start()
        if not self._ready.wait(FIRST_ANSWER_S):
            self.stop()
            raise RuntimeError("the media process does not start: run `python -m ivr.media` by hand to see why")

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            if self._control:
                with contextlib.suppress(OSError):
                    self._control.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for stream in self._streams.values():
                stream.sock.close()
            self._streams.clear()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one, for tests and `doctor`."""
        return self._process.pid if self._process else None

    def stats(self) -> protocol.Answered | None:
        """The newest figures of the process, a quarter of a second old at most."""
        return self._figures

    # -- the port

    def open(self, stream: str) -> tuple[str, int]:
        sock = self._bind()
        with self._lock:
            self._streams[stream] = _Stream(sock)
            self._send(protocol.Opened(stream), sock)
        host, port = sock.getsockname()
        return str(host), int(port)

    def connect(self, stream: str, plan: StreamPlan) -> None:
        with self._lock:
            if stream in self._streams:
                self._streams[stream].plan = plan
                self._send(_connected(stream, plan))

    def play(self, stream: str, clips: Sequence[Clip], tag: int) -> None:
        self._send(protocol.Played(stream, tag, [(str(clip.ulaw), str(clip.alaw)) for clip in clips]))

    def stop_playing(self, stream: str) -> None:
        self._send(protocol.Stopped(stream))

    def press(self, stream: str, keys: str) -> None:
        self._send(protocol.Pressed(stream, keys))

    def inject_key(self, stream: str, key: str) -> None:
        self._send(protocol.Injected(stream, key))

    def close(self, stream: str) -> None:
        with self._lock:
            if known := self._streams.pop(stream, None):
                self._send(protocol.Closed(stream))
                known.sock.close()

    # -- sockets and messages

    def _bind(self) -> socket.socket:
        ports = (self._settings.last_port - self._settings.first_port) // 2 + 1
        for _ in range(ports):
            with self._lock:
                port = next(self._ports)
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                sock.bind((self._settings.host, port))
            except OSError:
                sock.close()
                continue
            sock.setblocking(False)
            return sock
        raise OSError(
            f"no free RTP port between {self._settings.first_port} and {self._settings.last_port}: "
            "widen media.first_port to media.last_port"
        )

    def _send(self, command: protocol.Command, sock: socket.socket | None = None) -> None:
        data = protocol.encode(command)
        with self._lock:
            if self._control is None:
                return
            # What can't be sent is not lost: the process is dead or hung, and all is told again to the next one.
            with contextlib.suppress(OSError):
                if sock is None:
                    self._control.send(data)
                else:
                    socket.send_fds(self._control, [data], [sock.fileno()])

    # -- the watch: starts, reads, asks, buries

    def _watch(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                control = self._begin(restarted=deaths > 0)
            except OSError as error:
                # No memory, no process number, no descriptor: there may be some in a moment.
                log.error("media_process_not_started", reason=str(error))
            else:
                self._read_guarded(control)
                self._bury(control)
            if self._stopping.is_set():
                return
            deaths = deaths + 1 if time.monotonic() - started < 30 else 1
            log.error("media_process_died", deaths=deaths, streams=len(self._streams))
            self._stopping.wait(RESTART_PAUSES_S[min(deaths - 1, len(RESTART_PAUSES_S) - 1)])

    def _begin(self, *, restarted: bool) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.settimeout(ASK_EVERY_S)
        try:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, "-m", "ivr.media", str(theirs.fileno())], pass_fds=[theirs.fileno()], close_fds=True
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        with self._lock:
            self._process, self._control = process, ours
            streams = dict(self._streams)
            for name, stream in streams.items():
                self._send(protocol.Opened(name), stream.sock)
                if stream.plan:
                    self._send(_connected(name, stream.plan))
        if restarted:
            for name in streams:
                self._tell(name, StreamRestarted())
        return ours

    def _read_guarded(self, control: socket.socket) -> None:
        try:
            self._read(control)
        except Exception:
            # A report nobody understands: this process is not to be trusted, but there must be one.
            log.exception("media_report_fault")

    def _read(self, control: socket.socket) -> None:
        """Until the process is gone or hangs."""
        asked, answered = 0.0, time.monotonic() + FIRST_ANSWER_S
        while not self._stopping.is_set():
            now = time.monotonic()
            if now - asked >= ASK_EVERY_S:
                asked = now
                self._send(protocol.Asked(0))
            try:
                data = control.recv(protocol.LARGEST_MESSAGE)
            except TimeoutError:
                # Judged only when nothing waits to be read: it may be we who were held up.
                if time.monotonic() - answered > HUNG_AFTER_S:
                    log.error("media_process_hangs")
                    return
                continue
            except OSError:
                return
            if not data:
                return
            report = protocol.decode_report(data)
            if isinstance(report, protocol.Answered):
                answered, self._figures = time.monotonic(), report
                self._ready.set()
            elif isinstance(report, protocol.NotPlayed):
                log.error("prompt_not_played", call=report.stream, path=report.path, reason=report.reason)
            else:
                self._tell(report.stream, _event(report))

    def _tell(self, stream: str, event: StreamEvent) -> None:
        try:
            self._report(stream, event)
        except Exception:
            # What one call's line makes of it must not leave all others without keys.
            log.exception("stream_event_fault", stream=stream)

    def _bury(self, control: socket.socket) -> None:
        with self._lock:
            self._control = None
            process, self._process = self._process, None
        control.close()
        if process:
            process.kill()
            process.wait()


def _connected(stream: str, plan: StreamPlan) -> protocol.Connected:
    return protocol.Connected(
        stream,
        plan.remote[0],
        plan.remote[1],
        plan.law,
        plan.payload_type,
        plan.keys_payload_type,
        plan.sending,
        plan.receiving,
        plan.symmetric,
        plan.inband_keys,
    )


def _event(report: protocol.KeyHeard | protocol.PlayEnded | protocol.FellSilent) -> StreamEvent:
    match report:
        case protocol.KeyHeard(_, key, at, heard_ms, playing):
            return StreamKey(key, at, heard_ms, playing)
        case protocol.PlayEnded(_, tag):
            return ClipsEnded(tag)
        case protocol.FellSilent(_, for_s, spoke):
            return StreamSilent(for_s, spoke)
