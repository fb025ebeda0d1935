"""After a gap on the websocket, or a new start: whose channels live, whose calls are over, what is cleaned up."""

from __future__ import annotations

import json
from typing import Any

from ivr.lines.asterisk.relisting import Relisting
from ivr.lines.asterisk.wire import Reply
from ivr.lines.port import Gone, Interrupted, Resumed, TakenElsewhere
from tests.lines.asterisk.scripted import Board

LOST = Interrupted("connection to Asterisk lost")


def good(body: Any) -> Reply:
    return Reply(200, json.dumps(body))


def relist(at: Board, channels: list[str], bridges: list[dict[str, Any]] | None = None, **named: str) -> frozenset[str]:
    """Asterisk lists these channels as ours; `named` gives names of channels. The calls that live."""
    at.asterisk.answers["GET bridges"] = good(bridges or [])
    at.asterisk.answers["GET applications/orderline-node1"] = good({"name": "orderline-node1", "channel_ids": channels})
    for channel in channels:
        about = {"id": channel, "name": named.get(channel, "PJSIP/trunk-1"), "state": "Up"}
        about |= {"caller": {"number": "13800000001"}, "dialplan": {"exten": "100"}}
        at.asterisk.answers[f"GET channels/{channel}"] = good(about)
    living: list[frozenset[str]] = []
    at.asterisk.asked.clear()
    at.events()
    Relisting(at.settings, at.asterisk.ask, at.board, living.append).begin()
    assert len(living) == 1
    return living[0]


def test_calls_that_live_are_told_that_keys_may_be_lost(at: Board) -> None:
    name = at.talk()
    assert relist(at, ["1.1"]) == {name}
    assert at.events() == [LOST]


def test_calls_that_ended_in_the_gap_are_over(at: Board) -> None:
    at.talk()
    at.asterisk.answers["GET channels/1.1"] = Reply(404)
    assert relist(at, []) == frozenset()
    assert at.events() == [Gone("dead_line")]


def test_calls_that_another_node_took_in_the_gap_are_forgotten(at: Board) -> None:
    at.talk()
    assert relist(at, []) == frozenset()
    assert at.events() == [TakenElsewhere()]


def test_calls_of_an_earlier_process_are_resumed(at: Board) -> None:
    assert relist(at, ["1.1"]) == {"02fc00000001-1.1"}
    (resumed,) = at.events()
    assert isinstance(resumed, Resumed)
    assert (resumed.caller, resumed.called) == ("13800000001", "100")


def test_a_call_not_answered_yet_is_answered_when_it_is_resumed(at: Board) -> None:
    at.hears("StasisStart", "1.1", args=["taken", "orderline-b"], state="Ring")
    assert at.asterisk.lines() == ["POST channels/1.1/answer"]


def test_orphans_are_cleaned_up(at: Board) -> None:
    bridges = [
        {"id": "b1", "name": "orderline-1.7", "channels": ["1.7"]},
        {"id": "b2", "name": "somebody else's", "channels": []},
        {"id": "b3", "name": "orderline-1.8", "channels": []},
    ]
    relist(at, ["s1", "agent-1.7", "agent-1.7;2"], bridges, s1="Snoop/1.7-0000")
    deleted = [line for line in at.asterisk.lines() if line.startswith("DELETE")]
    assert deleted == ["DELETE bridges/b1", "DELETE bridges/b3", "DELETE channels/agent-1.7", "DELETE channels/s1"]
    assert at.events() == []


def test_who_talks_to_an_agent_goes_on_and_is_let_go_with_it(at: Board) -> None:
    pair = {"id": "orderline-1.7", "name": "orderline-1.7", "channels": ["1.7", "agent-1.7"]}
    assert relist(at, ["1.7", "agent-1.7"], [pair]) == frozenset()
    assert at.events() == []
    at.asterisk.asked.clear()
    at.hears("StasisEnd", "agent-1.7")
    assert "DELETE channels/1.7" in at.asterisk.lines()


def test_nothing_is_concluded_when_asterisk_does_not_answer(at: Board) -> None:
    at.talk()
    at.events()
    at.asterisk.answers["GET applications/orderline-node1"] = Reply(0)
    living: list[frozenset[str]] = []
    Relisting(at.settings, at.asterisk.ask, at.board, living.append).begin()
    assert living == []
    assert at.events() == []
