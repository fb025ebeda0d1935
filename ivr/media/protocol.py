"""What the application and the media process say to each other: small messages over a pair of local sockets.

Sequenced packets keep messages whole; a stream's socket travels beside its `Opened` message as a file descriptor.
"""

from __future__ import annotations

import msgspec


class Opened(msgspec.Struct, tag=True):
    """Serve this stream on the socket that comes with this message."""

    stream: str


class Connected(msgspec.Struct, tag=True):
    """`ivr.media.port.StreamPlan`, flat."""

    stream: str
    host: str
    port: int
    law: str
    payload_type: int
    keys_payload_type: int
    sending: bool
    receiving: bool
    symmetric: bool
    inband_keys: bool


class Played(msgspec.Struct, tag=True):
    """Send these files, (µ-law path, A-law path) each, in place of what is being sent."""

    stream: str
    tag: int
    files: list[tuple[str, str]]


class Stopped(msgspec.Struct, tag=True):
    stream: str


class Pressed(msgspec.Struct, tag=True):
    stream: str
    keys: str


class Injected(msgspec.Struct, tag=True):
    stream: str
    key: str


class Closed(msgspec.Struct, tag=True):
    stream: str


class Asked(msgspec.Struct, tag=True):
    """Are you well? `Answered` comes back under the same number."""

    number: int


class Answered(msgspec.Struct, tag=True):
    """Alive; figures since the last question. `late_ms`: (p50, p99, worst) of how late frames were sent."""

    number: int
    streams: int
    sent: int
    received: int
    refused: int
    late_ms: tuple[float, float, float]


class KeyHeard(msgspec.Struct, tag=True):
    stream: str
    key: str
    at: float
    heard_ms: int
    playing: int | None


class PlayEnded(msgspec.Struct, tag=True):
    stream: str
    tag: int


class FellSilent(msgspec.Struct, tag=True):
    """Nothing came for so long; `spoke`: something had come before."""

    stream: str
    for_s: float
    spoke: bool


class NotPlayed(msgspec.Struct, tag=True):
    """A file of a prompt can't be read: it was played as nothing."""

    stream: str
    path: str
    reason: str


Command = Opened | Connected | Played | Stopped | Pressed | Injected | Closed | Asked
Report = Answered | KeyHeard | PlayEnded | FellSilent | NotPlayed

encode = msgspec.msgpack.Encoder().encode
decode_command = msgspec.msgpack.Decoder(Command).decode
decode_report = msgspec.msgpack.Decoder(Report).decode
LARGEST_MESSAGE = 60_000
