"""Nodes that watch each other through Asterisk, on a clock that the test turns."""

from __future__ import annotations

import json

import pytest

from ivr.lines.asterisk.neighbours import Neighbours
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import ChannelUserevent, Reply
from tests.lines.asterisk.scripted import ScriptedAsterisk

BEAT = 0.5


class Node:
    """The node "b" at an Asterisk that lists what the test says."""

    def __init__(self, name: str = "b") -> None:
        self.asterisk = ScriptedAsterisk()
        self.died: list[str] = []
        self.neighbours = Neighbours(AsteriskSettings(node=name), self.asterisk.ask, self.died.append)
        self.now = 100.0
        self.list()
        self.asterisk.answers["GET bridges"] = Reply(200, "[]")

    def list(self, **channels: list[str]) -> None:
        apps = [{"name": f"orderline-{node}", "channel_ids": ids} for node, ids in channels.items()]
        self.asterisk.answers["GET applications"] = Reply(200, json.dumps([{"name": "other"}, *apps]))

    def beat(self, *heard: str, times: int = 1, every: float = BEAT) -> list[str]:
        """Time goes on; these nodes are heard. What was asked besides the list itself."""
        self.asterisk.asked.clear()
        for _ in range(times):
            self.now += every
            for node in heard:
                self.neighbours.spoke(ChannelUserevent("orderline-alive", {"node": node}), self.now)
            self.neighbours.beat(self.now)
        return [line for line in self.asterisk.lines() if line != "GET applications"]


@pytest.fixture
def node() -> Node:
    return Node()


def moves(lines: list[str]) -> list[str]:
    return [line for line in lines if "/move" in line]


def test_every_node_is_told_that_we_live(node: Node) -> None:
    node.list(a=[], b=[])
    assert node.beat() == ["POST events/user/orderline-alive?application=orderline-a"]


def test_a_node_that_is_heard_keeps_its_calls(node: Node) -> None:
    node.list(a=["1.1"], b=[])
    assert moves(node.beat("a", times=20)) == []
    assert node.died == []


def test_the_calls_of_a_silent_node_are_taken_with_their_sound_stopped(node: Node) -> None:
    node.list(a=["1.1"], b=[])
    node.beat("a", times=2)
    assert moves(node.beat(times=3)) == []
    lines = node.beat(times=2)
    assert moves(lines)[0] == "POST channels/1.1/move?app=orderline-b&appArgs=taken%2Corderline-a"
    assert lines.index("DELETE playbacks/1.1-7") < lines.index(moves(lines)[0])
    assert node.died == ["a"]


def test_who_talks_to_an_agent_is_left_alone(node: Node) -> None:
    node.list(a=["1.1", "agent-1.1", "1.2", "agent-1.2"], b=[])
    pair = {"id": "x", "name": "orderline-1.1", "channels": ["1.1", "agent-1.1"]}
    node.asterisk.answers["GET bridges"] = Reply(200, json.dumps([pair]))
    lines = node.beat(times=6)
    assert {line.split("/")[1] for line in moves(lines)} == {"1.2"}
    assert "DELETE channels/agent-1.2" in lines
    assert "DELETE channels/agent-1.1" not in lines


def test_of_several_living_nodes_the_first_by_name_takes_over() -> None:
    node = Node("c")
    node.list(a=["1.1"], b=[], c=[])
    assert moves(node.beat("b", times=8)) == []
    assert node.neighbours.living() == ["orderline-b", "orderline-c"]
    assert moves(node.beat(times=6)) != []


def test_a_node_that_comes_back_is_a_neighbour_again(node: Node) -> None:
    node.list(a=["1.1"], b=[])
    node.beat(times=6)
    node.list(a=["1.3"], b=["1.1"])
    assert moves(node.beat("a", times=4)) == []
    node.beat(times=6)
    assert node.died == ["a", "a"]


def test_a_node_that_left_no_channel_is_buried_too(node: Node) -> None:
    node.list(a=["1.1"], b=[])
    node.beat("a", times=2)
    node.list(b=[])
    node.beat(times=8)
    assert node.died == ["a"]


def test_who_hung_itself_accuses_nobody(node: Node) -> None:
    node.list(a=["1.1"], b=[])
    node.beat("a", times=2)
    assert moves(node.beat(every=60.0)) == []
    assert node.died == []


def test_after_a_gap_on_the_websocket_nobody_is_dead_yet(node: Node) -> None:
    node.list(a=["1.1"], b=[])
    node.beat("a", times=2)
    node.beat(times=2)
    node.neighbours.opened()
    assert moves(node.beat(times=3)) == []


@pytest.mark.parametrize("said", [{}, {"node": 5}, {"node": None}])
def test_what_is_no_sign_of_life_is_none(node: Node, said: dict[str, object]) -> None:
    node.neighbours.spoke(ChannelUserevent("orderline-alive", said), 100.0)
    node.neighbours.spoke(ChannelUserevent("something", {"node": "x"}), 100.0)
    assert node.neighbours.living() == ["orderline-b"]


def test_heirs_are_the_others_that_live(node: Node) -> None:
    node.list(a=[], b=[], c=[])
    node.beat("a", "c")
    assert node.neighbours.heirs() == ["orderline-a", "orderline-c"]
    node.beat("c", times=10)
    assert node.neighbours.heirs() == ["orderline-c"]
