"""SDP: what the other side offers, what we answer, and the stream that both come to (RFC 3264). Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from aiosipua import SdpMessage, build_sdp, negotiate_sdp
from aiosipua.sdp import MediaDescription
from aiosipua.sdp_negotiate import SdpNegotiationError

from ivr.media.port import Law, StreamPlan

PAYLOAD_TYPES: dict[str, int] = {"ulaw": 0, "alaw": 8}
LAWS: dict[int, Law] = {0: "ulaw", 8: "alaw"}
NAMES: dict[int, str] = {0: "PCMU", 8: "PCMA"}
KEYS_PAYLOAD_TYPE = 101


class NotAcceptable(ValueError):
    """Nothing in this SDP can be had with us; the SIP answer is 488."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Our answer and what the media process is to do."""

    sdp: SdpMessage
    plan: StreamPlan


def answer_offer(offer: SdpMessage, local: tuple[str, int], laws: tuple[str, ...]) -> Agreement:
    """Answer an offer. Raises NotAcceptable."""
    audio = offer.audio
    wanted = [PAYLOAD_TYPES[law] for law in laws]
    keys = _keys_payload_type(audio)
    if audio is None or audio.port == 0 or audio.proto != "RTP/AVP":
        raise NotAcceptable("no plain audio (RTP/AVP) is offered")
    try:
        # A payload type must mean the same on both sides, so the answer repeats the offerer's number for keys.
        answer, chosen = negotiate_sdp(offer, local[0], local[1], wanted, dtmf_payload_type=max(keys, 0))
    except (SdpNegotiationError, ValueError, KeyError) as error:
        raise NotAcceptable(str(error)) from error
    _ptime(answer.audio)
    return Agreement(answer, _plan(offer, chosen, keys))


def make_offer(local: tuple[str, int], laws: tuple[str, ...]) -> SdpMessage:
    """All our laws, keys as events, both ways."""
    first = PAYLOAD_TYPES[laws[0]]
    offer = build_sdp(local[0], local[1], first, NAMES[first], dtmf_payload_type=KEYS_PAYLOAD_TYPE)
    audio = offer.audio
    if audio is not None:
        for law in laws[1:]:
            number = PAYLOAD_TYPES[law]
            audio.formats.insert(1, str(number))
            audio.attributes["rtpmap"].insert(1, f"{number} {NAMES[number]}/8000")
    return offer


def plan_of_answer(answer: SdpMessage | None) -> StreamPlan:
    """What an answer to our offer comes to. Raises NotAcceptable."""
    audio = answer.audio if answer else None
    if answer is None or audio is None or audio.port == 0:
        raise NotAcceptable("the answer has no audio")
    chosen = next((int(number) for number in audio.formats if number.isdigit() and int(number) in LAWS), None)
    if chosen is None:
        raise NotAcceptable("the answer has neither PCMU nor PCMA")
    return _plan(answer, chosen, _keys_payload_type(audio))


def _plan(theirs: SdpMessage, payload_type: int, keys: int) -> StreamPlan:
    audio, address = theirs.audio, theirs.rtp_address
    if audio is None or address is None or not 0 < address[1] < 65536:
        raise NotAcceptable("no address to send audio to")
    held = address[0] == "0.0.0.0"  # noqa: S104 (RFC 2543 hold, nothing is bound)
    return StreamPlan(
        remote=address,
        law=LAWS[payload_type],
        payload_type=payload_type,
        keys_payload_type=keys,
        sending=audio.direction in ("sendrecv", "recvonly") and not held,
        receiving=audio.direction in ("sendrecv", "sendonly"),
        inband_keys=keys < 0,
    )


def _keys_payload_type(audio: MediaDescription | None) -> int:
    if audio is None:
        return -1
    for codec in audio.codecs:
        if codec.encoding_name.lower() == "telephone-event" and codec.clock_rate == 8000:
            return codec.payload_type
    return -1


def _ptime(audio: MediaDescription | None) -> None:
    """We send 20 ms whatever is preferred; the answer says so."""
    if audio is not None and "ptime" in audio.attributes:
        audio.attributes["ptime"] = ["20"]
