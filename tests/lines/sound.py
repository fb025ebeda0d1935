"""The RTP side of a test's telephone: one socket, what came, keys as events (RFC 4733)."""

from __future__ import annotations

import socket
import struct
import threading
import time

KEYS = "0123456789*#ABCD"
SILENCES = {0xD5, 0xFF}


class Sound:
    """The RTP side: a socket, what came, and keys as events or as nothing."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.to: tuple[str, int] | None = None
        self.frames: list[tuple[float, int, int]] = []
        """(when, payload type, the byte in its middle)"""
        self._sequence = 0
        self._timestamp = 1000
        self._over = False
        self._thread = threading.Thread(target=self._listen, name="test-rtp", daemon=True)
        self._thread.start()

    def heard(self) -> int:
        """The byte that is heard now; -1 before anything is."""
        return self.frames[-1][2] if self.frames else -1

    def hears_silence(self) -> bool:
        return self.heard() in SILENCES and time.monotonic() - self.frames[-1][0] < 0.1

    def send(self, payload_type: int, payload: bytes, *, timestamp: int | None = None) -> None:
        self._sequence += 1
        at = self._timestamp if timestamp is None else timestamp
        header = struct.pack("!BBHII", 0x80, payload_type, self._sequence & 0xFFFF, at, 4711)
        assert self.to is not None
        self.sock.sendto(header + payload, self.to)

    def press(self, key: str, payload_type: int = 101, *, ends: int = 3) -> None:
        """RFC 4733, four packets and `ends` end packets, all at once: the order is what counts."""
        self._timestamp += 1600
        for packet in range(4 + ends):
            end = 0x80 if packet >= 4 else 0
            duration = min(packet + 1, 5) * 160
            self.send(payload_type, struct.pack("!BBH", KEYS.index(key), 10 | end, duration))

    def press_at_pace(self, key: str, payload_type: int = 101) -> None:
        """As a finger does: 100 ms, and 60 ms until the next. A switch between may take keys in no time for one."""
        self._timestamp += 1600
        due = time.monotonic()
        for packet in range(8):
            end = 0x80 if packet >= 5 else 0
            self.send(payload_type, struct.pack("!BBH", KEYS.index(key), 10 | end, min(packet + 1, 5) * 160))
            due += 0.02 if packet < 5 else 0.0
            time.sleep(max(0.0, due - time.monotonic()))
        time.sleep(0.06)

    def talk(self, payload: bytes, payload_type: int) -> None:
        """Sound at its pace: 160 bytes every 20 ms."""
        due = time.monotonic()
        for at in range(0, len(payload), 160):
            self._timestamp += 160
            self.send(payload_type, payload[at : at + 160])
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self.sock.close()

    def _listen(self) -> None:
        while not self._over:
            try:
                data = self.sock.recv(2000)
            except TimeoutError:
                continue
            except OSError:
                continue
            if len(data) > 92:
                self.frames.append((time.monotonic(), data[1] & 0x7F, data[92]))
