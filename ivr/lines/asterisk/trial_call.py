"""A test call: dial a number by one trunk or board channel, and listen whether somebody greets.

It uses a websocket of its own under a name that takes no callers, so that it may run beside any node. Asterisk tells
when it hears a voice or a tone (TALK_DETECT); no sound comes here.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass

import aiohttp
import msgspec

from ivr.health.seen import TestResult
from ivr.lines.asterisk.causes import dial_failure
from ivr.lines.asterisk.client import why_not
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import at
from ivr.lines.port import DialFailure

RING_S = 20.0
LISTEN_S = 8.0
NUMBER = re.compile(r"1[3-9][0-9]{9}|0[1-9][0-9]{8,10}", re.ASCII)
"""As the dialplan's patterns: a test call goes by no dialplan, and must not reach premium numbers either."""
_ENDPOINT = re.compile(r"(PJSIP/\{number\}@[a-z][a-z0-9-]{0,30}|DAHDI/g?[0-9]{1,4}/\{number\})", re.ASCII)
_RESULTS: dict[DialFailure, TestResult] = {
    "busy": "busy",
    "declined": "busy",
    "no_answer": "no_answer",
    "cancelled": "no_answer",
    "unreachable": "unreachable",
    "challenged": "challenged",
    "rejected": "rejected",
}


class CantTry(ValueError):
    """No test call can be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class TrialCall:
    """`detail` says it for people: how soon a greeting was heard, or with which code the call failed."""

    result: TestResult
    detail: str


class _Channel(msgspec.Struct):
    id: str = ""


class _Event(msgspec.Struct):
    type: str
    channel: _Channel = msgspec.field(default_factory=_Channel)
    cause: int = 0
    tech_cause: int = 0


def call_and_listen(
    settings: AsteriskSettings,
    way: str,
    number: str,
    *,
    own: Collection[str] = (),
    ring_s: float = RING_S,
    listen_s: float = LISTEN_S,
) -> TrialCall:
    """`way` is "PJSIP/{number}@trunk", "DAHDI/17/{number}" or "DAHDI/g1/{number}"; `own` are the numbers of our own
    lines, which may be dialled whatever their form. Raises CantTry."""
    if not _ENDPOINT.fullmatch(way):
        raise CantTry(f"{way!r} is no way out")
    if not NUMBER.fullmatch(number) and not (number in own and re.fullmatch(r"[0-9]{3,20}", number, re.ASCII)):
        raise CantTry(
            f"{number!r} is not dialled: a test number is a mobile's, a landline's with area code, or our own"
        )
    try:
        return asyncio.run(_called(settings, way.format(number=number), ring_s, listen_s))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise CantTry(why_not(error, settings.url)) from error


async def _called(settings: AsteriskSettings, endpoint: str, ring_s: float, listen_s: float) -> TrialCall:
    name = f"test-{secrets.token_hex(6)}"
    login = {"Authorization": aiohttp.encode_basic_auth(settings.user, settings.password)}
    body: dict[str, object] = {"endpoint": endpoint, "app": name, "timeout": int(ring_s) + 2}
    # Silence in ms that ends talking, and the mean level that is talking: Asterisk's own level for speech.
    body["variables"] = {"TALK_DETECT(set)": "1000,256"}
    if settings.caller_id:
        body["callerId"] = settings.caller_id
    channel = f"{settings.url}/ari/{at('channels', name)}"
    async with (
        aiohttp.ClientSession(headers=login, timeout=aiohttp.ClientTimeout(total=5)) as session,
        session.ws_connect(f"{settings.url}/ari/events?app={name}") as socket,
    ):
        async with session.post(channel, json=body) as answer:
            if answer.status >= 300:
                return TrialCall("unreachable", f"Asterisk has no way there (status {answer.status})")
        try:
            return await _watched(socket, name, ring_s, listen_s)
        finally:
            async with session.delete(channel):
                pass


async def _watched(socket: aiohttp.ClientWebSocketResponse, name: str, ring_s: float, listen_s: float) -> TrialCall:
    began = time.monotonic()
    answered: float | None = None
    while (left := (answered + listen_s if answered else began + ring_s) - time.monotonic()) > 0:
        try:
            event = _event(await socket.receive_str(timeout=left))
        except TimeoutError:
            break
        except TypeError as error:
            raise CantTry("Asterisk closed the websocket during the test call: see its log") from error
        if event is None or event.channel.id != name:
            continue
        if event.type == "StasisStart":
            answered = time.monotonic()
        elif event.type == "ChannelTalkingStarted":
            return TrialCall("ok", f"heard after {time.monotonic() - (answered or began):.1f} s")
        elif event.type == "ChannelDestroyed":
            return _ended(event, answered is not None)
    if answered is None:
        return TrialCall("no_answer", f"not answered within {ring_s:.0f} s")
    return TrialCall("silent", f"answered, nothing heard for {listen_s:.0f} s")


def _ended(event: _Event, was_answered: bool) -> TrialCall:
    if was_answered:
        return TrialCall("silent", "answered and hung up without a sound")
    failure, status = dial_failure(event.cause, event.tech_cause)
    return TrialCall(_RESULTS[failure], f"{failure.replace('_', ' ')} ({status})")


def _event(text: str) -> _Event | None:
    try:
        return msgspec.json.decode(text, type=_Event)
    except msgspec.DecodeError:
        return None
