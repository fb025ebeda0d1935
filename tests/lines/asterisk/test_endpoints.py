"""Which trunks answer, at a scripted Asterisk: listed at the opening, kept by events, unknown while it is away."""

from __future__ import annotations

import json

from ivr.lines.asterisk.endpoints import EndpointWatch
from ivr.lines.asterisk.wire import ContactStatusChange, Endpoint, Reply
from tests.lines.asterisk.scripted import ScriptedAsterisk


def listing(**states: str) -> Reply:
    return Reply(200, json.dumps([{"technology": "PJSIP", "resource": name, "state": states[name]} for name in states]))


def change(name: str, state: str, technology: str = "PJSIP") -> ContactStatusChange:
    return ContactStatusChange(Endpoint(name, technology, state))


def test_subscribed_first_then_listed_then_by_events() -> None:
    asterisk = ScriptedAsterisk({"GET endpoints/PJSIP": listing(carrier="online", spare="offline")})
    watch = EndpointWatch(asterisk.ask)
    watch.opened("orderline-a")
    assert asterisk.lines() == [
        "POST applications/orderline-a/subscription?eventSource=endpoint%3APJSIP",
        "GET endpoints/PJSIP",
    ]
    watch.heard(change("carrier", "offline"))
    assert watch.states == {"carrier": "offline", "spare": "offline"}
    watch.heard(change("carrier", "online", "IAX2"))
    assert watch.states == {"carrier": "offline", "spare": "offline"}


def test_what_changed_in_a_gap_is_listed() -> None:
    asterisk = ScriptedAsterisk({"GET endpoints/PJSIP": listing(carrier="online")})
    watch = EndpointWatch(asterisk.ask)
    watch.opened("orderline-a")
    watch.closed()
    assert watch.states is None
    watch.heard(change("carrier", "online"))
    assert watch.states is None, "an event of the old connection tells nothing of the others"
    asterisk.answers["GET endpoints/PJSIP"] = listing(carrier="offline")
    watch.opened("orderline-a")
    assert watch.states == {"carrier": "offline"}


def test_none_configured_and_no_answer() -> None:
    asterisk = ScriptedAsterisk({"GET endpoints/PJSIP": Reply(404, '{"message": "No Endpoints found"}')})
    watch = EndpointWatch(asterisk.ask)
    watch.opened("orderline-a")
    assert watch.states == {}
    asterisk.answers["GET endpoints/PJSIP"] = Reply(0)
    watch.list_all()
    assert watch.states == {}, "what was known stays"
