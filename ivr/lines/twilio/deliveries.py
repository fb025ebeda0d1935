"""One webhook as a value: what Twilio tells of a call, read strictly from the parameters it posted.

A signature alone is not enough: it has no separators, so that one signed request can be read in several ways
(`{Digits: 1, From: 2}` signs like `{Digits: 1From2}`), and no time. Every parameter that is read has its form; the
step in the address says which answer of ours this one follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

What = Literal["arrived", "keys", "silent", "transferred", "fallback", "answered", "status"]
"""arrived: a call is here; keys, silent: what came of our listening; transferred: how a transfer went; fallback:
another address of ours failed Twilio; answered: who was called has picked up; status: the call has got another one."""

OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
WITHHELD = frozenset({"", "+266696687", "+7378742833", "+2562533", "+8566696", "+86282452253"})
"""What Twilio writes where a number is withheld or unknown: ANONYMOUS and the like, in the letters of a keypad."""

MOST_STEPS = 10_000_000
_FORMS = {
    "CallSid": r"CA[0-9a-f]{32}",
    "AccountSid": r"AC[0-9a-f]{32}",
    "From": r"(\+?[0-9*#]{0,32}|(sip:|client:)[\x21-\x7e]{1,200})",
    "To": r"(\+?[0-9*#]{0,32}|(sip:|client:)[\x21-\x7e]{1,200})",
    "CallStatus": r"queued|initiated|ringing|in-progress|" + "|".join(sorted(OVER)),
    "Digits": r"[0-9*#A-D]{0,128}",
    "DialCallStatus": r"completed|answered|busy|no-answer|failed|canceled",
    "AnsweredBy": r"human|fax|unknown|machine_(start|end_beep|end_silence|end_other)",
    "SipResponseCode": r"[1-6][0-9]{2}",
    "ErrorUrl": r"https?://[\x21-\x7e]{1,500}",
}
_ALWAYS = ("CallSid", "AccountSid", "From", "To", "CallStatus")
_ALSO: dict[What, tuple[str, ...]] = {"keys": ("Digits",), "transferred": ("DialCallStatus",)}
# Twilio adds parameters when it likes, so unknown names pass; but one with a digit in it may be half a value.
_NAME = re.compile(r"[A-Za-z_]{1,60}|SipHeader_[A-Za-z0-9_-]{1,60}|Stir[A-Za-z0-9_]{1,40}")
_DIAL = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class BadDelivery(ValueError):
    """The parameters have not the form they have at Twilio; the message names the first that has not."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook. `call` is our name of the call; `step` the number of the answer of ours that it follows.

    outcome      how a transfer went, in Twilio's words
    answered_by  who picked up a call of ours: "human", "machine_start"…; "" when nobody listened for that
    """

    what: What
    call: str
    sid: str
    caller: str
    called: str
    status: str
    step: int = 0
    keys: str = ""
    outcome: str = ""
    answered_by: str = ""
    sip_code: int = 0
    dialled: bool = False

    @property
    def over(self) -> bool:
        """Whether the call is over, as Twilio says."""
        return self.status in OVER


def read_delivery(what: What, posted: Iterable[tuple[str, str]], asked: Mapping[str, str], account: str) -> Delivery:
    """Read posted parameters and those of the address. Raises BadDelivery."""
    given = _checked(posted)
    for name in (*_ALWAYS, *_ALSO.get(what, ())):
        if name not in given:
            raise BadDelivery(f"{name} is missing")
    if given["AccountSid"] != account:
        raise BadDelivery("AccountSid is another account's")
    dial = asked.get("dial", "")
    if dial and not _DIAL.fullmatch(dial):
        raise BadDelivery("dial is no call of ours")
    step = asked.get("step", "0") if what != "fallback" else _failed_step(given.get("ErrorUrl", ""))
    return Delivery(
        what,
        dial or f"tw-{given['CallSid']}",
        given["CallSid"],
        _number(given["From"]),
        _number(given["To"]),
        given["CallStatus"],
        step=_step(step),
        keys=given.get("Digits", ""),
        outcome=given.get("DialCallStatus", ""),
        answered_by=given.get("AnsweredBy", ""),
        sip_code=int(given.get("SipResponseCode", "0")),
        dialled=bool(dial),
    )


def _checked(posted: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in posted:
        if name in given:
            raise BadDelivery(f"{name} comes twice")
        form = _FORMS.get(name)
        if form is None and not _NAME.fullmatch(name):
            raise BadDelivery("a parameter has a name that none has at Twilio")
        if form is not None and not re.fullmatch(form, value):
            raise BadDelivery(f"{name} has not the form it has at Twilio")
        given[name] = value
    return given


def _step(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 8 and int(text) <= MOST_STEPS):
        raise BadDelivery("step is no number of a step")
    return int(text)


def _failed_step(url: str) -> str:
    """The step of the address that failed Twilio; 0 for the number's own, which is asked first."""
    try:
        return parse_qs(urlsplit(url).query).get("step", ["0"])[0]
    except ValueError:
        return "0"


def _number(party: str) -> str:
    """The number of a party, "" when it is withheld or none."""
    if party in WITHHELD:
        return ""
    if party.startswith("sip:"):
        user = party.removeprefix("sip:").partition("@")[0]
        return user if re.fullmatch(r"\+?[0-9]{1,32}", user) else ""
    return "" if party.startswith("client:") else party
