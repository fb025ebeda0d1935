"""A Twilio of the tests: asks signed webhooks, does what their TwiML says, and fails on what the real one would refuse.

It shares no code with the line but Twilio's own package, which signs. It keeps to what Twilio documents: keys count
only while a Gather runs, a request that fails is tried once more and then goes to the fallback address, an empty Gather
falls through to the next verb.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from twilio.request_validator import RequestValidator

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "a token of the tests"
NUMBER = "+862160001111"
PUBLIC = "https://orders.example.com"

VERBS = {
    "Gather": {"input", "finishOnKey", "timeout", "action", "method", "numDigits"},
    "Play": set(),
    "Say": {"language"},
    "Redirect": {"method"},
    "Dial": {"action", "method", "timeout", "answerOnBridge"},
    "Hangup": set(),
    "Reject": {"reason"},
}
NESTED = {"Gather": {"Play", "Say"}, "Dial": {"Number", "Sip"}}
_SIDS = itertools.count(1)


class Post(Protocol):
    """How the cloud reaches us: (address, parameters, signature) → (HTTP status, body). Raises OSError."""

    def __call__(self, url: str, params: dict[str, str], signature: str) -> tuple[int, str]: ...


class CloudFault(AssertionError):
    """We answered what the real Twilio would not take."""


@dataclass
class Cloud:
    """The account: where webhooks go, and what came of them. `fallback` is "" when the number has none; `pass_ms` turns
    the clock of the tests."""

    post: Post
    voice: str = PUBLIC + "/twilio/voice"
    status: str = PUBLIC + "/twilio/status"
    fallback: str = ""
    pass_ms: Callable[[int], None] = lambda _: None
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    validator: RequestValidator = field(default_factory=lambda: RequestValidator(TOKEN))

    def fetch(self, url: str, params: dict[str, str]) -> str:
        """One webhook as Twilio does it. Raises CloudFault when nobody answers it."""
        for _ in range(2):
            status, body = self._try(url, params)
            if status in (200, 204):
                return body
            if status == 403:
                raise CloudFault(f"refused: {url}")
        if not self.fallback:
            raise CloudFault(f"{url} answered {status}")
        kept = {name: value for name, value in params.items() if name != "Digits"}
        status, body = self._try(self.fallback, {**kept, "ErrorCode": "11200", "ErrorUrl": url})
        if status != 200:
            raise CloudFault(f"the fallback answered {status}")
        return body

    def again(self, number: int = -1) -> tuple[int, str]:
        """Send a webhook that was sent before once more, with its signature."""
        return self.post(*self.asked[number])

    def _try(self, url: str, params: dict[str, str]) -> tuple[int, str]:
        signature = self.validator.compute_signature(url, params)
        self.asked.append((url, params, signature))
        try:
            return self.post(url, params, signature)
        except OSError:
            return 502, ""


@dataclass
class Verb:
    """One verb of a document; `sounds` are the addresses, or texts, of what it says."""

    name: str
    attributes: dict[str, str]
    text: str
    sounds: list[str]
    target: str = ""


def read(document: str) -> list[Verb]:
    """The verbs of a document. Raises CloudFault for what Twilio does not know."""
    root = ET.fromstring(document)
    if root.tag != "Response":
        raise CloudFault(f"not a Response: {root.tag}")
    return [_verb(element) for element in root]


def _verb(element: ET.Element) -> Verb:
    unknown = set(element.attrib) - VERBS.get(element.tag, set())
    nested = {child.tag for child in element} - NESTED.get(element.tag, set())
    if element.tag not in VERBS or unknown or nested:
        raise CloudFault(f"Twilio does not take {ET.tostring(element, 'unicode')}")
    said = list(element) if element.tag == "Gather" else [element] if element.tag in ("Play", "Say") else []
    verb = Verb(element.tag, dict(element.attrib), element.text or "", [one.text or "" for one in said])
    if element.tag == "Gather" and (int(verb.attributes["timeout"]) < 1 or verb.attributes["finishOnKey"] != ""):
        raise CloudFault("the timeout of a Gather is a positive number of seconds")
    if element.tag == "Dial":
        verb.target = element[0].text or ""
    return verb


class CloudCall:
    """One call at the cloud, moved on by the test: `press` and `pause`, `fall_silent`, `hang_up`."""

    def __init__(self, cloud: Cloud, caller: str, *, sid: str = "", direction: str = "inbound") -> None:
        self.cloud = cloud
        self.sid = sid or f"CA{next(_SIDS):032x}"
        self.caller = caller
        self.direction = direction
        self.status = "ringing"
        self.verbs: list[Verb] = []
        self.digits = ""
        self.over = False
        self.refused = ""
        self.on_document: Callable[[], None] = lambda: None

    def dial(self) -> None:
        self.ask(self.cloud.voice)

    # -- what the caller does

    def press(self, keys: str) -> None:
        """Keys in one go; those behind what ends the Gather are lost, as they are at Twilio."""
        gather = self._gather()
        most = int(gather.attributes.get("numDigits", "1000"))
        self.digits = (self.digits + keys)[:most]
        if len(self.digits) == most:
            self.pause()

    def pause(self) -> None:
        """No key for as long as the Gather waits."""
        if self.digits:
            digits, self.digits = self.digits, ""
            self.ask(self._gather().attributes["action"], Digits=digits, FinishedOnKey="", msg="Gather End")

    def fall_silent(self) -> None:
        """Hear everything, and press nothing until the document's end."""
        assert not self.digits
        while self.verbs[0].name == "Gather":
            self.verbs.pop(0)
        self._go_on()

    def hang_up(self) -> None:
        if not self.over:
            self.end("completed")

    def end(self, status: str) -> None:
        """The call is over: the status callback, whose answer nobody reads."""
        self.over, self.status, self.verbs = True, status, []
        self.cloud.fetch(self.cloud.status, self.parameters(SequenceNumber="0", CallDuration="1"))

    def transferred(self, outcome: str) -> None:
        """How the Dial went."""
        dial = self.verbs[0]
        assert dial.name == "Dial", dial
        self.ask(dial.attributes["action"], DialCallStatus=outcome, DialCallSid=f"CA{next(_SIDS):032x}")

    # -- what is heard

    @property
    def sounds(self) -> list[str]:
        return self.verbs[0].sounds if self.verbs else []

    @property
    def waits_s(self) -> int:
        """How long the document listens in all, once everything was said."""
        return sum(int(verb.attributes["timeout"]) for verb in self.verbs if verb.name == "Gather")

    # -- within

    def ask(self, url: str, **more: str) -> None:
        self.take(self.cloud.fetch(url, self.parameters(**more)))

    def take(self, document: str) -> None:
        """Do what a document says, up to where it waits for the caller."""
        if self.over:
            return None
        self.verbs, self.digits = read(document), ""
        self.on_document()
        if self.verbs and self.verbs[0].name == "Reject":
            self.refused = self.verbs[0].attributes["reason"]
            return self.end("busy" if self.refused == "busy" else "no-answer")
        self.status = "in-progress"
        return self._go_on()

    def _go_on(self) -> None:
        if not self.verbs:
            return self.end("completed")
        match self.verbs[0].name:
            case "Hangup":
                return self.end("completed")
            case "Redirect":
                return self.ask(self.verbs[0].text)
            case "Play" | "Say":
                if len(self.verbs) == 2 and self.verbs[1].name == "Hangup":
                    return None
                raise CloudFault("what is said outside a Gather can't be interrupted")
        return None

    def _gather(self) -> Verb:
        if not (self.verbs and self.verbs[0].name == "Gather"):
            raise CloudFault(f"nobody listens: {[verb.name for verb in self.verbs]}")
        return self.verbs[0]

    def parameters(self, **more: str) -> dict[str, str]:
        caller = self.caller or "+266696687"
        inbound = self.direction == "inbound"
        return {
            "CallSid": self.sid,
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "From": caller if inbound else NUMBER,
            "To": NUMBER if inbound else caller,
            "Caller": caller if inbound else NUMBER,
            "Called": NUMBER if inbound else caller,
            "CallStatus": self.status,
            "Direction": self.direction,
            "FromCountry": "CN",
            "FromCity": "上海",
            **more,
        }


def path_of(url: str) -> tuple[str, dict[str, str]]:
    """Path and parameters of one of our addresses."""
    parts = urlsplit(url)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
