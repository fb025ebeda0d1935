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
from typing import Literal, TypeVar, get_args

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from admin.calling_out import CampaignCare, calling_desk, dialler_of
from admin.config import Config, ConfigError
from admin.config_settings import (
    asterisk_settings,
    basket_rules,
    media_settings,
    pyvoip_settings,
    sip_settings,
    twilio_settings,
    web_settings,
)
from admin.housekeeping import add_sweeping
from admin.logs import set_up_logging
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
from orders.demo import DEMO_PIN, load_demo
from orders.dispatcher import Dispatcher
from orders.handing_over import HandOver
from orders.migrations import current, head, upgrade
from orders.models import Article
from orders.order_desk import DomainOrderDesk
from orders.store import Store, StoreError, explain, open_store
from orders.values import Language
from speech.prompt import Prompt, prompt
from speech.prompt_store import PromptStore
from speech.voices.espeak import EspeakVoice
from speech.voices.port import Pace
from speech.wording import Wording, load_wording

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
SWITCH_S = 0.00005


class StartError(RuntimeError):
    """The order line can't start; the message says what to do."""


def prepare_folder(config: Config) -> None:
    """Make the data folder. Raises StartError."""
    try:
        config.data_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the data folder {config.data_folder} can't be made ({error.strerror})"
        raise StartError(f"{problem}: change data or its permissions") from error


def pin_key(config: Config) -> bytes:
    """The key under which PINs are hashed; made at first use, mode 600. Raises StartError."""
    given = config.orders.pin_key.get_secret_value()
    return given.encode() if given else _key_in(config.pin_key_file(), "PIN key", "no PIN fits")


def console_key(config: Config) -> bytes:
    """What the console's cookies and second factors are protected by; made at first use. Raises StartError."""
    given = config.web.key.get_secret_value()
    return given.encode() if given else _key_in(config.console_key_file(), "console key", "no second factor fits")


def _key_in(path: Path, what: str, else_: str) -> bytes:
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"the {what} {path} can't be used ({error}): restore it, or {else_}") from error
    if len(key) < 32:
        raise StartError(f"the {what} {path} is damaged: restore it from the backup, for without it {else_}")
    return key.encode()


def open_database(config: Config) -> Store:
    """The store, its schema brought up to this version's: for those who own the database. Raises StartError."""
    return _opened(config, upgrade)


def look_into_database(config: Config) -> Store:
    """The store as it is, for commands beside a running line: a schema of another version is refused, not changed.

    Raises StartError.
    """
    return _opened(config, _refuse_other_schema)


def _opened(config: Config, prepare: Callable[[Store], None]) -> Store:
    try:
        store = open_store(config.database_url(), pool_size=config.database.pool_size)
        prepare(store)
    except (StoreError, ConfigError) as error:
        raise StartError(str(error)) from error
    except SQLAlchemyError as error:
        raise StartError(f"the database can't be used: {explain(error)}") from error
    return store


def _refuse_other_schema(store: Store) -> None:
    at, newest = current(store), head()
    if at != newest:
        raise StoreError(
            f"the database is at schema {at or 'none'}, this version's is {newest}: "
            "`orderline serve` of this version brings it up to date; back it up before"
        )


def prompt_store(config: Config, wording: Wording) -> PromptStore:
    """Where prompts become audio."""
    return PromptStore(config.prompt_folder(), wording, EspeakVoice(), config.recordings_folder())


def common_prompts(
    store: Store, wording: Wording, languages: tuple[Language, ...]
) -> Iterator[tuple[Prompt, Language, Pace]]:
    """What is worth rendering before the first call: every prompt without values, and the question of each article."""
    with store.session() as session:
        articles = session.scalars(select(Article).where(Article.on_sale).order_by(Article.code)).all()
    for language in languages:
        for name in wording.names:
            if not wording.slots(name):
                yield prompt(name), language, "normal"
        for article in articles:
            said = article.name_zh if language == "zh" else article.name_en or article.name_zh
            yield prompt("quantity_wanted", article=said), language, "normal"


def console_parts(config: Config, store: Store, desk: DomainOrderDesk, wording: Wording) -> ConsoleParts:
    """What the operators' console works with. Raises StartError."""
    key = console_key(config)
    wanted = config.web.second_factor
    for_all = wanted == "all" or (wanted == "auto" and not config.is_local_only())
    signing_in = SigningIn(store, SecretBox(key), second_factor_for_all=for_all)
    return ConsoleParts(store, signing_in, desk, wording, key)


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
        self.twilio = self._twilio(cloud, wording) if cloud else None
        by_sip = self.sip if config.sip.enabled else None
        self.dialler = dialler_of(config, store, self.exchange, {"sip": by_sip, ASTERISK: self.asterisk})
        demo = self._is_demo()
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

    def _is_demo(self) -> bool:
        return (self.config.data_folder / DEMO_MARK).exists()


def _made(line: Result | None) -> Result:
    """A line that reports is there."""
    if line is None:
        raise AssertionError("only this line itself asks for it")
    return line


ASTERISK = "asterisk"
"""The line's name, which stands in every record of its calls."""

DEMO_MARK = "demo-data"
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


def load_demo_data(config: Config, store: Store) -> int:
    """Write the demo data if the database is empty; returns the number of retailers written. Raises StartError."""
    today = datetime.now(UTC).astimezone(config.zone()).date()
    try:
        with store.transaction() as session:
            written = load_demo(session, today, pin_key(config))
        if written:
            (config.data_folder / DEMO_MARK).touch()
    except (SQLAlchemyError, OSError) as error:
        raise StartError(f"the demo data can't be written: {explain(error)}") from error
    return written


@contextlib.contextmanager
def running(node: Node) -> Iterator[Node]:
    """A started node, stopped at the end whatever happens."""
    node.start()
    try:
        yield node
    finally:
        node.stop()


def languages_of(config: Config) -> tuple[Language, ...]:
    """The languages that are rendered beforehand."""
    known = get_args(Language)
    return tuple(language for language in config.speech.languages if language in known)


def the_wording() -> Wording:
    """The package's own wording. Raises StartError when a file was edited into something unreadable."""
    try:
        return load_wording()
    except (OSError, ValueError) as error:
        raise StartError(f"the wording can't be used: {error}") from error
