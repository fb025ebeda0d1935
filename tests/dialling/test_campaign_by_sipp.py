"""A whole campaign over real SIP: SIPp is two hundred retailers, the node dials, orders are in the sales database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from admin.bootstrap import Node, load_demo_data, open_database, prepare_folder, prompt_store, running, the_wording
from admin.calling_out import calling_rules
from admin.config import Config
from orders.calling.campaigns import Wish, make, move
from orders.calling.planning import Filters
from orders.connectors.sql_tables import SalesOrderRow
from orders.demo import FILLERS
from orders.models import (
    Batch,
    CallAttempt,
    CallbackRequest,
    CallConsent,
    CampaignTarget,
    Order,
    Phone,
    Retailer,
    SuspensionNotice,
)
from orders.store import Store, open_store
from tests.dialling.sipp_retailers import answers, errors, never_answers, refuses, retailers
from tests.lines.asterisk.pbx import running_pbx
from tests.lines.sipp import peer
from tests.sipp.placed import free_tcp_port, noon_somewhere

BEHAVIOURS = {
    "[02468]0": answers("1", "1234#", "1", "1", hangs_up=True),
    "[13579]0": answers("1", "1234#", "101#", "5#", "#", "1", hangs_up=True),
    "1": refuses("486 Busy Here"),
    "2": never_answers(),
    "3": answers(hangs_up=False),
    "4": refuses("603 Decline"),
    "5": answers("2", hangs_up=False),
    "6": answers("3", hangs_up=False),
    "7": refuses("404 Not Found"),
    "8": answers("0", "1", hangs_up=False),
    "9": answers("1", "1234#", hangs_up=True),
}
OUTCOMES = {
    "0": "ordered",
    "1": "busy",
    "2": "no_answer",
    "3": "no_key",
    "4": "declined",
    "5": "asked_later",
    "6": "opted_out",
    "7": "bad_number",
    "8": "wants_agent",
    "9": "not_ordered",
}


def by_trunk(port: int) -> dict[str, object]:
    """The direct SIP line, with a trunk at this port."""
    return {"sip": {"port": free_tcp_port(), "outbound": f"127.0.0.1:{port}", "dead_after_s": 90}}


@contextmanager
def calling(folder: Path, line: dict[str, object], **campaigns: object) -> Iterator[Node]:
    """A whole node that calls out by this line; everybody of the demo may be called and orders today."""
    config = Config(  # type: ignore[arg-type]
        data=str(folder / "data"),
        timezone=noon_somewhere(),
        web={"port": free_tcp_port()},
        media={"first_port": 24_000, "last_port": 24_998},
        dialogue={"first_key_ms": 1500},
        campaigns={
            "enabled": True, "ports": 100, "most": 30, "starts_per_s": 6, "ring_s": 5, "windows": ("00:00-23:59",),
            "callback_number": "95001", "retry": {"most": 1}, **campaigns,
        },
        **line,
    )  # fmt: skip
    prepare_folder(config)
    store = open_database(config)
    load_demo_data(config, store)
    with store.transaction() as session:
        session.execute(delete(SuspensionNotice))
        daily = session.scalars(select(Batch.id).where(Batch.code == "daily")).one()
        session.execute(update(Retailer).values(batch_id=daily))
    wording = the_wording()
    with running(Node(config, store, wording, prompt_store(config, wording))) as node:
        yield node


def begin(node: Node, licences: tuple[str, ...]) -> int:
    """A campaign for these retailers, begun."""
    rules, now = calling_rules(node.config), datetime.now(UTC)
    ends = now.astimezone(rules.zone).replace(hour=23, minute=50)
    wish = Wish("reminder", "by SIPp", ends.date(), now, ends, Filters(licences=licences))
    with node.store.transaction() as session:
        number = make(session, wish, rules, "test", now).id
        move(session, number, "start", "test", now)
    return number


def fillers(store: Store, many: int) -> tuple[str, ...]:
    """So many of the demo's nameless retailers."""
    with store.session() as session:
        query = select(Retailer.licence_no).join(Phone).where(Phone.number.startswith("135"), Phone.kind == "primary")
        return tuple(session.scalars(query.order_by(Phone.number).limit(many)))


def until(happened: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "not within its time"
        time.sleep(0.2)


def over(store: Store, calls: int) -> bool:
    """Whether so many calls have come to their end."""
    with store.session() as session:
        return (session.scalar(select(func.count()).where(CallAttempt.outcome != "")) or 0) >= calls


def outcomes(store: Store) -> Mapping[str, list[str]]:
    """Outcomes of all calls by the last digit of their number."""
    found: dict[str, list[str]] = {}
    with store.session() as session:
        for number, outcome in session.execute(select(CallAttempt.number, CallAttempt.outcome)):
            found.setdefault(number[-1], []).append(outcome)
    return found


def sold(node: Node) -> set[str]:
    """Keys of the orders that are in the sales database."""
    store = open_store(node.config.sales_url())
    try:
        with store.session() as session:
            return set(session.scalars(select(SalesOrderRow.order_key)))
    finally:
        store.close()


def ordered(store: Store) -> set[str]:
    """Keys of the orders that came of our calls."""
    with store.session() as session:
        query = select(Order.order_key).join(CallAttempt, CallAttempt.call_id == Order.call_id)
        return set(session.scalars(query))


@pytest.mark.peer("sipp")
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("many", [10, FILLERS], ids=["a handful", "two hundred"])
def test_every_retailer_gets_its_one_call_and_its_outcome(tmp_path: Path, many: int) -> None:
    with retailers(BEHAVIOURS, tmp_path, 300) as trunk, calling(tmp_path, by_trunk(trunk)) as node:
        everybody_is_called(node, many, tmp_path)


@pytest.mark.peer("sipp")
@pytest.mark.peer("asterisk")
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_same_through_asterisk(tmp_path: Path) -> None:
    with running_pbx(tmp_path / "pbx") as pbx, retailers(BEHAVIOURS, tmp_path, 200, pbx.trunk_port):
        ari = {"enabled": True, "url": pbx.url, "password": pbx.password, "caller_id": "95001"}
        with calling(tmp_path, {"sip": {"enabled": False}, "asterisk": ari}) as node:
            line = node.asterisk
            assert line is not None
            until(lambda: line.health().state == "up", 20)
            everybody_is_called(node, 20, tmp_path)
            with node.store.session() as session:
                rang = select(func.count()).where(CallAttempt.rang_at < CallAttempt.ended_at)
                # Busy and declined are known at once, the number that is none too; all others rang before.
                assert (session.scalar(rang) or 0) >= 14


def everybody_is_called(node: Node, many: int, folder: Path) -> None:
    """So many are called, each once; what came of it is right on both sides of the hand-over."""
    campaign = begin(node, fillers(node.store, many))
    until(lambda: over(node.store, many), 60 + many)
    assert {digit: set(found) for digit, found in outcomes(node.store).items()} == {
        digit: {outcome} for digit, outcome in OUTCOMES.items()
    }, errors(folder)
    with node.store.session() as session:
        calls = Counter(session.scalars(select(CallAttempt.number)))
        refused = session.scalar(select(func.count()).where(CallConsent.proof.startswith("keyed on call")))
        callbacks = session.scalar(select(func.count()).where(CallbackRequest.reason == "asked"))
        left = select(CampaignTarget.reason).where(CampaignTarget.state != "done")
        assert set(session.scalars(left.where(CampaignTarget.campaign_id == campaign))) == {"asked_later"}
    assert set(calls.values()) == {1}
    assert (len(calls), refused, callbacks) == (many, many // 10, many // 10)
    expected = ordered(node.store)
    assert len(expected) == many // 10
    until(lambda: expected <= sold(node), 20)


@pytest.mark.peer("sipp")
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_next_try_goes_to_the_backup_phone(tmp_path: Path) -> None:
    busy_then_orders = {"135000000.0": refuses("486 Busy Here"), "136000000.0": BEHAVIOURS["[02468]0"]}
    retry = {"retry": {"most": 2, "busy": 1}, "spacing_min": 1}
    with retailers(busy_then_orders, tmp_path, 120) as trunk, calling(tmp_path, by_trunk(trunk), **retry) as node:
        campaign = begin(node, fillers(node.store, 1))
        until(lambda: over(node.store, 1), 20)
        with node.store.transaction() as session:
            # A minute passes: what was, lies so much further back.
            back = timedelta(seconds=61)
            attempt = session.scalars(select(CallAttempt)).one()
            attempt.began_at, attempt.rang_at = attempt.began_at - back, attempt.began_at - back
            target = session.scalars(select(CampaignTarget).where(CampaignTarget.campaign_id == campaign)).one()
            target.next_attempt_at -= back
        until(lambda: over(node.store, 2), 40)
        assert outcomes(node.store) == {"0": ["busy", "ordered"]}


@pytest.mark.peer("sipp")
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_retailer_who_calls_is_refused_while_reminders_take_every_line_they_may(tmp_path: Path) -> None:
    """Six lines, half of them kept for retailers who call: three of those call at once, again and again."""
    silent = {"[0-9]": answers(hangs_up=False)}
    half = {"ports": 6, "most": 6, "starts_per_s": 20, "reserve": 0.5, "reserve_at_cutoff": 0.5}
    with retailers(silent, tmp_path, 200) as trunk:
        line = {"sip": {"port": free_tcp_port(), "outbound": f"127.0.0.1:{trunk}", "max_calls": 6}}
        with calling(tmp_path, line, **half) as node:
            begin(node, fillers(node.store, 6))
            until(lambda: node.sip.live_calls() == 3, 20)
            callers = tmp_path / "callers"
            callers.mkdir()
            peer.run("plain", callers, node.config.sip.port, "-l", "3", "-r", "3", calls=60, within_s=90)
            until(lambda: over(node.store, 6), 90)
            assert set(outcomes_of_all(node.store)) == {"no_key"}


def outcomes_of_all(store: Store) -> list[str]:
    with store.session() as session:
        return list(session.scalars(select(CallAttempt.outcome)))
