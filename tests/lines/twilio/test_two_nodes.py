"""Nodes that are killed (SIGKILL) while a retailer orders: it hears what it would have heard, and orders once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.postgres_cluster import cluster
from tests.lines.twilio.cloud import CloudCall
from tests.lines.twilio.two_nodes import Site

KEYS = ("1", "1234#", "1", "101#", "10#", "#", "1")
"""Order by code: shop, PIN, order, article, quantity, done, confirm."""

CALLER = "+8613800000007"
KILLED_TIMES = 3


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with cluster() as url:
        site = Site(tmp_path, url)
        yield site
        site.close()


@pytest.mark.peer("postgres")
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_between_any_two_webhooks(site: Site) -> None:
    """Before each webhook the node that answered the last one is killed; meanwhile it is started again."""
    site.start("a")
    site.start("b")

    def kill() -> None:
        last = site.answered[-1]
        other = "b" if last == "a" else "a"
        if not site.alive(other):
            site.start(other)
        site.kill(last)

    call, heard = _order(site, KEYS, kill)
    assert len(site.order_lines(call)) == 1
    assert site.ended(call) == "caller_hung_up"
    assert set(site.answered) == {"a", "b"}
    # The same order once more, undisturbed: that it is the day's second one is asked on top, and said in the total.
    again, undisturbed = _order(site, (*KEYS[:3], "1", *KEYS[3:]), lambda: None)
    assert len(site.order_lines(again)) == 1
    assert heard[3:5] == undisturbed[4:6]
    assert heard[:2] == undisturbed[:2]


@pytest.mark.peer("postgres")
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_in_the_middle_of_a_webhook(site: Site) -> None:
    """The balancer hands the webhook to the other node, whatever the dead one had stored of it."""
    chance = random.Random(8)
    site.start("a")
    site.start("b")
    call = CloudCall(site.cloud, CALLER)
    call.dial()
    for number, keys in enumerate(KEYS[:-1]):
        site.listen()
        call.press(keys)
        first = "a" if site.alive("a") else "b"
        if number < KILLED_TIMES:
            timer = site.kill_soon(first, chance.uniform(0.0, 0.03))
            call.pause()
            timer.join()
            site.start(first)
        else:
            call.pause()
    site.listen()
    call.press(KEYS[-1])
    call.pause()
    assert len(site.order_lines(call)) == 1


def _order(site: Site, keys: tuple[str, ...], between: Callable[[], None]) -> tuple[CloudCall, list[list[str]]]:
    """The call, and what was heard after each of its keys."""
    call = CloudCall(site.cloud, CALLER)
    call.dial()
    heard = []
    for pressed in keys:
        site.listen()
        between()
        call.press(pressed)
        call.pause()
        heard.append(site.heard(call))
    call.hang_up()
    return call, heard
