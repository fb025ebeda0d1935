"""Offer and answer (RFC 3264) for a line that speaks G.711 only: what the other side wants, what we agree to.

Reads and writes session descriptions with aiosipua's parser; decides here. No sockets, no call.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass

from aiosipua import (
    Codec,
    ConnectionData,
    MediaDescription,
    Origin,
    SdpMessage,
    parse_sdp,
    serialize_sdp,
)

from ivr.media.port import Law, StreamPlan

NAMES: dict[str, Law] = {"PCMA": "alaw", "PCMU": "ulaw"}
NUMBERS: dict[Law, int] = {"alaw": 8, "ulaw": 0}
KEYS_PAYLOAD_TYPE = 101
LARGEST_SDP = 8192
MOST_MEDIA_LINES = 16
_ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class NotAcceptable(Exception):
    """What is offered can't be agreed to; the message is for the log."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides do from now on; `line` is the audio's place among the media lines of the description."""

    plan: StreamPlan
    line: int


@dataclass(slots=True)
class Terms:
    """Our side of one call's description: where we receive, and the number of the description, which grows by one
    whenever it changes (RFC 3264 §8)."""

    address: tuple[str, int]
    laws: tuple[Law, ...]
    session: int = 0
    version: int = 0
    last: str = ""

    def __post_init__(self) -> None:
        self.session = self.session or secrets.randbelow(2**31)

    def answer(self, text: str) -> tuple[str, Agreement]:
        """Our answer to an offer, and what it comes to. Raises NotAcceptable."""
        offer = read_description(text)
        found = [(at, codec) for at, media in enumerate(offer.media) if (codec := self._wanted(media)) is not None]
        if not found:
            raise NotAcceptable("no G.711 audio over RTP/AVP is offered")
        line, codec = found[0]
        audio = offer.media[line]
        plan = _plan(offer, audio, codec)
        media = [_refused(other) for other in offer.media]
        media[line] = self._audio([codec], plan.keys_payload_type, _ANSWERS[_direction(offer, audio)])
        if _held(offer, audio):
            media[line] = self._audio([codec], plan.keys_payload_type, "recvonly")
        return self._written(media), Agreement(plan, line)

    def offer(self) -> str:
        """All that we can do, both ways."""
        codecs = [Codec(NUMBERS[law], name, 8000) for law in self.laws for name in NAMES if NAMES[name] == law]
        return self._written([self._audio(codecs, KEYS_PAYLOAD_TYPE, "sendrecv")])

    def agreed(self, text: str | None) -> Agreement:
        """What an answer to our offer comes to. Raises NotAcceptable."""
        if text is None:
            raise NotAcceptable("an answer without a description")
        answer = read_description(text)
        audio = answer.media[0] if answer.media else None
        codec = self._wanted(audio) if audio else None
        if audio is None or codec is None:
            raise NotAcceptable("the answer takes none of our codecs")
        return Agreement(_plan(answer, audio, codec), 0)

    def _wanted(self, media: MediaDescription) -> Codec | None:
        if media.media != "audio" or not media.port or media.proto.upper() != "RTP/AVP":
            return None
        for law in self.laws:
            for codec in media.codecs:
                usable = codec.clock_rate == 8000 and (codec.channels or 1) == 1 and 0 <= codec.payload_type < 128
                if usable and NAMES.get(codec.encoding_name.upper()) == law:
                    return codec
        return None

    def _audio(self, codecs: list[Codec], keys: int, direction: str) -> MediaDescription:
        maps = [f"{codec.payload_type} {codec.encoding_name.upper()}/8000" for codec in codecs]
        formats = [str(codec.payload_type) for codec in codecs]
        attributes: dict[str, list[str]] = {"rtpmap": maps}
        if keys >= 0:
            formats.append(str(keys))
            maps.append(f"{keys} telephone-event/8000")
            attributes["fmtp"] = [f"{keys} 0-15"]
        attributes |= {"ptime": ["20"], direction: []}
        return MediaDescription("audio", self.address[1], "RTP/AVP", formats, attributes=attributes)

    def _written(self, media: list[MediaDescription]) -> str:
        host = self.address[0]
        description = SdpMessage(
            origin=Origin("-", str(self.session), str(self.version), "IN", "IP4", host),
            session_name="-",
            connection=ConnectionData("IN", "IP4", host),
            media=media,
        )
        if self.last and serialize_sdp(description) != self.last:
            self.version += 1
            description.origin.session_version = str(self.version)
        self.last = serialize_sdp(description)
        return self.last


def read_description(text: str) -> SdpMessage:
    """Raises NotAcceptable for what can't be read."""
    if len(text) > LARGEST_SDP:
        raise NotAcceptable("a description too long to be one")
    try:
        description = parse_sdp(text)
    except (ValueError, TypeError, IndexError) as error:
        raise NotAcceptable("a description that can't be read") from error
    if len(description.media) > MOST_MEDIA_LINES:
        raise NotAcceptable("too many media lines")
    return description


def _plan(theirs: SdpMessage, audio: MediaDescription, codec: Codec) -> StreamPlan:
    keys = next(
        (
            other.payload_type
            for other in audio.codecs
            if other.encoding_name.lower() == "telephone-event"
            and other.clock_rate == 8000
            and 0 <= other.payload_type < 128
        ),
        -1,
    )
    direction = _direction(theirs, audio)
    return StreamPlan(
        remote=_remote(theirs, audio),
        law=NAMES[codec.encoding_name.upper()],
        payload_type=codec.payload_type,
        keys_payload_type=keys,
        sending=direction in ("sendrecv", "recvonly") and not _held(theirs, audio),
        receiving=direction in ("sendrecv", "sendonly"),
        inband_keys=keys < 0,
    )


def _remote(theirs: SdpMessage, audio: MediaDescription) -> tuple[str, int]:
    connection = audio.connection or theirs.connection
    try:
        address = ipaddress.IPv4Address(connection.address if connection else "")
    except ValueError as error:
        raise NotAcceptable("no IPv4 address to send audio to") from error
    # Sound for one caller must not be aimed at a whole network.
    if address.is_multicast or str(address) == "255.255.255.255" or not 0 < audio.port < 65536:
        raise NotAcceptable("no address that audio could be sent to")
    return str(address), audio.port


def _held(theirs: SdpMessage, audio: MediaDescription) -> bool:
    """The old way to hold a call (RFC 2543): no address at all."""
    connection = audio.connection or theirs.connection
    return connection is not None and connection.address == "0.0.0.0"  # noqa: S104 (nothing is bound)


def _direction(theirs: SdpMessage, audio: MediaDescription) -> str:
    for attributes in (audio.attributes, theirs.attributes):
        for direction in _ANSWERS:
            if direction in attributes:
                return direction
    return "sendrecv"


def _refused(media: MediaDescription) -> MediaDescription:
    """The same line with port 0: heard, not wanted (RFC 3264 §6)."""
    return MediaDescription(media.media or "audio", 0, media.proto or "RTP/AVP", media.formats or ["0"])
