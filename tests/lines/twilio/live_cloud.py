"""A cloud whose calls live in real time, each on a thread of its own, for tests that talk to this line as to any."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lines.twilio.account import Account, Begun
from tests.lines.twilio.cloud import Cloud, CloudCall, CloudFault, Verb, read

Behaviour = str


@dataclass
class LiveCloud:
    """Calls come in by `call_in`; calls out go to whoever is `at` a number. `sound`: a sound's name and seconds."""

    cloud: Cloud
    account: Account
    sound: Callable[[str], tuple[str, float]]
    at: dict[str, Behaviour] = field(default_factory=dict)
    calls: dict[str, LiveCall] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account.ring = self._ring
        self.account.changed = lambda sid, document: self.calls[sid].changed_by_rest(document)
        self.account.ended = lambda sid: self.calls[sid].ended_by_rest()

    def call_in(self, caller: str) -> LiveCall:
        return self._begin(LiveCall(self, CloudCall(self.cloud, caller)))

    def close(self) -> None:
        for call in list(self.calls.values()):
            call.close()

    def _ring(self, begun: Begun) -> None:
        leg = CloudCall(self.cloud, begun.asked["To"], sid=begun.sid, direction="outbound-api")
        self._begin(LiveCall(self, leg, begun, self.at.get(begun.asked["To"], "nobody")))

    def _begin(self, call: LiveCall) -> LiveCall:
        self.calls[call.leg.sid] = call
        call.thread.start()
        return call


class LiveCall:
    """One call and the person at its far end (`rig.FarEnd`)."""

    def __init__(self, cloud: LiveCloud, leg: CloudCall, begun: Begun | None = None, behaviour: str = "") -> None:
        self.leg = leg
        self._cloud, self._begun, self._behaviour = cloud, begun, behaviour
        self._changed = threading.Condition()
        self._verbs: list[Verb] = []
        self._digits = ""
        self._news: str | None = None
        self._hearing = ""
        self._listens = self._over = self._picked_up = False
        self._target = self._outcome = ""
        self.faults: list[str] = []
        self.thread = threading.Thread(target=self._live, name="cloud-call", daemon=True)

    # -- the person

    def is_picked_up(self) -> bool:
        return self._picked_up

    def press(self, key: str, _way: str = "event") -> None:
        """Waits until somebody listens, as a person does who hears nothing yet; then one key."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._listens or self._over, 8), "nobody listens"
            self._digits += key
            self._hearing = ""
            self._changed.notify_all()

    def hears(self) -> str:
        return self._hearing

    def hang_up(self) -> None:
        self._end("completed")

    def give_up(self) -> None:
        self._end("no-answer")

    def vanish(self) -> None:
        raise NotImplementedError("Twilio itself notices")

    def is_over(self) -> bool:
        return self._over

    def asked_to_call(self) -> str:
        return self._target

    def report_transfer(self, *, done: bool) -> None:
        with self._changed:
            self._outcome = "completed" if done else "busy"
            self._changed.notify_all()

    # -- the cloud

    def changed_by_rest(self, document: str) -> None:
        with self._changed:
            self._news = document
            self._changed.notify_all()

    def ended_by_rest(self) -> None:
        threading.Thread(target=self._end, args=("completed" if self._picked_up else "canceled",)).start()

    def close(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self.thread.join(10)
        assert not self.faults, self.faults

    def _live(self) -> None:
        try:
            document = self._answered_by_somebody() if self._begun else self._fetch(self.leg.cloud.voice)
            while document and not self._over:
                document = self._do(read(document))
            self._end("completed")
        except CloudFault as fault:
            self.faults.append(str(fault))
            self._end("failed")

    def _answered_by_somebody(self) -> str:
        assert self._begun is not None
        asked = self._begun.asked
        self._tell("initiated")
        if self._behaviour == "answers":
            self._picked_up, self.leg.status = True, "in-progress"
            self._tell("in-progress")
            return self._fetch(asked["Url"], AnsweredBy="human")
        if self._behaviour == "rings":
            self._tell("ringing")
            with self._changed:
                self._changed.wait_for(lambda: self._over, float(asked["Timeout"]))
            self._end("no-answer")
            return ""
        status, code = {"busy": ("busy", "486"), "declines": ("busy", "603")}.get(self._behaviour, ("failed", "404"))
        self._end(status, SipResponseCode=code)
        return ""

    def _do(self, verbs: list[Verb]) -> str:
        """What to do next: a document; "" when the call is over."""
        if verbs and verbs[0].name == "Reject":
            self._end("busy")
            return ""
        self._picked_up, self.leg.status = True, "in-progress"
        for verb in verbs:
            match verb.name:
                case "Gather":
                    self._gather(verb)
                case "Redirect":
                    return self._fetch(verb.text)
                case "Dial":
                    return self._transfer(verb)
                case "Hangup":
                    return ""
            if (news := self._take_news()) is not None:
                return news
            if self._over:
                return ""
            if self._digits:
                digits, self._digits = self._digits, ""
                return self._fetch(verb.attributes["action"], Digits=digits)
        return ""

    def _gather(self, verb: Verb) -> None:
        most, timeout = int(verb.attributes.get("numDigits", "1000")), float(verb.attributes["timeout"])
        with self._changed:
            self._listens = True
            self._changed.notify_all()
            for sound in verb.sounds:
                name, seconds = self._cloud.sound(sound)
                self._hearing = name
                if self._until(lambda: bool(self._digits), seconds):
                    break
            self._hearing = ""
            heard = -1
            while not self._stopped() and len(self._digits) < most and heard != len(self._digits):
                heard = len(self._digits)
                self._until(lambda known=heard: len(self._digits) != known, timeout)  # type: ignore[misc]
            self._listens = False

    def _until(self, what: Callable[[], bool], seconds: float) -> bool:
        return self._changed.wait_for(lambda: what() or self._stopped(), seconds)

    def _stopped(self) -> bool:
        return self._over or self._news is not None

    def _take_news(self) -> str | None:
        with self._changed:
            news, self._news = self._news, None
            return news

    def _transfer(self, verb: Verb) -> str:
        self._target = verb.target
        with self._changed:
            self._changed.wait_for(lambda: bool(self._outcome) or self._over, 10)
        return self._fetch(verb.attributes["action"], DialCallStatus=self._outcome) if not self._over else ""

    def _fetch(self, url: str, **more: str) -> str:
        return self.leg.cloud.fetch(url, self.leg.parameters(**more))

    def _tell(self, status: str, **more: str) -> None:
        url = self._begun.asked["StatusCallback"] if self._begun else self.leg.cloud.status
        self.leg.cloud.fetch(url, {**self.leg.parameters(**more), "CallStatus": status})

    def _end(self, status: str, **more: str) -> None:
        with self._changed:
            if self._over:
                return
            self._over, self._hearing, self.leg.status = True, "", status
            self._changed.notify_all()
        self._tell(status, **more)
