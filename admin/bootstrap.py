"""The one place that wires the parts together: configuration in, a node that takes calls out.

Nothing happens at import. What a part needs is handed to it here; what can't be started says so with what to do, and
what was started before is stopped again.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from admin.calling_out import CampaignCare, calling_desk, dialler_of
from admin.config import Config
from admin.config_settings import (
    asterisk_settings,
    basket_rules,
    fault_terms,
    media_settings,
    pyvoip_settings,
    sip_settings,
    twilio_settings,
    web_settings,
)
from admin.housekeeping import add_sweeping
from admin.line_care import LineCare, try_now
from admin.logs import set_up_logging
from admin.opening import StartError, console_key, is_demo, pin_key
from admin.sales_system import SalesCare, connector_of, parallel_of
from admin.staff.second_factor import SecretBox
from admin.staff.signing_in import SigningIn
from admin.twilio_line import TwilioSide
from admin.web.app import create_app
from admin.web.captions import Captions
from admin.web.console.parts import ConsoleParts
from admin.web.queries import LineStatus, StoreQueries
from admin.web.server import WebServer
from admin.web.settings import SuggestedCaller
from ivr.exchange import Exchange
from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.browser import BrowserLine
from ivr.lines.browser_terms import BrowserSettings
from ivr.lines.pyvoip.line import PyVoipLine
from ivr.lines.sip.line import SipLine
from ivr.lines.twilio.library import LibraryMissing
from ivr.lines.twilio.settings import LINE as TWILIO
from ivr.lines.twilio.settings import TwilioSettings
from ivr.media.client import MediaProcess
from ivr.media.port import StreamEvent
from ivr.runner import Runner
from ivr.settling import Settling
from ivr.stepping.client import StepProcess
from ivr.stepping.process import StepSettings
from orders.demo import DEMO_PIN
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.order_desk import DomainOrderDesk
from orders.store import Store, explain
from speech.prompt_store import PromptStore
from speech.wording import Wording

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
SWITCH_S = 0.00005


def console_parts(config: Config, store: Store, desk: DomainOrderDesk, wording: Wording) -> ConsoleParts:
    """What the operators' console works with. Raises StartError."""
    key = console_key(config)
    wanted = config.web.second_factor
    for_all = wanted == "all" or (wanted == "auto" and not config.is_local_only())
    signing_in = SigningIn(store, SecretBox(key), second_factor_for_all=for_all)
    return ConsoleParts(
        store,
        signing_in,
        desk,
        wording,
        key,
        try_line=lambda line, number: try_now(store, config, line, number, lambda: datetime.now(UTC)),
        terms=fault_terms(config),
    )


class Node:
    """One running order line: lines, media process, exchange, dispatcher, web side. Start it, stop it."""

    def __init__(self, config: Config, store: Store, wording: Wording, prompts: PromptStore) -> None:
        # First what the configuration may still refuse, for nothing has been opened yet.
        extension = pyvoip_settings(config)
        direct = sip_settings(config)
        gateway = asterisk_settings(config)
        cloud = twilio_settings(config)
        self.config = config
        self.store = store
        self.prompts = prompts
        self._started = ExitStack()
        self._boot = secrets.token_hex(8)
        self.sales = connector_of(config)
        hand_over = HandOver(store, self.sales, config.retry_schedule())
        self.schedule = BackgroundScheduler(timezone=config.zone())
        SalesCare(store, self.sales, config).add_to(self.schedule, config.sales)
        add_sweeping(self.schedule, prompts, config.speech.cache_mb)
        if config.campaigns.enabled:
            CampaignCare(store, calling_desk(config), config).add_to(self.schedule)
        self.dispatcher = Dispatcher(hand_over, node=config.node, parallel=parallel_of(config))
        self.desk = DomainOrderDesk(pin_key(config), config.zone(), basket_rules(config), calling=calling_desk(config))
        bound = frozenset({ASTERISK} if gateway else ())
        self.runner = Runner(
            store,
            self.desk,
            node=config.node,
            boot=self._boot,
            bound_lines=bound,
            roaming_lines=frozenset({TWILIO}),
        )
        logging = partial(set_up_logging, config.log)
        self.steps = StepProcess(
            StepSettings(config.database_url(), self.desk, config.node, self._boot, logging, bound_lines=bound)
        )
        self.exchange = Exchange(
            self.steps, prompts, dialogue=config.dialogue.settings(), order_placed=self.dispatcher.wake
        )
        self.media = MediaProcess(media_settings(config), self._media_heard)
        self.sip = SipLine(direct, self.media, self.exchange.events_of(lambda: self.sip))
        self.pyvoip = (
            PyVoipLine(extension, self.media, self.exchange.events_of(lambda: _made(self.pyvoip)))
            if extension
            else None
        )
        self.settling = Settling(self.runner, ASTERISK)
        reports = self.exchange.events_of(lambda: _made(self.asterisk))
        self.asterisk = AsteriskLine(gateway, reports, name=ASTERISK, settled=self.settling.settle) if gateway else None
        self.lines = LineCare(store, config, self.asterisk)
        self.lines.add_to(self.schedule)
        self.twilio = self._twilio(cloud, wording) if cloud else None
        by_sip = self.sip if config.sip.enabled else None
        self.dialler = dialler_of(config, store, self.exchange, {"sip": by_sip, ASTERISK: self.asterisk})
        demo = is_demo(config)
        web = web_settings(config, DEMO_CALLERS if demo else (), DEMO_PIN if demo else "")
        self.has_phone = web.phone
        self.browser = BrowserLine(
            BrowserSettings(most_calls=web.most_phone_calls),
            self.exchange.events_of(lambda: self.browser),
            written=Captions(wording),
        )
        queries = StoreQueries(store, self.line_states)
        console = replace(
            console_parts(config, store, self.desk, wording), lines=self.line_states, order_placed=self.dispatcher.wake
        )
        self.nobody_may_sign_in = console.signing_in.nobody_yet
        app = create_app(
            web,
            browser_line=self.browser,
            queries=queries,
            clip_file=self._clip_file,
            webhooks=self.twilio.webhooks if self.twilio else None,
            console=console,
        )
        self.web = WebServer(app, web)

    def start(self) -> None:
        """Start everything, calls last. Raises StartError; then nothing is left running."""
        # A thread that only computes (a report, an import) else keeps each step waiting 5 ms, several times over.
        sys.setswitchinterval(SWITCH_S)
        with ExitStack() as starting:
            starting.callback(self.store.close)
            ended = self._try("the database", self.runner.end_orphans)
            if ended:
                log.info("calls_of_an_earlier_run_ended", calls=ended)
            self._step(starting, "the sales dispatcher", self.dispatcher.start, self.dispatcher.stop)
            # After the schedule's end, so that no late look says that this node still lives.
            starting.callback(self.lines.stop)
            self._step(starting, "the schedule", self.schedule.start, self.schedule.shutdown)
            self._step(starting, "the step process", self.steps.start, self.steps.stop)
            self._step(starting, "the exchange", self.exchange.start, self.exchange.stop)
            if self.dialler:
                # What lines report at their end of calls that rang is noted when they have stopped.
                starting.callback(self.dialler.work_off)
            if self.config.sip.enabled or self.pyvoip:
                self._step(starting, "the media process", self.media.start, self.media.stop)
            if self.config.sip.enabled:
                self._step(starting, "the SIP line", self.sip.start, self.sip.stop)
            if self.pyvoip:
                self._step(starting, "the pyVoIP line", self.pyvoip.start, self.pyvoip.stop)
            if self.asterisk:
                starting.callback(self.settling.close)
                self._step(starting, "the Asterisk line", self.asterisk.start, self.asterisk.stop)
            if self.twilio:
                starting.callback(self.twilio.stop)
            if self.dialler:
                self._try("the database", self.dialler.reclaim)
                self._step(starting, "the dialler", self.dialler.start, self.dialler.stop)
            self._step(starting, "the web side", self.web.start, self.web.stop)
            self._step(starting, "the browser phone", self.browser.start, self.browser.stop)
            self._started = starting.pop_all()

    def stop(self) -> None:
        """End calls and stop, in the opposite order."""
        self._started.close()

    def _step(self, starting: ExitStack, what: str, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self._try(what, start)
        starting.callback(stop)

    def _try(self, what: str, work: Callable[[], Result]) -> Result:
        try:
            return work()
        except (OSError, RuntimeError, SQLAlchemyError) as error:
            reason = explain(error) if isinstance(error, SQLAlchemyError) else str(error)
            raise StartError(f"{what} does not start: {reason}") from error

    def line_states(self) -> tuple[LineStatus, ...]:
        """How this node's lines stand, for status pages."""
        sip = self.config.sip
        states = []
        if sip.enabled:
            address = f"sip:{sip.host}:{sip.port}"
            states.append(LineStatus("sip", "up", address, self.sip.live_calls()))
        if self.pyvoip:
            address = f"{self.config.pyvoip.registrar.user}@{self.config.pyvoip.registrar.server}"
            known = self.pyvoip.is_registered()
            states.append(LineStatus("pyvoip", "up" if known else "starting", address, self.pyvoip.live_calls()))
        if self.asterisk:
            health = self.asterisk.health()
            state: Literal["up", "starting"] = "up" if health.state == "up" else "starting"
            states.append(LineStatus(ASTERISK, state, self.config.asterisk.url, health.calls))
        if self.twilio:
            states.append(self.twilio.state())
        if self.has_phone:
            states.append(LineStatus("browser", "up", f"{self.web.address}phone", self.browser.live_calls()))
        return tuple(states)

    def _twilio(self, settings: TwilioSettings, wording: Wording) -> TwilioSide:
        try:
            side = TwilioSide(
                settings,
                self.store,
                self.steps,
                self.prompts,
                wording.written,
                self.exchange.events_of(lambda: _made(self.twilio).line),
                node=self.config.node,
                dialogue=self.config.dialogue.settings,
                order_placed=self.dispatcher.wake,
            )
        except LibraryMissing as error:
            raise StartError(str(error)) from error
        side.add_to(self.schedule)
        return side

    def _media_heard(self, stream: str, event: StreamEvent) -> None:
        """The media process is made before the lines; each of them knows its own streams."""
        self.sip.media_event(stream, event)
        if self.pyvoip:
            self.pyvoip.media_event(stream, event)

    def _clip_file(self, key: str) -> Path | None:
        return self.prompts.file(key)


def _made(line: Result | None) -> Result:
    """A line that reports is there."""
    if line is None:
        raise AssertionError("only this line itself asks for it")
    return line


ASTERISK = "asterisk"
"""The line's name, which stands in every record of its calls."""

DEMO_CALLERS = (
    SuggestedCaller("13800000001", "阳光便利店：常订篮五种二十条", "Sunshine Store: usual basket of five kinds"),
    SuggestedCaller(
        "13800000007", "新街口商行：没有常订篮，逐个输代码", "New Street Trading: no usual basket, by code"
    ),
    SuggestedCaller("13800000002", "三家店共用的号码", "a number shared by three shops"),
    SuggestedCaller("13800000003", "城东片区：因天气暂停订货", "East City: suspended because of the weather"),
    SuggestedCaller("13800000004", "今天不是订货日", "not due today"),
    SuggestedCaller("13800000005", "英语零售户", "an English-speaking retailer"),
    SuggestedCaller("13800000006", "弱势群体：慢速提示", "an assisted retailer: slower prompts"),
    SuggestedCaller("13800000008", "密码已锁定", "PIN locked"),
    SuggestedCaller("", "隐藏号码：输入许可证后六位", "withheld number: asked for the licence's last six"),
)


@contextlib.contextmanager
def running(node: Node) -> Iterator[Node]:
    """A started node, stopped at the end whatever happens."""
    node.start()
    try:
        yield node
    finally:
        node.stop()
