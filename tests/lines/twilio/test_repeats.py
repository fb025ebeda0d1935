"""Webhooks that come again, late, out of order, or half-taken by a node that died: one effect, one answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from ivr.dialogue.events import Event
from ivr.runner import CallMovedOn, Handled
from ivr.transcripts.stage_set import World
from orders.models import Call, CallEvent, Order
from tests.lines.twilio.cloud import Cloud, CloudCall
from tests.lines.twilio.office import SETTINGS, Office

ORDER = ("1", "1234#", "1", "1", "1")
"""The usual basket: shop, PIN, order, as last time, confirm."""


def order(call: CloudCall) -> None:
    call.dial()
    for keys in ORDER:
        _hear(call)
        call.press(keys)
        call.pause()


def test_an_order(office: Office) -> None:
    call = CloudCall(office.cloud(), "+8613800000001")
    order(call)
    assert _orders(office) == 1
    assert office.orders == 1
    call.hang_up()
    assert _ended(office, call) == "caller_hung_up"


def test_each_webhook_a_hundred_times_has_one_effect(office: Office) -> None:
    cloud = office.cloud()
    call = CloudCall(cloud, "+8613800000001")
    order(call)
    events = _count(office, CallEvent)
    for number in range(len(cloud.asked)):
        answers = {cloud.again(number) for _ in range(100)}
        assert len(answers) == 1
        assert next(iter(answers))[0] == 200
    assert _orders(office) == 1
    assert _count(office, CallEvent) == events
    assert office.orders == 1


def test_the_last_webhook_again_is_answered_alike(office: Office) -> None:
    cloud = office.cloud()
    call = CloudCall(cloud, "+8613800000001")
    call.dial()
    call.press("1")
    first: list[tuple[int, str]] = []
    post = cloud.post
    cloud.post = lambda *asked: _kept(first, post(*asked))
    call.pause()
    assert cloud.again() == first[-1]


@pytest.mark.parametrize("seed", range(8))
def test_out_of_order(office: Office, seed: int) -> None:
    """Earlier webhooks come again between later ones, in any order."""
    chance = random.Random(seed)
    cloud = office.cloud()
    call = CloudCall(cloud, "+8613800000001")
    call.dial()
    for keys in ORDER:
        for _ in range(3):
            cloud.post(*chance.choice(cloud.asked))
        _hear(call)
        call.press(keys)
        call.pause()
        for _ in range(3):
            cloud.post(*chance.choice(cloud.asked))
    assert _orders(office) == 1


def test_keys_that_differ_after_the_same_step_come_too_late(office: Office) -> None:
    cloud = office.cloud()
    call = CloudCall(cloud, "+8613800000001")
    call.dial()
    keys = call.verbs[0].attributes["action"]
    _hear(call)
    call.press("1")
    call.pause()
    before, sounds = _count(office, CallEvent), call.sounds
    call.take(cloud.fetch(keys, call.parameters(Digits="2")))
    assert _count(office, CallEvent) == before
    assert call.sounds == sounds


def test_the_end_before_the_keys(office: Office) -> None:
    cloud = office.cloud()
    call = CloudCall(cloud, "+8613800000001")
    call.dial()
    keys = call.verbs[0].attributes["action"]
    call.hang_up()
    cloud.again()
    call.over = False
    call.take(cloud.fetch(keys, call.parameters(Digits="1")))
    assert call.over
    assert _ended(office, call) == "caller_hung_up"


def test_a_status_that_is_no_end_changes_nothing(office: Office) -> None:
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    before = _count(office, CallEvent)
    call.cloud.fetch(call.cloud.status, call.parameters())
    assert _count(office, CallEvent) == before


class Dying:
    """A runner whose process dies: before it has stored anything, or before its answer has gone out."""

    def __init__(self, office: Office, *, stores: bool) -> None:
        self._office, self._stores = office, stores

    def handle(self, call: str, event: Event, after: int) -> Handled:
        raise AssertionError("keys come as bursts")

    def handle_burst(self, call: str, events: Sequence[Event], after: int) -> Handled:
        if self._stores:
            self._office.runner.handle_burst(call, events, after)
        raise OSError("killed")


@pytest.mark.parametrize("stores", [False, True])
def test_a_node_that_dies_over_a_burst(world: World, stores: bool) -> None:
    """PIN, menu, article, quantity, end of the order and a key too early, all in one webhook: taken once, by one."""
    dying, other = Office(world, "a"), Office(world, "b")
    other.clips.texts = dying.clips.texts

    def pass_ms(ms: int) -> None:
        dying.pass_ms(ms)
        other.pass_ms(ms)

    def post(url: str, params: dict[str, str], signature: str) -> tuple[int, str]:
        status, body = dying.post(url, params, signature)
        return other.post(url, params, signature) if status == 503 else (status, body)

    call = CloudCall(Cloud(post, pass_ms=pass_ms), "+8613800000007")
    call.dial()
    _hear(call)
    call.press("1")
    call.pause()
    dying.conversations._steps = Dying(dying, stores=stores)
    call.press("1234#1101#10##1")
    call.pause()
    # The total is a surprise: the key before it did not confirm it unheard.
    assert _orders(other) == 0
    _hear(call)
    call.press("1")
    call.pause()
    assert _orders(other) == 1


def test_two_nodes_at_the_same_moment(world: World) -> None:
    """Each webhook goes to both nodes at once, while neither has taken it."""
    nodes = [Office(world, "a"), Office(world, "b")]
    nodes[1].clips.texts = nodes[0].clips.texts
    together = threading.Barrier(2)

    def send(node: Office, asked: tuple[str, dict[str, str], str]) -> tuple[int, str]:
        together.wait()
        return node.post(*asked)

    def pass_ms(ms: int) -> None:
        for node in nodes:
            node.pass_ms(ms)

    with ThreadPoolExecutor(2) as pool:

        def post(*asked: Any) -> tuple[int, str]:
            first, second = pool.map(send, nodes, [asked, asked])
            assert first[0] == second[0] == 200
            return first

        call = CloudCall(Cloud(post, pass_ms=pass_ms), "+8613800000007")
        call.dial()
        for keys in ("1", "1234#", "1", "101#10##"):
            _hear(call)
            call.press(keys)
            call.pause()
        _hear(call)
        call.press("1")
        call.pause()
    assert _orders(nodes[0]) == 1


def test_a_step_taken_elsewhere_meanwhile_is_looked_at_anew(office: Office) -> None:
    """Between our look and our step the same keys were taken: we answer with what came of them."""
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    _hear(call)

    class Overtaken:
        def __init__(self) -> None:
            self.times = 0

        def handle(self, call: str, event: Event, after: int) -> Handled:
            raise AssertionError("keys come as bursts")

        def handle_burst(self, call: str, events: Sequence[Event], after: int) -> Handled:
            self.times += 1
            office.runner.handle_burst(call, events, after)
            raise CallMovedOn("somebody else was faster")

    overtaken = Overtaken()
    office.conversations._steps = overtaken
    call.press("1")
    call.pause()
    assert overtaken.times == 1
    assert call.sounds


def test_nothing_is_held_in_memory_between_webhooks(world: World) -> None:
    """Each webhook at another node, made anew."""
    passed = 0

    def pass_ms(ms: int) -> None:
        nonlocal passed
        passed += ms

    def post(url: str, params: dict[str, str], signature: str) -> tuple[int, str]:
        node = Office(world, "x")
        node.clock_ms = passed
        return node.post(url, params, signature)

    cloud = Cloud(post, pass_ms=pass_ms)
    call = CloudCall(cloud, "+8613800000001")
    order(call)
    assert _orders(Office(world)) == 1


def _hear(call: CloudCall) -> None:
    """Listen long enough that keys answer what was said."""
    call.cloud.pass_ms(10_000 + SETTINGS.key_pause_s * 1000)


def _kept(kept: list[tuple[int, str]], answer: tuple[int, str]) -> tuple[int, str]:
    kept.append(answer)
    return answer


def _count(office: Office, table: type) -> int:
    with office.world.store.session() as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def _orders(office: Office) -> int:
    with office.world.store.session() as session:
        mine = select(func.count()).where(Order.call_id.startswith("tw-"))
        return session.execute(mine).scalar_one()


def _ended(office: Office, call: CloudCall) -> str:
    with office.world.store.session() as session:
        return session.execute(select(Call.end_cause).where(Call.id == f"tw-{call.sid}")).scalar_one()
