"""What goes over the ARI websocket: requests out, responses and events in, as values. Asterisk's words end here.

An event of a kind that is not listed, or that lacks what it should hold, is nothing to us: `read` gives None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

Body = Mapping[str, object]
Kind = TypeVar("Kind")


class Party(msgspec.Struct):
    number: str = ""


class Dialplan(msgspec.Struct):
    exten: str = ""


class Channel(msgspec.Struct):
    """One leg of a call. `state` is "Up" once answered; `creationtime` as Asterisk writes times."""

    id: str
    state: str = ""
    caller: Party = msgspec.field(default_factory=Party)
    dialplan: Dialplan = msgspec.field(default_factory=Dialplan)
    creationtime: str = ""


class Playback(msgspec.Struct):
    id: str
    state: str = ""


class CallBroadcast(msgspec.Struct, tag=True):
    """A call is offered to all nodes; the first that claims it has it."""

    channel: Channel


class StasisStart(msgspec.Struct, tag=True):
    """A channel is ours: claimed, taken over, or answered after we called out."""

    channel: Channel
    args: list[str] = msgspec.field(default_factory=list)


class StasisEnd(msgspec.Struct, tag=True):
    """A channel is no longer ours: hung up, gone on in the dialplan, or moved to another node."""

    channel: Channel
    timestamp: str = ""


class Dial(msgspec.Struct, tag=True):
    """How dialling `peer` goes; `dialstatus` is "RINGING" once it rings."""

    peer: Channel
    dialstatus: str = ""

    @property
    def channel(self) -> Channel:
        return self.peer


class ChannelDestroyed(msgspec.Struct, tag=True):
    """A channel is no more. `cause` is ITU-T Q.850's; `tech_cause` the protocol's own code, 0 when unknown."""

    channel: Channel
    cause: int = 0
    tech_cause: int = 0


class ChannelHangupRequest(msgspec.Struct, tag=True):
    """Somebody wants the channel ended. When `soft`, Asterisk itself does, and `cause` is its AST_SOFTHANGUP flag."""

    channel: Channel
    cause: int = 0
    tech_cause: int = 0
    soft: bool = False


class ChannelDtmfReceived(msgspec.Struct, tag=True):
    """A key was released."""

    channel: Channel
    digit: str
    timestamp: str = ""


class PlaybackStarted(msgspec.Struct, tag=True):
    """A file begins to be heard; once for each file of a playback."""

    playback: Playback
    timestamp: str = ""


class PlaybackFinished(msgspec.Struct, tag=True):
    """A playback is over: `state` is "done" (also when stopped) or "failed" (no such file, or hung up)."""

    playback: Playback


class ChannelUserevent(msgspec.Struct, tag=True):
    """What another node says to us through Asterisk."""

    eventname: str
    userevent: dict[str, object] = msgspec.field(default_factory=dict)


class ApplicationReplaced(msgspec.Struct, tag=True):
    """Another websocket has registered under our name; this one hears nothing more."""

    application: str


class RESTResponse(msgspec.Struct, tag=True):
    """The answer to a request, by its number."""

    request_id: str
    status_code: int
    reason_phrase: str = ""
    message_body: str = ""


Event = (
    CallBroadcast
    | StasisStart
    | StasisEnd
    | Dial
    | ChannelDestroyed
    | ChannelHangupRequest
    | ChannelDtmfReceived
    | PlaybackStarted
    | PlaybackFinished
    | ChannelUserevent
    | ApplicationReplaced
)
WANTED = (
    "CallBroadcast",
    "StasisStart",
    "StasisEnd",
    "Dial",
    "ChannelDestroyed",
    "ChannelHangupRequest",
    "ChannelDtmfReceived",
    "PlaybackStarted",
    "PlaybackFinished",
    "ChannelUserevent",
    "ApplicationReplaced",
    # Asterisk 22 puts its answers through the same filter: left out, every request would wait for ever.
    "RESTResponse",
)
_MESSAGES: msgspec.json.Decoder[Event | RESTResponse] = msgspec.json.Decoder(Event | RESTResponse)


class Application(msgspec.Struct):
    """A node as Asterisk knows it: its name and what it holds."""

    name: str
    channel_ids: list[str] = msgspec.field(default_factory=list)
    bridge_ids: list[str] = msgspec.field(default_factory=list)


class Bridge(msgspec.Struct):
    """Channels that hear each other."""

    id: str
    name: str = ""
    channels: list[str] = msgspec.field(default_factory=list)


class Variable(msgspec.Struct):
    """A channel's variable."""

    value: str


class _System(msgspec.Struct):
    version: str
    entity_id: str


class _Named(msgspec.Struct):
    name: str = ""


class Info(msgspec.Struct):
    """Who the Asterisk at the other end is."""

    system: _System
    config: _Named = msgspec.field(default_factory=_Named)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request: an HTTP status, 0 when no answer came. `body` is JSON."""

    status: int
    body: str = ""

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300


def read(message: str | bytes) -> Event | RESTResponse | None:
    """One message of Asterisk's; None for one that means nothing to us."""
    try:
        return _MESSAGES.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def decoded(reply: Reply, kind: type[Kind]) -> Kind | None:
    """The body of a good reply; None when there is none."""
    try:
        return msgspec.json.decode(reply.body, type=kind) if reply.done else None
    except msgspec.DecodeError:
        return None


def request(number: int, method: str, path: str, query: dict[str, str] | None = None, body: Body | None = None) -> str:
    """A request as JSON. `path` is safe: build it with `at`."""
    uri = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
    message = {
        "type": "RESTRequest",
        "transaction_id": "orderline",
        "request_id": str(number),
        "method": method,
        "uri": uri,
    }
    if body is not None:
        message |= {"content_type": "application/json", "message_body": msgspec.json.encode(body).decode()}
    return msgspec.json.encode(message).decode()


def at(*parts: str) -> str:
    """A path of these parts, each made safe."""
    return "/".join(quote(part, safe="") for part in parts)


def seconds(timestamp: str, otherwise: float) -> float:
    """A time as Asterisk writes it ("2026-11-23T17:47:41.690+0000"), in seconds of `time.time()`."""
    try:
        return datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    except ValueError:
        return otherwise
