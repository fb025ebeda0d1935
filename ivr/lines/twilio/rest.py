"""Twilio's REST API, as much of it as a line needs, through Twilio's own client.

What matters of a failure is what it says about the call: refused for certain, to be tried again later, or not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.lines.twilio.library import load
from ivr.lines.twilio.settings import TwilioSettings

GIVES_UP_S = 10.0
SHORTEST_RING_S, LONGEST_RING_S = 5, 600
LISTED = 200


class RestError(RuntimeError):
    """A request failed; the message is Twilio's, or the network's."""


class NotSaid(RestError):
    """No answer came, or none that says anything: whether it was done is not known."""


class TooFast(RestError):
    """The account's limit: nothing was done, later it will be."""


class Denied(RestError):
    """Refused; `code` is Twilio's own (21211: no such number…), 0 when it gave none."""

    def __init__(self, message: str, status: int, code: int) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call as the account lists it; times in UTC."""

    sid: str
    to: str
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Placing:
    """A call to be placed: numbers, and the addresses that are asked what to say and told how it goes."""

    to: str
    caller_id: str
    answered_url: str
    status_url: str
    ring_s: int
    machine_detection: bool


def placing_of(settings: TwilioSettings, call: str, to: str, ring_s: float) -> Placing:
    """The call of this name, from the account's own number: Twilio shows no other that it has not verified."""
    return Placing(
        to,
        settings.number,
        settings.address(f"/twilio/voice/answered?dial={call}"),
        settings.address(f"/twilio/status?dial={call}"),
        max(SHORTEST_RING_S, min(int(ring_s), LONGEST_RING_S)),
        settings.machine_detection,
    )


class Rest:
    """The account. `http` is an HTTP client of the twilio package; tests give one without a network."""

    def __init__(self, account: str, token: str, http: Any = None) -> None:
        self._requests: Any = load("requests")
        self._errors: Any = load("twilio.base.exceptions")
        client = http or load("twilio.http.http_client").TwilioHttpClient(timeout=GIVES_UP_S)
        self._client: Any = load("twilio.rest").Client(account, token, http_client=client)

    def place(self, wanted: Placing) -> str:
        """Ask for a call; returns its SID. Raises NotSaid, TooFast, Denied."""
        listening = {"machine_detection": "Enable", "machine_detection_timeout": 10} if wanted.machine_detection else {}
        created = self._done(
            lambda: self._client.calls.create(
                to=wanted.to,
                from_=wanted.caller_id,
                url=wanted.answered_url,
                method="POST",
                status_callback=wanted.status_url,
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                status_callback_method="POST",
                timeout=wanted.ring_s,
                **listening,
            )
        )
        return str(created.sid)

    def change(self, sid: str, document: str) -> None:
        """Have a call in progress go on with this document. Raises RestError."""
        self._done(lambda: self._client.calls(sid).update(twiml=document))

    def end(self, sid: str) -> None:
        """End a call, ringing or in progress. Raises RestError."""
        self._done(lambda: self._client.calls(sid).update(status="completed"))

    def status(self, sid: str) -> str:
        """A call's status, "" for one the account does not know. Raises RestError."""
        try:
            return str(self._done(lambda: self._client.calls(sid).fetch()).status)
        except Denied as denied:
            if denied.status == 404:
                return ""
            raise

    def calls_to(self, number: str, since: datetime) -> list[ListedCall]:
        """The account's calls to this number since then, newest first. Raises RestError."""
        # Twilio compares whole days here; the moment is compared below.
        day = (since - timedelta(days=1)).astimezone(UTC)
        listed: Iterable[Any] = self._done(
            lambda: self._client.calls.list(to=number, start_time_after=day.date(), limit=LISTED)
        )
        calls = [ListedCall(str(one.sid), str(one.to), str(one.status), one.date_created) for one in listed]
        return [call for call in calls if call.to == number and call.created_at and call.created_at >= since]

    def number(self, number: str) -> dict[str, str] | None:
        """How one of the account's own numbers is set up: its addresses. None when it is not the account's."""
        found = self._done(lambda: self._client.incoming_phone_numbers.list(phone_number=number, limit=2))
        for one in found:
            names = ("voice_url", "voice_method", "voice_fallback_url", "status_callback")
            return {name: str(getattr(one, name) or "") for name in names}
        return None

    def _done(self, work: Any) -> Any:
        try:
            return work()
        except self._errors.TwilioRestException as error:
            raise _meaning(str(error.msg), int(error.status), int(error.code or 0)) from error
        except self._errors.TwilioException as error:
            # A list that is refused is told in another way than all else: with the answer itself.
            answer = error.args[1] if len(error.args) > 1 else None
            status = int(getattr(answer, "status_code", 0) or 0)
            raise _meaning(str(error.args[0] if error.args else error), status, 0) from error
        except (self._requests.RequestException, OSError, ValueError) as error:
            raise NotSaid(f"{type(error).__name__}: {error}") from error


def _meaning(message: str, status: int, code: int) -> RestError:
    if status == 429 or code == 20429:
        return TooFast(message)
    if 400 <= status < 500:
        return Denied(message, status, code)
    return NotSaid(message)
