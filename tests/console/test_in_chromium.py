"""The console as people use it: real Chromium, server and database; by keyboard, wide and narrow, both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from admin.staff.accounts import change_user
from admin.staff.permissions import ROLES
from admin.web.server import WebServer
from admin.web.settings import WebSettings
from ivr.dialogue import events as told
from ivr.runner import Runner
from orders.models import Order
from orders.order_desk import DomainOrderDesk
from tests.console.conftest import KEY, NOON, PASSWORD, Console, OpenConsole, call
from tests.web.conftest import chromium, page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["chromium", "page"]
pytestmark = [pytest.mark.peer("chromium"), pytest.mark.xdist_group("chromium")]

PAGES = (
    "/live",
    "/live/calls/c1",
    "/desk",
    "/desk/1",
    "/callbacks",
    "/retailers",
    "/retailers/1",
    "/retailers/new",
    "/orders",
    "/goods",
    "/goods/101",
    "/allocation",
    "/days",
    "/imports",
    "/pictures",
    "/audit",
    "/users",
    "/users/agent",
    "/tokens",
    "/account",
    "/account/second-factor",
)


@dataclass
class Served:
    """A running console, and the address of its first page."""

    console: Console
    address: str

    def call(self, keys: str) -> None:
        """Somebody calls and keys; the call goes on."""
        call(self.console, "c1", "13800000001", keys)


@pytest.fixture
def served(open_console: OpenConsole) -> Iterator[Served]:
    settings = WebSettings(port=0)
    console = open_console(settings)
    with console.store.transaction() as session:
        everything = dict.fromkeys(ROLES)
        now = datetime.now(UTC)
        change_user(session, "administrator", full_name="王", roles=everything, manager="", actor="tests", now=now)
    server = WebServer(console.app, settings)
    server.start()
    yield Served(console, server.address.rstrip("/"))
    server.stop()


def sign_in(served: Served, page: Page, language: str = "en") -> None:
    page.goto(f"{served.address}/sign-in?lang={language}")
    page.wait_for_selector("[name=name]:focus")
    page.keyboard.type("administrator")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/live")


@pytest.mark.slow
@pytest.mark.parametrize(("language", "width"), [("zh", 1440), ("en", 1440), ("zh", 390), ("en", 390)])
def test_every_page_fits_and_is_accessible(served: Served, page: Page, language: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 (only where Chromium is)

    served.call("11234#13205#5#")
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(served, page, language)
    wrong: dict[str, object] = {}
    for path in PAGES:
        answer = page.goto(f"{served.address}{path}")
        assert answer
        assert answer.status == 200, path
        found = Axe().run(page).response["violations"]
        rules = {rule["id"]: [node["html"][:150] for node in rule["nodes"][:2]] for rule in found}
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            rules["wider than the screen"] = []
        if rules:
            wrong[path] = rules
    assert wrong == {}


def test_a_whole_order_by_keyboard_alone(served: Served, page: Page) -> None:
    sign_in(served, page)
    page.goto(f"{served.address}/desk/1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".entry")
    page.keyboard.type("101\n10\n")
    page.wait_for_selector("text=10 cartons noted")
    page.keyboard.type("205\n5\n")
    page.wait_for_selector("text=at most 2 cartons")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=2 cartons noted")
    page.keyboard.type("318\n4\n")
    page.wait_for_selector("text=out of stock")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=2 kinds, 12 cartons, 2340.00 yuan in all")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/*")
    with served.console.store.session() as session:
        order = session.scalars(select(Order).order_by(Order.id.desc())).first()
        assert order is not None
        assert [(line.article_code, line.accepted) for line in order.lines] == [("101", 10), ("205", 2)]
    assert page.url.endswith(order.order_no)
    assert len(served.console.woken) == 1


def test_the_live_view_shows_a_call_as_it_comes_and_its_words_as_they_grow(served: Served, page: Page) -> None:
    sign_in(served, page)
    assert page.locator("text=Nobody is calling").count() == 1
    served.call("11234#")
    page.get_by_role("link", name="Follow").click()
    page.wait_for_selector("text=●●●●#")
    said = page.locator(".said").count()
    runner = Runner(
        served.console.store, DomainOrderDesk(KEY, now=served.console.clock), node="n", boot="b", now=lambda: NOON
    )
    runner.handle("c1", told.KeyPressed("1", 9000, 2500))
    page.locator(".said").nth(said).wait_for()


def test_the_draft_that_somebody_takes_is_seen_at_once(served: Served, page: Page) -> None:
    sign_in(served, page)
    page.goto(f"{served.address}/desk/1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".entry")
    other = served.console.as_("supervisor")
    other.post("/desk/1/take", {"take_over": "1"}, page="/desk/1")
    page.keyboard.type("101\n10\n")
    page.wait_for_selector("text=Somebody else has taken the draft")
    assert page.get_by_role("button", name="Take it over").count() == 1


def test_a_retailer_is_found_and_changed_and_the_audit_says_so(served: Served, page: Page) -> None:
    sign_in(served, page, "zh")
    page.keyboard.press("Alt+f")
    page.locator("#find").press_sequentially("ygbl")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/retailers/1$"))
    page.get_by_label("档位").select_option("B")
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_selector("text=已保存")
    assert page.locator("text=grade: A → B").count() == 1


def test_what_is_typed_into_a_name_runs_nowhere(served: Served, page: Page) -> None:
    sign_in(served, page)
    page.goto(f"{served.address}/retailers/1")
    page.get_by_label("Shop name").fill("<img src=x onerror=document.title='hit'>")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_selector("text=Saved")
    for path in ("/retailers", "/retailers/1", "/desk/1", "/audit"):
        page.goto(f"{served.address}{path}")
        assert "hit" not in page.title()
        assert page.locator("img[src=x]").count() == 0
