"""Callers handed over to the agents: called, joined, let go together; and what goes wrong on the way."""

from __future__ import annotations

import pytest

from ivr.lines.asterisk.handover import extension_of
from ivr.lines.asterisk.wire import Reply
from ivr.lines.port import Gone, TransferEnded
from tests.lines.asterisk.scripted import Board

AGENT = "agent-1.1"


@pytest.fixture
def asking(at: Board) -> Board:
    """A caller for whom the agents are being called."""
    call = at.board.calls[at.talk()]
    at.events()
    at.board.transfer(call, "8001")
    return at


def test_the_agents_are_called_while_the_caller_hears_music(asking: Board) -> None:
    called, music = asking.asterisk.asked
    assert called.body is not None
    assert called.body["endpoint"] == "Local/8001@agents/n"
    assert (called.body["channelId"], called.body["originator"]) == (AGENT, "1.1")
    assert (music.method, music.uri) == ("POST", "channels/1.1/moh")


def test_an_agent_answers_and_both_are_joined(asking: Board) -> None:
    asking.asterisk.asked.clear()
    asking.hears("StasisStart", AGENT, args=["agent"])
    assert asking.asterisk.lines() == [
        "DELETE channels/1.1/moh",
        "POST bridges/orderline-1.1?type=mixing&name=orderline-1.1",
        "POST bridges/orderline-1.1/addChannel?channel=1.1%2Cagent-1.1",
    ]
    assert asking.events() == [TransferEnded(done=True, status=200), Gone("transferred")]
    assert not asking.board.calls


@pytest.mark.parametrize("first", ["1.1", AGENT])
def test_when_one_goes_the_other_goes_too(asking: Board, first: str) -> None:
    asking.hears("StasisStart", AGENT, args=["agent"])
    asking.asterisk.asked.clear()
    asking.hears("StasisEnd", first)
    assert asking.asterisk.lines() == [
        "DELETE channels/agent-1.1",
        "DELETE channels/1.1",
        "DELETE bridges/orderline-1.1",
    ]


def test_nobody_answers_and_the_caller_is_still_ours(asking: Board) -> None:
    asking.hears("ChannelDestroyed", AGENT, cause=17, tech_cause=486)
    assert asking.events() == [TransferEnded(done=False, status=486)]
    assert "DELETE channels/1.1/moh" in asking.asterisk.lines()
    call = asking.board.calls["02fc00000001-1.1"]
    asking.board.transfer(call, "8001")
    assert "POST channels" in asking.asterisk.lines()


def test_the_caller_gives_up_waiting(asking: Board) -> None:
    asking.asterisk.asked.clear()
    asking.hears("ChannelHangupRequest")
    asking.hears("StasisEnd")
    assert asking.events() == [Gone("caller_hung_up")]
    assert "DELETE channels/agent-1.1" in asking.asterisk.lines()
    asking.hears("StasisStart", AGENT, args=["agent"])
    assert asking.asterisk.lines() == ["DELETE channels/agent-1.1"]


def test_a_bridge_that_can_not_be_made_fails_the_transfer(asking: Board) -> None:
    asking.asterisk.answers["POST bridges/orderline-1.1/addChannel"] = Reply(422)
    asking.hears("StasisStart", AGENT, args=["agent"])
    assert asking.events() == [TransferEnded(done=False, status=500)]


def test_there_is_no_way_to_the_agents(at: Board) -> None:
    at.asterisk.answers["POST channels"] = Reply(500)
    call = at.board.calls[at.talk()]
    at.events()
    at.board.transfer(call, "8001")
    assert at.events() == [TransferEnded(done=False, status=503)]


@pytest.mark.parametrize("target", ["8001&PJSIP/trunk/900", "80 01", "", "sip:a@b@c", "8001@outbound", "8001\n"])
def test_targets_that_are_none(at: Board, target: str) -> None:
    call = at.board.calls[at.talk()]
    at.events()
    at.board.transfer(call, target)
    assert at.asterisk.lines() == [
        "DELETE channels/1.1/moh",
        "DELETE channels/agent-1.1",
        "DELETE bridges/orderline-1.1",
    ]
    assert at.events() == [TransferEnded(done=False, status=484)]


def test_a_sip_uri_names_an_extension() -> None:
    assert extension_of("sip:agents@pbx.example") == "agents"
