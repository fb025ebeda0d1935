"""A seat on the pure step itself: no runner, no line, no thread; the domain answers in the world's database.

With `through_json` the state and every event make a round trip through JSON first, as they do in production.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from ivr.answering import Asking, answer
from ivr.bounces import Bounces
from ivr.codec import from_json, pack_event, state_from_json, state_to_json, to_json, unpack_event
from ivr.conversation import Taken, take
from ivr.dialogue import events as told
from ivr.dialogue.actions import ArmTimer, HangUp, LineAction, PlayPrompts, TransferCall
from ivr.dialogue.state import CallState
from ivr.pin_keeping import PinKeeper
from ivr.transcripts.player import Heard, HungUp, Said, Transferred
from ivr.transcripts.stage_set import World
from orders.values import Errand
from speech.wording import Wording


@dataclass(slots=True)
class _Call:
    arrived_at: datetime
    state: CallState = field(default_factory=CallState)
    clock_ms: int = 0
    playing: int = 0
    bounces: Bounces = field(default_factory=Bounces)
    heard: list[Heard] = field(default_factory=list)


class PureSeat:
    """Implements `player.Seat`."""

    def __init__(self, world: World, *, through_json: bool = False) -> None:
        self._world = world
        self._through_json = through_json
        self._calls: dict[str, _Call] = {}
        self._pins = PinKeeper()
        self.transitions: list[tuple[str, str]] = []

    def dial(self, call: str, caller: str, line: str) -> None:
        self._calls[call] = _Call(self._world.now())
        self._tell(call, told.CallArrived(caller, "95001", line, self._world.settings))

    def pick_up(self, call: str, number: str, errand: Errand) -> None:
        self._calls[call] = _Call(self._world.now())
        self._tell(call, told.CallArrived(number, "95001", "main", self._world.settings, errand))

    def press(self, call: str, key: str, *, after_ms: int, heard_ms: int) -> None:
        one = self._calls[call]
        one.clock_ms += after_ms
        if not one.bounces.is_bounce(key, one.clock_ms / 1000):
            # A key stops what is playing: the next one has heard nothing, until something new is said.
            playing, one.playing = one.playing, 0
            heard_ms = heard_ms if playing else 0
            self._tell(call, told.KeyPressed(key, one.clock_ms, heard_ms, heard_ms, playing))

    def listen(self, call: str) -> None:
        self._calls[call].playing = 0
        self._tell(call, told.PromptsEnded(self._calls[call].state.generation))

    def run_out(self, call: str) -> None:
        self._calls[call].clock_ms += 10_000
        self._tell(call, told.TimerExpired(self._calls[call].state.generation))

    def gap(self, call: str) -> None:
        self._tell(call, told.LineResumed("media restarted"))

    def hang_up(self, call: str, cause: str) -> None:
        self._tell(call, told.LineLost(cause))

    def fail_transfer(self, call: str) -> None:
        self._tell(call, told.TransferFailed("no_answer"))

    def heard(self, call: str) -> list[Heard]:
        heard, self._calls[call].heard = self._calls[call].heard, []
        return heard

    def _tell(self, call: str, event: told.Event) -> None:
        one = self._calls[call]
        if self._through_json:
            event = unpack_event(from_json(to_json(pack_event(event))))
            one.state = state_from_json(state_to_json(one.state))
        seen, pin = self._pins.masked(call, one.state, event)
        before = one.state.stage
        with self._world.store.transaction() as session:
            taken = self._take(session, one, Asking(call, one.arrived_at, pin), seen)
        self._pins.keep(call, taken.state, pin)
        one.state = taken.state
        self.transitions.append((before, taken.state.stage))
        for action in taken.line:
            self._hear(call, one, action)

    def _take(self, session: Session, one: _Call, asking: Asking, event: told.Event) -> Taken:
        return take(one.state, event, lambda ask: answer(self._world.desk, session, asking, ask))

    def _hear(self, call: str, one: _Call, action: LineAction) -> None:
        match action:
            case PlayPrompts():
                one.playing = action.generation
                one.heard.append(Said(written(self._world.wording, action)))
            case TransferCall(target):
                one.heard.append(Transferred(target))
            case HangUp():
                one.heard.append(HungUp())
                self._tell(call, told.LineLost("we_hung_up"))
            case ArmTimer():
                pass


def written(wording: Wording, action: PlayPrompts) -> str:
    """Everything said at once, as a transcript shows it."""
    texts = [wording.written(said, action.language) for said in action.prompts]
    slowly = "" if action.pace == "normal" else "(slowly) " if action.language == "en" else "（慢）"
    return slowly + (" " if action.language == "en" else "").join(texts)
