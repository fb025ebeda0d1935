"""Whether the account, its number and the way from Twilio to our webhooks are as they must be. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ivr.lines.twilio.library import load
from ivr.lines.twilio.rest import Denied, Rest, RestError
from ivr.lines.twilio.settings import TwilioSettings
from ivr.lines.twilio.signing import SIGNATURE

Post = Callable[[str, dict[str, str], dict[str, str]], int]
"""POST a form with headers to an address; the HTTP status. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Found:
    """`do` is what to do about it, "" when all is well."""

    level: Literal["OK", "WARN", "FAIL"]
    says: str
    do: str = ""


def examine(settings: TwilioSettings, rest: Rest, post: Post) -> Iterator[Found]:
    """One finding after the other; the second and third want the first to be well."""
    try:
        number = rest.number(settings.number)
    except Denied as denied:
        if denied.status in (401, 403):
            yield Found("FAIL", "the account or its token is refused", "copy both anew from Twilio's console")
        else:
            yield Found("FAIL", f"Twilio refuses to be asked: {denied}", "look the error up in Twilio's console")
    except RestError as error:
        yield Found("FAIL", f"Twilio can't be reached: {error}", "let this machine out to the internet, or wait")
    else:
        yield from _number(settings, number)
    yield _reachable(settings, post)


def _number(settings: TwilioSettings, number: dict[str, str] | None) -> Iterator[Found]:
    if number is None:
        yield Found(
            "FAIL", f"{settings.number} is no number of this account", "correct twilio.number, or buy the number"
        )
        return
    yield Found("OK", f"the account has {settings.number}")
    for name, path in (("voice_url", "/twilio/voice"), ("status_callback", "/twilio/status")):
        wanted = settings.address(path)
        if number[name] != wanted:
            yield Found(
                "FAIL", f"its {name} is {number[name] or 'empty'}", f"set it to {wanted} (POST) in Twilio's console"
            )
    if number["voice_method"].upper() not in ("", "POST"):
        yield Found("FAIL", f"its voice URL is asked by {number['voice_method']}", "set it to HTTP POST")
    if not number["voice_fallback_url"].endswith("/twilio/voice/fallback"):
        yield Found(
            "WARN",
            "it has no fallback: when this node is down, callers hear an error",
            "set its voice fallback URL to the other node's public_url + /twilio/voice/fallback",
        )


def _reachable(settings: TwilioSettings, post: Post) -> Found:
    """Ask our own webhook as Twilio would: signed, through whatever stands before it, about a call that is not."""
    url = settings.address("/twilio/status")
    params = {
        "CallSid": "CA" + "0" * 32,
        "AccountSid": settings.account,
        "From": settings.number,
        "To": settings.number,
        "CallStatus": "ringing",
    }
    validator: Any = load("twilio.request_validator").RequestValidator(settings.token)
    try:
        status = post(url, params, {SIGNATURE: str(validator.compute_signature(url, params))})
    except OSError as error:
        return Found("FAIL", f"{url} can't be reached: {error}", "start the order line; check name, proxy and TLS")
    if status == 403:
        return Found(
            "FAIL",
            f"{url} refuses our own signature",
            "the running order line has another twilio.token or twilio.public_url: restart it",
        )
    if status != 200:
        return Found("FAIL", f"{url} answers {status}", "let the proxy pass /twilio/ on to web.port unchanged")
    return Found("OK", f"{settings.public_url} answers as Twilio asks")
