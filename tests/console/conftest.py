"""The console over a real database with the demo data, and one person of each role; no socket, a clock of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from admin.staff.accounts import add_user
from admin.staff.permissions import ROLES
from admin.staff.second_factor import SecretBox
from admin.staff.signing_in import SigningIn
from admin.web.app import create_app
from admin.web.console.parts import ConsoleParts
from admin.web.queries import LineStatus, StoreQueries
from admin.web.settings import WebSettings
from ivr.dialogue import events as told
from ivr.lines.browser import BrowserLine
from ivr.lines.browser_terms import BrowserSettings
from ivr.runner import Runner
from orders.demo import load_demo
from orders.migrations import upgrade
from orders.models import AuditEntry, Call, StaffUser
from orders.order_desk import DomainOrderDesk
from orders.store import Store, open_store
from speech.wording import Wording

LINES = (LineStatus("twilio", "up", "+862700000000", 0, refused=2),)
KEY = b"console-tests-console-tests-console-tests"
PASSWORD = "a sentence to remember"
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, a Monday."""

CSRF = re.compile(r'name="csrf(?:_|-)token" (?:value|content)="([^"]+)"')


@dataclass
class Clock:
    """Stands until it is moved."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


@dataclass
class Console:
    """The application, its store and clock; `woken` counts how often the dispatcher was told of an order."""

    app: Flask
    store: Store
    clock: Clock
    signing_in: SigningIn
    woken: list[None] = field(default_factory=list)

    def browser(self) -> Browser:
        return Browser(self.app.test_client())

    def as_(self, name: str) -> Browser:
        """A browser in which this person has signed in."""
        browser = self.browser()
        answer = browser.post("/sign-in", {"name": name, "password": PASSWORD}, page="/sign-in")
        assert answer.status_code == 303, answer.text
        return browser


class Browser:
    """Navigates as a browser does: asks for pages, sends forms with the token of the page it is on."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, headers={"Accept": "text/html"})

    def post(self, path: str, form: dict[str, object] | None = None, *, page: str = "/account") -> TestResponse:
        found = CSRF.search(self.get(page).text)
        assert found, f"no CSRF token on {page}"
        return self.client.post(path, data={"csrf_token": found[1], **(form or {})}, headers={"Accept": "text/html"})


def noted(console: Console) -> list[tuple[str, str, str]]:
    """What the audit has besides signing in."""
    with console.store.session() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.at == NOON).order_by(AuditEntry.id))
        ours = [entry for entry in entries if entry.actor != "tests" and entry.what != "signed_in"]
        return [(entry.actor, entry.what, entry.detail) for entry in ours]


def call(console: Console, name: str, phone: str, keys: str, *, ends: bool = False) -> None:
    """Somebody calls, hears each prompt to its end, and keys; the call goes on unless it ends."""
    desk = DomainOrderDesk(KEY, now=console.clock)
    runner = Runner(console.store, desk, node="n", boot="b", now=console.clock)
    runner.handle(name, told.CallArrived(phone, "95001", "sip"))
    for number, key in enumerate(keys):
        with console.store.session() as session:
            generation = json.loads(session.get_one(Call, name).state)["generation"]
        runner.handle(name, told.PromptsEnded(generation))
        runner.handle(name, told.KeyPressed(key, number * 400, 2500))
    if ends:
        runner.handle(name, told.LineLost("caller_hung_up"))


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("console") / "demo.db"
    store = open_store(f"sqlite:///{path}")
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, NOON.date(), KEY)
        for role in ROLES:
            limits = {role: 50 if role == "approver" else None}
            add_user(session, role, role, limits, actor="tests", now=NOON, password=PASSWORD, language="en")
        for user in session.query(StaffUser):
            user.must_change = False
    with store.engine.connect() as connection:
        connection.rollback()
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    store.close()
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_console(demo_database: Path, tmp_path: Path, clock: Clock, wording: Wording) -> Iterator[OpenConsole]:
    path = tmp_path / "orders.db"
    path.write_bytes(demo_database.read_bytes())
    store = open_store(f"sqlite:///{path}")

    def opened(settings: WebSettings | None = None, *, second_factor_for_all: bool = False) -> Console:
        signing_in = SigningIn(store, SecretBox(KEY), second_factor_for_all=second_factor_for_all, now=clock)
        desk = DomainOrderDesk(KEY, now=clock)
        woken: list[None] = []
        parts = ConsoleParts(store, signing_in, desk, wording, KEY, lambda: LINES, lambda: woken.append(None), clock)
        app = create_app(
            settings or WebSettings(),
            browser_line=BrowserLine(BrowserSettings(), lambda *_: None),
            queries=StoreQueries(store, tuple),
            clip_file=lambda _: None,
            now=clock,
            console=parts,
        )
        return Console(app, store, clock, signing_in, woken)

    yield opened
    store.close()


OpenConsole = Callable[..., Console]


@pytest.fixture
def console(open_console: OpenConsole) -> Console:
    return open_console()
