"""Messages out of a TCP stream (RFC 3261 §18.3): bytes in, whole messages out. No sockets."""

from __future__ import annotations

import re

LARGEST_HEAD = 16_384
LARGEST_BODY = 65_536
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,6})[ \t]*\r?$")


class StreamBroken(Exception):
    """The stream can't be followed any more (RFC 3261 gives no way to find the next message): close it."""


class Framer:
    """Feed it what came; it gives the messages that are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.pings = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Raises StreamBroken. `pings` counts the keep-alives (RFC 5626 §3.5.1) to be answered with one CRLF."""
        self._buffer += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> bytes | None:
        self._skip_blank()
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise StreamBroken("a head without an end")
            return None
        if end > LARGEST_HEAD:
            raise StreamBroken("a head too long")
        size = end + 4 + self._body_length(bytes(self._buffer[: end + 2]))
        if len(self._buffer) < size:
            return None
        message = bytes(self._buffer[:size])
        del self._buffer[:size]
        return message

    def _skip_blank(self) -> None:
        while self._buffer[:4] == b"\r\n\r\n":
            self.pings += 1
            del self._buffer[:4]
        # A single CRLF between messages is allowed; half a keep-alive looks the same until its rest comes.
        if self._buffer[:2] == b"\r\n" and len(self._buffer) > 3:
            del self._buffer[:2]

    def _body_length(self, head: bytes) -> int:
        lengths = _LENGTH.findall(head)
        if len(lengths) > 1 and len(set(lengths)) > 1:
            raise StreamBroken("two lengths")
        if not lengths:
            if re.search(rb"(?im)^(?:content-length|l)[ \t]*:", head):
                raise StreamBroken("a length that is none")
            return 0
        if int(lengths[0]) > LARGEST_BODY:
            raise StreamBroken("a body too long")
        return int(lengths[0])
