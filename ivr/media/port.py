"""What signalling may ask of the media process, and what it hears back. No SIP here, no dialogue.

A stream is one call's RTP in both directions. Methods may be called from any thread and return at once, but for
`open`, which returns when the port is bound. The process is supervised: when it dies it is started again with the same
sockets, every open stream is connected again as it was last told, and `StreamRestarted` tells each call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from speech.prompt import Clip

Law = Literal["ulaw", "alaw"]


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What the two sides agreed on (from SDP): where to send, in which payload types, in which directions.

    `keys_payload_type` is that of telephone-event, or -1 when the other side offered none (then in-band tones are
    listened for). `symmetric` lets the first valid packet from another source than `remote` move the target once.
    """

    remote: tuple[str, int]
    law: Law
    payload_type: int
    keys_payload_type: int
    sending: bool = True
    receiving: bool = True
    symmetric: bool = True
    inband_keys: bool = False


@dataclass(frozen=True, slots=True)
class StreamKey:
    """A key was pressed; `at` is time.time() at its detection.

    `playing` is the tag of the clips it stopped, None in silence; `heard_ms` is what was heard of them.
    """

    key: str
    at: float
    heard_ms: int
    playing: int | None = None


@dataclass(frozen=True, slots=True)
class ClipsEnded:
    """The clips under this tag were sent to their end."""

    tag: int


@dataclass(frozen=True, slots=True)
class StreamSilent:
    """No RTP has come from the other side for this long although it should (one-way audio, dead caller).

    `spoke`: it did come before, so the way is open, and its phone may only be saving silence.
    """

    for_s: float
    spoke: bool = False


@dataclass(frozen=True, slots=True)
class StreamRestarted:
    """The media process died and lives again; this stream is connected, what it played is lost."""


StreamEvent = StreamKey | ClipsEnded | StreamSilent | StreamRestarted
StreamEvents = Callable[[str, StreamEvent], None]
"""(stream id, event); called on a reader thread of the client, must return at once."""


class MediaPort(Protocol):
    """The application's side of the media process."""

    def open(self, stream: str) -> tuple[str, int]:
        """Bind a port for this stream and return its local address. Raises OSError when no port is free."""

    def connect(self, stream: str, plan: StreamPlan) -> None:
        """Begin, or change (re-INVITE, hold), as agreed."""

    def play(self, stream: str, clips: Sequence[Clip], tag: int) -> None:
        """Send these clips in place of what is being sent; the next key stops them within one frame."""

    def stop_playing(self, stream: str) -> None:
        """Send silence."""

    def press(self, stream: str, keys: str) -> None:
        """Send these keys to the other side by RFC 4733 (calling out, scripted callers)."""

    def inject_key(self, stream: str, key: str) -> None:
        """A key that came by another way (SIP INFO): stops playing and comes back as `StreamKey`, like any other."""

    def close(self, stream: str) -> None:
        """Forget the stream and free its port."""
