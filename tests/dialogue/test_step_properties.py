"""Whatever happens in whatever order: the step never fails, every call comes to an end, no PIN is kept."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.answering import Asking, answer
from ivr.codec import pack_event, state_from_json, state_to_json, to_json
from ivr.conversation import take
from ivr.dialogue import events as told
from ivr.dialogue.actions import Ask, HangUp, PlaceOrder, PlayPrompts
from ivr.dialogue.state import CallState
from ivr.dialogue.step import step
from ivr.pin_keeping import PinKeeper, is_secret
from ivr.transcripts.stage_set import World
from speech.wording import Wording, load_wording

WORDING: Wording = load_wording()
KEYS = st.sampled_from("0123456789*#A")
# Callers that get far: runs of keys which are right somewhere, mixed with anything.
WORDS = st.sampled_from(["1", "2", "3", "1234#", "101#", "205#", "318#", "10#", "5#", "#", "*", "0", "9", "100001#"])
MOVES = st.lists(
    st.one_of(
        WORDS.map(lambda keys: ("keys", keys)),
        KEYS.map(lambda key: ("keys", key)),
        st.sampled_from([("heard", ""), ("timer", ""), ("gap", ""), ("late", ""), ("transfer", "")]),
    ),
    max_size=60,
)


class Conversation:
    """A conversation in the demo world, driven event by event."""

    def __init__(self, caller: str) -> None:
        self.world = World(WORDING)
        self.state = CallState()
        self.pins = PinKeeper()
        self.at_ms = 0
        self.placed = 0
        self.hung_up = False
        self.stored = ""
        self.tell(told.CallArrived(caller, "95001", "main"))

    def tell(self, event: told.Event) -> None:
        seen, pin = self.pins.masked("c", self.state, event)
        with self.world.store.transaction() as session:
            asking = Asking("c", self.world.now(), pin)

            def answering(ask: Ask) -> told.Event | None:
                reply = answer(self.world.desk, session, asking, ask)
                if isinstance(ask, PlaceOrder) and isinstance(reply, told.OrderDecided):
                    self.placed += reply.placement.outcome == "placed"
                return reply

            taken = take(self.state, seen, answering)
        self.pins.keep("c", taken.state, pin)
        self.state = state_from_json(state_to_json(taken.state))
        self.stored += state_to_json(taken.state) + to_json(pack_event(seen))
        for action in taken.line:
            if isinstance(action, PlayPrompts):
                for said in action.prompts:
                    assert WORDING.spoken(said, action.language)
            self.hung_up |= isinstance(action, HangUp)

    def move(self, kind: str, keys: str) -> None:
        match kind:
            case "keys":
                for key in keys:
                    self.at_ms += 200
                    self.tell(told.KeyPressed(key, self.at_ms, 2500, 2500, self.state.generation))
            case "heard":
                self.tell(told.PromptsEnded(self.state.generation))
            case "timer":
                self.tell(told.TimerExpired(self.state.generation))
            case "gap":
                self.tell(told.LineResumed("test"))
            case "late":
                self.tell(told.TimerExpired(self.state.generation - 1))
            case "transfer":
                self.tell(told.TransferFailed("test"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(caller=st.sampled_from(["13800000001", "13800000007", "13800000002", "", "123"]), moves=MOVES)
def test_any_call_is_survived_and_comes_to_an_end(caller: str, moves: list[tuple[str, str]]) -> None:
    call = Conversation(caller)
    for kind, keys in moves:
        call.move(kind, keys)
    # Left alone, the caller is let go: silence is answered three times at a stage, and stages do not repeat for ever.
    for _ in range(30):
        if call.hung_up:
            break
        call.move("heard", "")
        call.move("timer", "")
    assert call.hung_up
    call.tell(told.LineLost("test"))
    assert call.state.ended


@settings(max_examples=40, deadline=None)
@given(pin=st.text(alphabet="56789", min_size=4, max_size=8))
def test_a_pin_is_nowhere_in_what_is_stored(pin: str) -> None:
    call = Conversation("13800000001")
    call.move("keys", "1")
    assert is_secret(call.state)
    call.move("keys", pin + "#")
    assert not re.search(f'"(key|entry)":"[{pin}]+"', call.stored)
    assert pin not in call.stored


@settings(max_examples=200, deadline=None)
@given(
    event=st.one_of(
        st.builds(told.KeyPressed, KEYS, st.integers(0, 10**6), st.integers(0, 10**5)),
        st.builds(told.PromptsEnded, st.integers(-1, 5)),
        st.builds(told.TimerExpired, st.integers(-1, 5)),
        st.builds(told.ArticleUnknown, st.text(max_size=6)),
        st.just(told.DraftHeld()),
        st.just(told.DraftLost()),
        st.builds(told.CallbackStored, st.integers(0, 9)),
    ),
    stage=st.sampled_from(["awaiting_main_choice", "awaiting_article", "awaiting_pin", "ending", "transferring"]),
)
def test_no_event_at_the_wrong_moment_is_fatal(event: told.Event, stage: str) -> None:
    state, _ = step(CallState(stage=stage, retailer_id=1, caller="123"), event)
    assert state_from_json(state_to_json(state)) == state


def test_at_most_one_order_comes_of_one_confirmation() -> None:
    call = Conversation("13800000001")
    for keys in ("1", "1234#", "1", "1", "1"):
        call.move("keys", keys)
    call.move("gap", "")
    call.move("keys", "9")
    assert call.placed == 1


def test_keys_lost_with_their_process_are_no_wrong_pin() -> None:
    call = Conversation("13800000001")
    call.move("keys", "1123")
    call.pins = PinKeeper()
    call.move("keys", "4#")
    assert call.state.stage == "awaiting_pin"
    call.move("keys", "1234#")
    assert call.state.stage == "awaiting_main_choice"
