"""A web server with a scripted conversation behind it, and real Chromium in front; both on loopback only."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from admin.web.app import create_app
from admin.web.queries import Handover, Status
from admin.web.server import WebServer
from admin.web.settings import SuggestedCaller, WebSettings
from tests import peers
from tests.web.scripted import Conversation

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SUGGESTED = (
    SuggestedCaller("13800000001", "阳光便利店 · 上次订货可照旧", "Sunshine Store · usual basket"),
    SuggestedCaller("13800000002", "三家店共用的号码", "Number shared by three shops"),
    SuggestedCaller("13800000003", "所在片区因天气暂停", "Area suspended by weather"),
    SuggestedCaller("13800000005", "英文服务", "Speaks English"),
    SuggestedCaller("", "隐藏号码：输入许可证", "Withheld: enter the licence"),
)
SETTINGS = WebSettings(port=0, suggested_callers=SUGGESTED, demo_pin="1234", calls_per_minute=1000)
EMPTY = Status((), (), 0, (), 0, (), 0, Handover(True, "", 0, 0, 0, None))
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@dataclasses.dataclass
class FixedQueries:
    """Answers with the status it holds, or raises what it holds."""

    held: Status | Exception = EMPTY

    def status(self, day_began: datetime) -> Status:
        assert day_began == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
        if isinstance(self.held, Exception):
            raise self.held
        return self.held


@dataclasses.dataclass
class Site:
    """A running site: its address, what is said and heard, what the status page will show."""

    address: str
    conversation: Conversation
    queries: FixedQueries


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path)


@pytest.fixture
def queries() -> FixedQueries:
    return FixedQueries()


@pytest.fixture
def site(conversation: Conversation, queries: FixedQueries) -> Iterator[Site]:
    line = conversation.open_line()
    app = create_app(SETTINGS, browser_line=line, queries=queries, clip_file=conversation.clip_file, now=lambda: NOON)
    server = WebServer(app, SETTINGS)
    line.start()
    server.start()
    yield Site(server.address, conversation, queries)
    line.stop()
    server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one module: while it is there, Playwright's own event loop runs in this thread."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only where Chromium is)

    quiet = ("gpu", "quic", "background-networking", "component-update", "sync", "default-apps", "extensions")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(peers.require("chromium")["chromium"]),
            args=["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{part}" for part in quiet)],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that may reach only this machine; faults of its scripts and what its policy refuses are failures."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    troubles: list[str] = []
    context.route(re.compile(r"^(?!http://127\.0\.0\.1:)"), lambda route: route.abort())
    opened = context.new_page()
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
    yield opened
    context.close()
    assert troubles == []
