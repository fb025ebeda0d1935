"""What the two sides agree on (SDP): our offer, reading an answer, answering a later offer. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from aiosipua import SdpMessage, parse_sdp

from ivr.caller.rtp import LAWS, PAYLOAD_TYPES

EVENTS_TYPE = 101


class NoAgreement(ValueError):
    """The other side's session description can't be worked with; the message says why."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Where sound goes (None: on hold, send nothing), in which law, and the payload type of keys (-1: none)."""

    remote: tuple[str, int] | None
    law: str
    events_type: int
    direction: str = "sendrecv"


def offer(host: str, port: int, laws: tuple[str, ...], *, with_events: bool, direction: str = "sendrecv") -> SdpMessage:
    """Our description: these laws, the best liked first, and telephone events."""
    family = "IP6" if ":" in host else "IP4"
    types = [PAYLOAD_TYPES[law] for law in laws]
    names = {0: "PCMU/8000", 8: "PCMA/8000"}
    lines = [
        "v=0",
        f"o=caller 1 1 IN {family} {host}",
        "s=call",
        f"c=IN {family} {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(map(str, types + [EVENTS_TYPE] * with_events))}",
        *(f"a=rtpmap:{each} {names[each]}" for each in types),
    ]
    if with_events:
        lines += [f"a=rtpmap:{EVENTS_TYPE} telephone-event/8000", f"a=fmtp:{EVENTS_TYPE} 0-15"]
    return parse_sdp("\r\n".join([*lines, "a=ptime:20", f"a={direction}", ""]))


def agreed(description: SdpMessage | None) -> Agreed:
    """What the other side's description means for us. Raises NoAgreement."""
    audio = description.audio if description is not None else None
    if description is None or audio is None or audio.port == 0:
        raise NoAgreement("the answer holds no sound")
    law = next((LAWS[int(each)] for each in audio.formats if each.isdigit() and int(each) in LAWS), None)
    if law is None:
        raise NoAgreement(f"no common codec: {' '.join(audio.formats)}")
    events = [codec for codec in audio.codecs if codec.encoding_name.lower() == "telephone-event"]
    address = description.rtp_address
    try:
        on_hold = address is None or ipaddress.ip_address(address[0]).is_unspecified
    except ValueError:
        on_hold = False  # a host name
    sending = not on_hold and audio.direction in ("sendrecv", "recvonly")
    remote = address if sending else None
    mirrored = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(audio.direction, audio.direction)
    return Agreed(remote, law, events[0].payload_type if events else -1, mirrored)
