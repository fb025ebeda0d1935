"""A transcript's seat at the cloud: the caller's telephone, with time turned by hand."""

from __future__ import annotations

from sqlalchemy import select

from ivr.codec import from_json, unpack_action
from ivr.dialogue.actions import PlayPrompts
from ivr.transcripts.player import Heard, HungUp, Said, Transferred
from ivr.transcripts.pure_seat import written
from ivr.transcripts.stage_set import World
from orders.models import CallEvent
from tests.lines.twilio.cloud import PUBLIC, Cloud, CloudCall
from tests.lines.twilio.office import CLIP_MS, SETTINGS, Office


class TwilioSeat:
    """Implements `player.Seat`. Keys pressed while listening come as bursts of one; what is dialled ahead as one burst.

    Of a burst only the last prompt is heard; the ones before it are read from the record, as what would have been.
    """

    def __init__(self, world: World, office: Office | None = None, cloud: Cloud | None = None) -> None:
        self._world = world
        self.office = office or Office(world)
        self.cloud = cloud or self.office.cloud()
        self._calls: dict[str, CloudCall] = {}
        self._heard: dict[str, list[Heard]] = {}
        self._seen: dict[str, int] = {}
        self._ahead: dict[str, str] = {}

    def id_of(self, call: str) -> str:
        return f"tw-{self._calls[call].sid}"

    def dial(self, call: str, caller: str, line: str) -> None:
        one = self._calls[call] = CloudCall(self.cloud, f"+86{caller}" if caller else "")
        self._heard[call], self._seen[call], self._ahead[call] = [], 0, ""
        one.on_document = lambda: self._listen(call)
        one.dial()

    def press(self, call: str, key: str, *, after_ms: int, heard_ms: int) -> None:
        if not heard_ms:
            self._ahead[call] += key
            return
        self._flush(call)
        # So much of the question itself, which is said last.
        self._pass(heard_ms + CLIP_MS * max(0, len(self._calls[call].sounds) - 1))
        self._burst(call, key)

    def listen(self, call: str) -> None:
        """Heard to the end; only where nothing is asked does the cloud ask at once what is next."""
        self._flush(call)
        one = self._calls[call]
        if one.verbs[0].name == "Gather" and "numDigits" in one.verbs[0].attributes:
            self._pass(1000)
            one.fall_silent()

    def run_out(self, call: str) -> None:
        self._flush(call)
        self._pass(10_000)
        self._calls[call].fall_silent()

    def gap(self, call: str) -> None:
        """Our answer never came: the cloud asks the fallback address."""
        one = self._calls[call]
        failed = one.verbs[0].attributes["action"]
        one.ask(f"{PUBLIC}/twilio/voice/fallback", ErrorCode="11200", ErrorUrl=failed)

    def hang_up(self, call: str, cause: str) -> None:
        self._flush(call)
        self._calls[call].hang_up()

    def fail_transfer(self, call: str) -> None:
        self._calls[call].transferred("no-answer")

    def heard(self, call: str) -> list[Heard]:
        self._flush(call)
        heard, self._heard[call] = self._heard[call], []
        return heard

    # -- within

    def _pass(self, ms: int) -> None:
        self.office.clock_ms += ms

    def _flush(self, call: str) -> None:
        if self._ahead[call]:
            keys, self._ahead[call] = self._ahead[call], ""
            self._burst(call, keys)

    def _burst(self, call: str, keys: str) -> None:
        one = self._calls[call]
        if one.verbs[0].name == "Dial":
            return  # nobody listens while agents are being rung
        # A Gather that ends at the first key leaves the others for the next one: as if they came a moment later.
        most = 1 if "numDigits" in one.verbs[0].attributes else len(keys)
        self._pass(SETTINGS.key_pause_s * 1000 + (most - 1) * 250)
        one.press(keys[:most])
        one.pause()
        if keys[most:]:
            self._burst(call, keys[most:])

    def _listen(self, call: str) -> None:
        """A document has come: what it says, and before that what a burst has passed over."""
        one = self._calls[call]
        said = self._stored(call)
        verb = one.verbs[0]
        if verb.sounds:
            text = self._text(verb.sounds)
            assert said, f"said, but not stored: {text}"
            assert said[-1] == text
        self._heard[call] += [Said(text) for text in said]
        if verb.name == "Dial":
            self._heard[call].append(Transferred(verb.target))
        elif verb.name == "Hangup" and not one.over:
            self._heard[call].append(HungUp())

    def _stored(self, call: str) -> list[str]:
        of_call = (CallEvent.call_id == self.id_of(call)) & (CallEvent.sequence > self._seen[call])
        with self._world.store.session() as session:
            events = session.scalars(select(CallEvent).where(of_call).order_by(CallEvent.sequence)).all()
        self._seen[call] = events[-1].sequence if events else self._seen[call]
        actions = [unpack_action(one) for event in events for one in from_json(event.actions)["line"]]
        return [written(self._world.wording, action) for action in actions if isinstance(action, PlayPrompts)]

    def _text(self, sounds: list[str]) -> str:
        parts = [self.office.heard(sound) for sound in sounds]
        language, pace, _ = parts[-1]
        joint = " " if language == "en" else ""
        slowly = "" if pace == "normal" else "(slowly) " if language == "en" else "（慢）"
        return slowly + joint.join(text for _, _, text in parts)
