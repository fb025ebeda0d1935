"""Calls that we make: which numbers are dialled at all, and why nobody answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.lines.asterisk.wire import Reply
from ivr.lines.port import Answered, DialFailed, Dialled, Gone, Ringing
from tests.lines.asterisk.scripted import Board

WISH = Dialled("out-1", "13800000009", "4001", 30)


def dialled(at: Board, wish: Dialled = WISH) -> str:
    """Dial; the channel's name."""
    at.board.dial(wish, at.loop)
    body = at.asterisk.asked[0].body
    assert body is not None
    return str(body["channelId"])


def test_a_number_goes_into_the_dialplan(at: Board) -> None:
    channel = dialled(at)
    (asked,) = at.asterisk.asked
    assert (asked.method, asked.uri) == ("POST", "channels")
    assert asked.body == {
        "endpoint": "Local/13800000009@outbound/n",
        "app": "orderline-node1",
        "appArgs": "out",
        "channelId": channel,
        "formats": "alaw,ulaw",
        "timeout": "32",
        "variables": {"ORDERLINE_CALL": "out-1"},
        "callerId": "4001",
    }


@pytest.mark.parametrize(
    "number",
    [
        "500&PJSIP/trunk/900555",
        "13800000009@evil",
        "13800000009/n",
        "13800000009\r\nEvil: 1",
        "13800000009\n",
        "sip:bob@example.com",
        "",
        "12",
        "1" * 16,
        "٣٤٥٦٧",
        "*72",
    ],
)
def test_what_is_no_plain_number_is_never_dialled(at: Board, number: str) -> None:
    at.board.dial(Dialled("out-1", number, "", 30), at.loop)
    assert at.asterisk.lines() == []
    assert at.events() == [DialFailed("rejected", 484), Gone("we_hung_up")]
    assert not at.board.calls


@pytest.mark.parametrize("caller_id", ["4001,evil", '"x" <1>', "4001\n"])
def test_a_caller_id_is_a_number_too(at: Board, caller_id: str) -> None:
    at.board.dial(Dialled("out-1", "13800000009", caller_id, 30), at.loop)
    assert at.asterisk.lines() == []


def test_somebody_answers(at: Board) -> None:
    channel = dialled(at)
    at.hears("StasisStart", channel, args=["out"], state="Up")
    assert [type(event) for event in at.events()] == [Answered]
    at.hears("StasisEnd", channel)
    at.hears("ChannelDestroyed", channel, cause=16)


@pytest.mark.parametrize(
    ("cause", "tech_cause", "failure", "status"),
    [
        (17, 486, "busy", 486),
        (21, 603, "declined", 603),
        (21, 407, "challenged", 407),
        (19, 480, "no_answer", 480),
        (34, 503, "unreachable", 503),
        (18, 408, "unreachable", 408),
        (1, 404, "rejected", 404),
        # A board or a Local channel gives no code of its own.
        (17, 0, "busy", 486),
        (21, 0, "declined", 603),
        (19, 0, "no_answer", 480),
        (38, 0, "unreachable", 503),
        (1, 0, "rejected", 404),
        (127, 0, "rejected", 500),
    ],
)
def test_why_nobody_answered(at: Board, cause: int, tech_cause: int, failure: str, status: int) -> None:
    channel = dialled(at)
    at.hears("ChannelHangupRequest", channel, cause=cause, tech_cause=tech_cause)
    at.hears("ChannelDestroyed", channel, cause=cause, tech_cause=tech_cause)
    assert at.events() == [DialFailed(failure, status), Gone("we_hung_up")]  # type: ignore[arg-type]
    assert not at.board.calls


def test_the_other_telephone_rings(at: Board) -> None:
    channel = dialled(at)
    for status in ("", "RINGING", "RINGING"):
        at.hears("Dial", dialstatus=status, peer={"id": channel, "state": "Down"})
    assert [type(event) for event in at.events()] == [Ringing]
    at.hears("StasisStart", channel, args=["out"], state="Up")
    assert [type(event) for event in at.events()] == [Answered]


def test_giving_up_while_it_rings(at: Board) -> None:
    channel = dialled(at)
    at.board.calls["out-1"].hang_up()
    assert at.asterisk.lines()[-1] == f"DELETE channels/{channel}?reason_code=16"
    at.hears("ChannelDestroyed", channel, cause=16)
    assert at.events() == [DialFailed("cancelled", 487), Gone("we_hung_up")]


def test_asterisk_has_no_way_there(at: Board) -> None:
    at.asterisk.answers["POST channels"] = Reply(500, '{"error": "Allocation failed"}')
    at.board.dial(WISH, at.loop)
    assert at.events() == [DialFailed("unreachable", 503), Gone("we_hung_up")]
    assert not at.board.calls


def test_a_full_or_closed_line_says_so_at_once(make: Callable[..., Board]) -> None:
    at = make(most_calls=1)
    at.talk()
    at.events()
    at.board.dial(WISH, at.loop)
    assert at.events() == [DialFailed("unreachable", 503), Gone("we_hung_up")]
    closed = make()
    closed.board.open = False
    closed.board.dial(WISH, closed.loop)
    assert closed.events() == [DialFailed("unreachable", 503), Gone("we_hung_up")]
    assert closed.asterisk.lines() == []


def test_an_answered_call_of_a_dead_process_is_ended(at: Board) -> None:
    at.hears("StasisStart", "out-strange", args=["out"])
    assert at.asterisk.lines() == ["DELETE channels/out-strange"]
