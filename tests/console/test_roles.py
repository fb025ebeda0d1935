"""Every route × every role: who may open what, written down here once more so that a slip in the code is seen."""

from __future__ import annotations

import pytest
from flask import Flask

from admin.staff.permissions import ROLES
from tests.console.conftest import Browser, Console

EVERYBODY = frozenset(ROLES)
AGENTS = frozenset({"agent", "supervisor"})
CARE = frozenset({"customer_manager", "market_manager", "information_centre"})
CENTRE = frozenset({"information_centre"})
CALLS = frozenset({"agent", "market_manager", "information_centre", "supervisor", "auditor"})
LIVE = EVERYBODY - {"customer_manager"}
REPORTS = frozenset({"market_manager", "approver", "information_centre", "supervisor", "auditor"})
ADMINISTRATOR = frozenset({"administrator"})

MAY: dict[str, frozenset[str]] = {
    "GET /live": LIVE,
    "GET /live/part": LIVE,
    "GET /live/calls/<call>": CALLS,
    "GET /live/calls/<call>/part": CALLS,
    "GET /desk": AGENTS,
    "GET /desk/<int:number>": AGENTS,
    **{
        f"POST /desk/<int:number>/{what}": AGENTS for what in ("take", "lines", "usual", "review", "confirm", "release")
    },
    "GET /callbacks": AGENTS,
    **{f"POST /callbacks/<int:number>/{what}": AGENTS for what in ("take", "give-back", "done")},
    "GET /retailers": EVERYBODY,
    "GET /retailers/<int:number>": EVERYBODY,
    "POST /retailers/<int:number>": CARE,
    "GET /retailers/new": CARE,
    "POST /retailers/new": CARE,
    "POST /retailers/<int:number>/consent": CARE,
    "POST /retailers/<int:number>/unlock": CARE,
    "GET /orders": EVERYBODY,
    "GET /orders/<order_no>": EVERYBODY,
    "POST /orders/<order_no>/retry": frozenset({"information_centre", "supervisor"}),
    "GET /goods": EVERYBODY,
    "GET /goods/<code>": EVERYBODY,
    "GET /goods/new": CENTRE,
    "POST /goods/new": CENTRE,
    "POST /goods/<code>": CENTRE,
    "POST /goods/<code>/stock": CENTRE,
    "GET /allocation": EVERYBODY,
    "POST /allocation": CENTRE,
    "GET /days": EVERYBODY,
    "POST /days/<kind>": CENTRE,
    "POST /days/holidays/<day>/remove": CENTRE,
    "POST /days/suspensions/<int:number>/lift": CENTRE,
    "GET /imports": CENTRE,
    "POST /imports": CENTRE,
    "GET /pictures": frozenset({"market_manager", "approver", "information_centre", "supervisor", "auditor"}),
    "GET /pictures/<name>.csv": frozenset(
        {"market_manager", "approver", "information_centre", "supervisor", "auditor"}
    ),
    "GET /audit": frozenset({"auditor", "administrator"}),
    "GET /users": ADMINISTRATOR,
    "POST /users": ADMINISTRATOR,
    "GET /users/<name>": ADMINISTRATOR,
    "POST /users/<name>": ADMINISTRATOR,
    "POST /users/<name>/disable": ADMINISTRATOR,
    "POST /users/<name>/reset": ADMINISTRATOR,
    "GET /tokens": ADMINISTRATOR,
    "POST /tokens": ADMINISTRATOR,
    "POST /tokens/<int:number>/revoke": ADMINISTRATOR,
}
FOR_SIGNING_IN = {
    "GET /console",
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/code",
    "POST /sign-in/code",
    "POST /sign-out",
    "GET /account",
    "POST /account/password",
    "GET /account/second-factor",
    "POST /account/second-factor",
}
FILLED = {
    "<int:number>": "9999",
    "<call>": "no-such-call",
    "<order_no>": "none",
    "<code>": "101",
    "<kind>": "nothing",
    "<day>": "2030-01-01",
    "<name>.csv": "funnel.csv",
    "<name>": "nobody",
}


def routes_of(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("console_")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def path_of(rule: str) -> str:
    for part, value in FILLED.items():
        rule = rule.replace(part, value)
    assert "<" not in rule
    return rule


def status(browser: Browser, route: str) -> int:
    method, _, rule = route.partition(" ")
    path = path_of(rule)
    return (browser.get(path) if method == "GET" else browser.post(path)).status_code


def test_every_route_of_the_console_is_written_down_here(console: Console) -> None:
    assert routes_of(console.app) == MAY.keys() | FOR_SIGNING_IN


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_may_and_nothing_else(console: Console, role: str) -> None:
    browser = console.as_(role)
    # What is missing or badly filled in is answered 200, 303, 400 or 404: the permission was passed then.
    answers = {route: status(browser, route) for route in MAY}
    assert {route: answer for route, answer in answers.items() if (answer == 403) == (role in MAY[route])} == {}


def test_nobody_opens_anything_unsigned(console: Console) -> None:
    for route in MAY:
        method, _, rule = route.partition(" ")
        browser = console.browser()
        if method == "GET":
            answer = browser.get(path_of(rule))
            assert (answer.status_code, answer.headers["Location"][:14]) == (302, "/sign-in?next="), route
        else:
            assert browser.post(path_of(rule), page="/sign-in").status_code == 401, route


def test_programs_are_told_in_json(console: Console) -> None:
    answer = console.app.test_client().get("/retailers")
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "not_signed_in")
