"""Replies as TwiML, written by Twilio's own library."""

from __future__ import annotations

import re
from typing import Any

from ivr.lines.twilio.library import load
from ivr.lines.twilio.replies import Connecting, Ending, Listening, Noted, Played, Refusing, Reply, Sound
from ivr.lines.twilio.settings import TwilioSettings

SHORTEST_S = 1
"""The shortest silence that ends a Gather: `timeout` is a positive whole number of seconds."""

KEYS, SILENT, TRANSFERRED = "/twilio/voice/keys", "/twilio/voice/silent", "/twilio/voice/transferred"
VOICES = {"zh": "zh-CN", "en": "en-US"}
NUMBER = re.compile(r"\+?[0-9*#]{2,20}")
SIP_URI = re.compile(r"sips?:[A-Za-z0-9_.+%-]{1,64}@[A-Za-z0-9.:\[\]-]{1,200}(;[a-z=]{1,40})?")


def can_be_connected(target: str) -> bool:
    """Whether callers can be handed over to this at Twilio: a number or a SIP URI."""
    return bool(NUMBER.fullmatch(target) or SIP_URI.fullmatch(target))


def twiml(reply: Reply, settings: TwilioSettings, dial: str = "") -> str:
    """The document of a reply; `dial` names the call in our addresses when it was us who called."""
    response: Any = load("twilio.twiml.voice_response").VoiceResponse()
    match reply:
        case Listening():
            _listen(response, reply, settings, dial)
        case Connecting(target, step):
            party = response.dial(
                action=_address(settings, TRANSFERRED, step, dial),
                method="POST",
                timeout=settings.transfer_ring_s,
                answer_on_bridge=True,
            )
            (party.number if NUMBER.fullmatch(target) else party.sip)(target)
        case Ending(sounds):
            _say(response, sounds)
            response.hangup()
        case Refusing(cause):
            response.reject(reason=cause)
        case Noted():
            pass
    return str(response)


def _listen(response: Any, reply: Listening, settings: TwilioSettings, dial: str) -> None:
    pause = SHORTEST_S if reply.brief else settings.key_pause_s
    action = _address(settings, KEYS, reply.step, dial)
    left = max(reply.wait_s, SHORTEST_S)
    sounds = reply.sounds
    while left > 0:
        # A pause longer than what is left would make the caller's time longer than the dialogue meant it.
        timeout = min(pause, left)
        several = {"num_digits": 1} if reply.brief else {}
        # finishOnKey "": no key ends it, so that `#` and `*` are keys like all others.
        gather = response.gather(
            input="dtmf", finish_on_key="", timeout=timeout, action=action, method="POST", **several
        )
        _say(gather, sounds)
        sounds, left = (), left - timeout
    response.redirect(_address(settings, SILENT, reply.step, dial), method="POST")


def _say(verb: Any, sounds: tuple[Sound, ...]) -> None:
    for sound in sounds:
        if isinstance(sound, Played):
            verb.play(sound.url)
        else:
            verb.say(sound.text, language=VOICES[sound.language])


def _address(settings: TwilioSettings, path: str, step: int, dial: str) -> str:
    return settings.address(f"{path}?step={step}" + (f"&dial={dial}" if dial else ""))
