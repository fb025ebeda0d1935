"""`orderline serve`: all parts under one command, and the demonstration call that shows they work."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import time
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import select

from admin.bootstrap import Node, running
from admin.cli.configured import configured
from admin.config import Config
from admin.logs import set_up_logging
from admin.opening import (
    StartError,
    common_prompts,
    languages_of,
    load_demo_data,
    open_database,
    prepare_folder,
    prompt_store,
    the_wording,
)
from ivr.caller import CallOutcome, CallPlan, Moment, place_call
from orders.connectors.port import Unreachable
from orders.demo import DEMO_PIN
from orders.identification import normalised
from orders.models import Order, Phone, Retailer
from orders.store import Store
from speech.prompt_store import PromptStore
from speech.voices.port import VoiceMissing
from speech.wording import Wording

HANDED_OVER_WITHIN_S = 15.0


@click.command()
@click.option("--demo", is_flag=True, help="Load demo data into an empty database and place one real call to itself.")
@click.option(
    "--once", is_flag=True, help="End after the demonstration call: exit 0 only if its order is in the sales database."
)
@configured
def serve(config: Config, demo: bool, once: bool) -> None:
    """Start the order line: SIP, browser phone, console, hand-over to the sales system.

    \b
    Examples:
      orderline serve --demo          try it: demo data, one demonstration call, stays up
      orderline serve --demo --once   the same, then ends; for scripts and CI
      orderline --config shop.toml serve

    Listens on this machine only unless the configuration says otherwise. Ctrl-C ends calls in progress and stops.
    """
    console = Console(highlight=False)
    set_up_logging(config.log)
    try:
        prepare_folder(config)
        store = open_database(config)
        if demo and (written := load_demo_data(config, store)):
            console.print(f"demo data: {written} retailers, PIN 1234 for each")
        wording = the_wording()
        prompts = prompt_store(config, wording)
        _render(console, config, store, wording, prompts)
        with running(Node(config, store, wording, prompts)) as node:
            _announce(console, node)
            # What has been made until now lives as long as the node: it is not looked through for garbage in mid-call.
            gc.collect()
            gc.freeze()
            arrived = _demonstrate(console, node) if demo or once else True
            if once:
                sys.exit(0 if arrived else 1)
            console.print("\nThe line is up. Ctrl-C stops it.")
            _wait_for_the_end()
    except (StartError, VoiceMissing) as error:
        raise click.ClickException(str(error)) from error


def _render(console: Console, config: Config, store: Store, wording: Wording, prompts: PromptStore) -> None:
    """Render what will be said most, so that the first caller does not wait for it."""
    wanted = list(common_prompts(store, wording, languages_of(config)))
    columns = (TextColumn("prompts"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task("prompts", total=len(wanted))
        try:
            prompts.warm(wanted, lambda _: progress.advance(task))
        except OSError as error:
            raise StartError(
                f"prompts can't be kept in {config.prompt_folder()} ({error.strerror}): free space"
            ) from error
    console.print(f"prompts: {len(wanted)} ready in {config.prompt_folder()}")


def _announce(console: Console, node: Node) -> None:
    sip = node.config.sip
    if sip.enabled:
        console.print(f"SIP line:      sip:{sip.host}:{sip.port}")
    if node.has_phone:
        console.print(f"browser phone: {node.web.address}phone")
    console.print(f"status page:   {node.web.address}")
    console.print(f"console:       {node.web.address}console")
    if node.nobody_may_sign_in():
        console.print("               nobody may sign in yet: orderline users add NAME --role administrator")


def _demonstrate(console: Console, node: Node) -> bool:
    """Place the demonstration call; whether its order arrived in the sales database."""
    demo, sip = node.config.demo, node.config.sip
    console.print(f"\nA demonstration call from {demo.caller}, by real SIP:")
    plan = CallPlan(
        to=f"sip:{demo.called}@{sip.host}:{sip.port}",
        caller=demo.caller,
        keys=_demo_keys(node),
        prompts=node.config.prompt_folder(),
        listen_s=7.0,
    )
    outcome = asyncio.run(place_call(plan, lambda moment: console.print(_shown(moment))))
    return _show_order(console, node, outcome)


def _demo_keys(node: Node) -> str:
    """The keys of the demonstration. On a day on which its caller has ordered or left a draft, menus ask more."""
    demo = node.config.demo
    with node.store.session() as session:
        cards = node.desk.retailers_by_phone(session, demo.caller)
        standing = node.desk.standing(session, cards[0].retailer_id, datetime.now(UTC)) if cards else None
    identified, _, order = demo.keys.partition(f" {DEMO_PIN}# 1")
    if standing is None or not order:
        return demo.keys
    more = " 2" if standing.draft else " 1" if standing.placed else ""
    return f"{identified} {DEMO_PIN}# 1{more}{order}"


def _shown(moment: Moment) -> str:
    _, _, words = moment.detail.partition("  ")
    return f"  {moment.at_ms / 1000:5.1f} s  {moment.what:9} {words or moment.detail}"


def _show_order(console: Console, node: Node, outcome: CallOutcome) -> bool:
    if not outcome.order_tail:
        console.print(f"No order number was heard: {outcome.cause}.")
        return False
    deadline = time.monotonic() + HANDED_OVER_WITHIN_S
    while not (rows := _sold(node, outcome.order_tail)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if not rows:
        console.print(f"Order {outcome.order_tail} has not reached the sales database: see the log above.")
        return False
    console.print("\nThe order as it stands in the sales database:")
    for line in rows:
        console.print(f"  {line}")
    return True


def _sold(node: Node, tail: str) -> list[str]:
    """The demonstration's order as the sales system holds it under its key, as text lines; [] while it is not there."""
    caller = normalised(node.config.demo.caller)
    with node.store.session() as session:
        ours = session.scalar(
            select(Order)
            .join(Phone, Phone.retailer_id == Order.retailer_id)
            .where(Phone.number == caller, Order.order_no.endswith(tail))
            .order_by(Order.id.desc())
            .limit(1)
        )
        if ours is None:
            return []
        retailer = session.get_one(Retailer, ours.retailer_id)
    try:
        held = [one for one in node.sales.held(ours.order_day.isoformat()) if one.order_key == ours.order_key]
    except Unreachable:
        return []
    lines = [
        f"  {line.article_code} × {line.accepted}  at {line.price_fen / 100:.2f}" for one in held for line in one.lines
    ]
    who = f"{retailer.name_zh} ({retailer.licence_no})"
    heads = [f"{ours.order_no}  {who}  {one.amount_fen / 100:.2f} yuan  key {one.order_key}" for one in held]
    return [*heads, *lines]


def _wait_for_the_end() -> None:
    ended = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda _number, _frame: ended.set())
    while not ended.wait(1.0):
        continue
