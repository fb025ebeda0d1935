"""Calls that come in: offered, claimed, played to, keyed, ended; what is asked of Asterisk, in which order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.asterisk.wire import Reply, seconds
from ivr.lines.port import Arrived, Gone, Key, PlayEnded, TakenElsewhere
from tests.lines.asterisk.scripted import Board, clip

NAME = "02fc00000001-1.1"
BORN = seconds("2026-11-23T17:47:41.699+0000", 0)
KEYED = "2026-11-23T17:47:44.250+0000"


def test_an_offered_call_is_claimed_and_then_has_arrived(at: Board) -> None:
    at.hears("CallBroadcast")
    assert at.asterisk.lines() == ["POST events/claim?channelId=1.1&application=orderline-node1"]
    assert at.events() == []
    at.hears("StasisStart", args=[])
    assert at.told == [(NAME, Arrived("13800000001", "100", BORN))]


def test_a_call_that_another_node_claimed_first_leaves_its_place(make: Callable[..., Board]) -> None:
    at = make(most_calls=1)
    at.asterisk.answers["POST events/claim"] = Reply(409)
    at.hears("CallBroadcast", "1.1")
    at.hears("CallBroadcast", "1.2")
    assert len(at.asterisk.lines()) == 2


def test_past_the_limit_no_call_is_claimed(make: Callable[..., Board]) -> None:
    at = make(most_calls=2)
    at.talk("1.1")
    at.hears("CallBroadcast", "1.2")
    at.hears("CallBroadcast", "1.3")
    assert [line for line in at.asterisk.lines() if "claim" in line] == [
        "POST events/claim?channelId=1.2&application=orderline-node1"
    ]


def test_a_line_that_is_closed_claims_nothing(at: Board) -> None:
    at.board.open = False
    at.hears("CallBroadcast")
    assert at.asterisk.lines() == []


@pytest.mark.parametrize(
    ("number", "caller"),
    [("anonymous", ""), ("", ""), ("+86 138-0000-0001", "+8613800000001"), ("1;rm", ""), ("٣٤٥", ""), ("1" * 200, "")],
)
def test_callers_are_digits_or_nothing(at: Board, number: str, caller: str) -> None:
    at.hears("StasisStart", caller=number, args=[])
    arrived = at.events()[0]
    assert isinstance(arrived, Arrived)
    assert arrived.caller == caller


def test_prompts_are_played_as_files_without_an_ending(at: Board) -> None:
    call = at.board.calls[at.talk()]
    call.play([clip("welcome"), clip("pin, please")], 4)
    (asked,) = at.asterisk.asked
    assert (asked.method, asked.uri) == ("POST", "channels/1.1/play/1.1-1")
    assert asked.body == {"media": ["sound:/prompts/welcome", "sound:/prompts/pin, please"]}


def test_what_is_played_next_stops_what_is_playing_first(at: Board) -> None:
    call = at.board.calls[at.talk()]
    call.play([clip("one")], 1)
    call.play([clip("two")], 2)
    assert at.asterisk.lines() == [
        "POST channels/1.1/play/1.1-1",
        "DELETE playbacks/1.1-1",
        "POST channels/1.1/play/1.1-2",
    ]
    at.playback("PlaybackFinished", "1.1-1")
    assert PlayEnded(1) not in at.events()
    at.playback("PlaybackFinished", "1.1-2")
    assert at.events() == [PlayEnded(2)]


def test_a_key_stops_the_sound_and_tells_how_much_was_heard(at: Board) -> None:
    call = at.board.calls[at.talk()]
    call.play([clip("one"), clip("two")], 1)
    at.playback("PlaybackStarted", "1.1-1", at="2026-11-23T17:47:43.000+0000")
    at.playback("PlaybackStarted", "1.1-1", at="2026-11-23T17:47:44.000+0000")
    at.events()
    at.hears("ChannelDtmfReceived", digit="5", timestamp=KEYED)
    at.hears("ChannelDtmfReceived", digit="6", timestamp=KEYED)
    assert at.events() == [Key("5", seconds(KEYED, 0), 1250, 1), Key("6", seconds(KEYED, 0))]
    assert at.asterisk.lines()[-1] == "DELETE playbacks/1.1-1"


def test_a_bounced_key_is_none_and_stops_nothing(at: Board) -> None:
    call = at.board.calls[at.talk()]
    at.hears("ChannelDtmfReceived", digit="5", timestamp="2026-11-23T17:47:44.000+0000")
    at.events()
    call.play([clip("one")], 2)
    at.hears("ChannelDtmfReceived", digit="5", timestamp="2026-11-23T17:47:44.079+0000")
    assert at.events() == []
    assert not at.asterisk.lines()[-1].startswith("DELETE")


def test_what_is_no_key_is_none(at: Board) -> None:
    at.talk()
    at.events()
    at.hears("ChannelDtmfReceived", digit="flash", timestamp=KEYED)
    assert at.events() == []


def test_a_prompt_that_can_not_be_played_does_not_leave_the_caller_in_silence(at: Board) -> None:
    call = at.board.calls[at.talk()]
    call.play([clip("gone")], 3)
    at.events()
    at.playback("PlaybackFinished", "1.1-1", "failed")
    assert at.events() == [PlayEnded(3)]
    at.asterisk.answers["POST channels/1.1/play/1.1-2"] = Reply(412)
    call.play([clip("gone")], 4)
    assert at.events() == [PlayEnded(4)]


def test_a_hang_up_in_the_middle_of_a_prompt_is_not_its_end(at: Board) -> None:
    call = at.board.calls[at.talk()]
    call.play([clip("long")], 3)
    at.events()
    at.hears("ChannelHangupRequest")
    at.playback("PlaybackFinished", "1.1-1", "failed")
    at.hears("StasisEnd")
    assert at.events() == [Gone("caller_hung_up")]
    assert not at.board.calls


@pytest.mark.parametrize(
    ("request_", "cause"),
    [({}, "caller_hung_up"), ({"soft": True, "cause": 1}, "dead_line"), ({"soft": True, "cause": 32}, "line_closed")],
)
def test_who_ended_the_call(at: Board, request_: dict[str, object], cause: str) -> None:
    at.talk()
    at.events()
    at.hears("ChannelHangupRequest", **request_)
    at.hears("StasisEnd")
    at.hears("ChannelDestroyed", cause=16)
    assert at.events() == [Gone(cause)]  # type: ignore[arg-type]


def test_we_hang_up_once(at: Board) -> None:
    call = at.board.calls[at.talk()]
    at.events()
    call.hang_up()
    call.hang_up()
    assert at.asterisk.lines() == ["DELETE channels/1.1?reason_code=16"]
    at.hears("ChannelHangupRequest", soft=True, cause=32)
    at.hears("StasisEnd")
    assert at.events() == [Gone("we_hung_up")]


def test_a_channel_that_left_without_a_hang_up_is_looked_for(at: Board) -> None:
    at.talk()
    at.events()
    at.hears("StasisEnd")
    assert at.asterisk.lines() == ["GET channels/1.1"]
    assert at.events() == [TakenElsewhere()]
    at.talk("1.2")
    at.events()
    at.asterisk.answers["GET channels/1.2"] = Reply(404)
    at.hears("StasisEnd", "1.2")
    assert at.events() == [Gone("caller_hung_up")]
    assert not at.board.calls


def test_calls_are_handed_on_in_turn_and_their_keys_are_the_next_nodes(at: Board) -> None:
    names = [at.talk(channel) for channel in ("1.1", "1.2", "1.3")]
    at.board.calls[names[0]].play([clip("menu")], 1)
    at.events(), at.asterisk.lines()
    assert at.board.hand_on(["orderline-b", "orderline-c"]) == 3
    lines = at.asterisk.lines()
    assert lines[0] == "DELETE playbacks/1.1-1", "a move waits behind the sound"
    taken = "appArgs=taken%2Corderline-node1"
    assert [line for line in lines if "move" in line] == [
        f"POST channels/1.1/move?app=orderline-b&{taken}",
        f"POST channels/1.2/move?app=orderline-c&{taken}",
        f"POST channels/1.3/move?app=orderline-b&{taken}",
    ]
    at.hears("ChannelDtmfReceived", digit="1", timestamp=KEYED)
    at.board.calls[names[0]].play([clip("menu")], 2)
    assert (at.events(), at.asterisk.lines()) == ([], [])
    at.hears("StasisEnd")
    assert at.events() == [TakenElsewhere()]


def test_a_call_that_is_not_taken_stays(at: Board) -> None:
    name = at.talk()
    at.asterisk.answers["POST channels/1.1/move"] = Reply(404)
    at.board.hand_on(["orderline-b"])
    at.hears("ChannelDtmfReceived", digit="1", timestamp=KEYED)
    assert type(at.events()[-1]) is Key
    assert not at.board.calls[name].leaving


def test_who_is_not_answered_yet_is_not_handed_on(at: Board) -> None:
    at.hears("StasisStart", args=[])
    assert at.board.hand_on(["orderline-b"]) == 0
