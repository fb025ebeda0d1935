"""Signing in: who gets in, how guessing is stopped, what a session is worth and when it ends."""

from __future__ import annotations

import pyotp
import pytest
from sqlalchemy import select

from admin.staff.accounts import disable_user, reset_user
from admin.web.console.access import safe_next
from admin.web.settings import WebSettings
from orders.models import AuditEntry, StaffSession, StaffUser
from tests.console.conftest import PASSWORD, Browser, Console, OpenConsole


def try_in(browser: Browser, name: str, password: str, where: str = "") -> tuple[int, str]:
    answer = browser.post("/sign-in", {"name": name, "password": password, "next": where}, page="/sign-in")
    return answer.status_code, answer.headers.get("Location", "")


def secret_of(browser: Browser) -> str:
    """Set up the second factor, as the page tells."""
    browser.get("/account/second-factor")
    with browser.client.session_transaction() as kept:
        return str(kept["second_factor_secret"])


def enrolled(console: Console, name: str) -> str:
    browser = console.as_(name)
    secret = secret_of(browser)
    code = pyotp.TOTP(secret).at(int(console.clock.at.timestamp()))
    answer = browser.post("/account/second-factor", {"code": code}, page="/account/second-factor")
    assert answer.headers["Location"] == "/account"
    console.clock.pass_(seconds=30)
    return secret


def test_the_right_password_leads_on(console: Console) -> None:
    assert try_in(console.browser(), "Agent ", PASSWORD) == (303, "/live")
    assert try_in(console.browser(), "agent", PASSWORD, "/orders?day=1") == (303, "/orders?day=1")


@pytest.mark.parametrize(("name", "password"), [("agent", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_one_does_not(console: Console, name: str, password: str) -> None:
    browser = console.browser()
    assert try_in(browser, name, password)[0] == 401
    assert browser.get("/account").headers["Location"] == "/sign-in"


def test_five_wrong_passwords_lock_even_the_right_one_out_for_a_while(console: Console) -> None:
    for _ in range(5):
        assert try_in(console.browser(), "agent", "wrong")[0] == 401
    assert try_in(console.browser(), "agent", PASSWORD)[0] == 429
    assert try_in(console.browser(), "supervisor", PASSWORD)[0] == 303
    console.clock.pass_(minutes=16)
    assert console.signing_in.try_password("agent", PASSWORD, "").outcome == "in"


def test_one_address_may_try_ten_times_a_minute(console: Console) -> None:
    answers = [try_in(console.browser(), f"guess{number}", "x")[0] for number in range(12)]
    assert answers == [401] * 10 + [429] * 2


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:x", "\\\\evil", "/a\n", ""]
)
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    assert safe_next(target) == ""


def test_a_form_without_its_token_is_refused(console: Console) -> None:
    browser = console.as_("agent")
    for path in ("/sign-in", "/account/password", "/sign-out", "/sign-in/code"):
        assert browser.client.post(path, data={"old": PASSWORD}).status_code == 400
    assert browser.get("/account").status_code == 200


def test_signing_in_makes_a_new_session_and_signing_out_ends_it(console: Console) -> None:
    browser = console.as_("agent")
    browser.get("/account")
    with browser.client.session_transaction() as kept:
        first, csrf = kept["_user_id"], kept["csrf_token"]
    stolen = console.app.test_client()
    with stolen.session_transaction() as kept:
        kept["_user_id"] = first
    assert stolen.get("/account").status_code == 200
    browser.post("/sign-out")
    assert stolen.get("/account").status_code == 302
    browser.post("/sign-in", {"name": "agent", "password": PASSWORD}, page="/sign-in")
    browser.get("/account")
    with browser.client.session_transaction() as kept:
        assert kept["_user_id"] != first
        assert kept["csrf_token"] != csrf


def test_a_session_ends_after_an_hour_of_rest_and_after_twelve_of_work(console: Console) -> None:
    token, lasted = _token(console.as_("agent")), 0
    while console.signing_in.find(token) is not None:
        console.clock.pass_(minutes=50)
        lasted += 50
    assert 12 * 60 <= lasted <= 12 * 60 + 50
    idle = console.as_("supervisor")
    console.clock.pass_(minutes=61)
    assert console.signing_in.find(_token(idle)) is None


def _token(browser: Browser) -> str:
    with browser.client.session_transaction() as kept:
        return str(kept["_user_id"])


def test_cookies_hold_no_password_and_no_script_reads_them(open_console: OpenConsole) -> None:
    console = open_console(WebSettings(https=True))
    client = console.app.test_client()
    answer = client.get("/sign-in", headers={"Accept": "text/html"})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    with console.store.session() as session:
        for kept in session.scalars(select(StaffSession)):
            assert len(kept.token_hash) == 64


def test_the_second_factor_is_asked_and_each_code_counts_once(console: Console) -> None:
    secret = enrolled(console, "agent")
    browser = console.browser()
    assert try_in(browser, "agent", PASSWORD, "/goods") == (303, "/sign-in/code")
    assert browser.get("/account").headers["Location"] == "/sign-in"
    assert browser.get("/retailers").headers["Location"] == "/sign-in/code"
    code = pyotp.TOTP(secret).at(int(console.clock.at.timestamp()))
    assert browser.post("/sign-in/code", {"code": "000000"}, page="/sign-in/code").status_code == 401
    answer = browser.post("/sign-in/code", {"code": code}, page="/sign-in/code")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/goods")
    again = console.browser()
    try_in(again, "agent", PASSWORD)
    assert again.post("/sign-in/code", {"code": code}, page="/sign-in/code").status_code == 401


def test_a_second_factor_is_not_replaced_by_a_browser_left_open(console: Console) -> None:
    browser = console.as_("agent")
    secret = secret_of(browser)
    browser.post("/account/second-factor", {"code": code_of(console, secret)}, page="/account/second-factor")
    console.clock.pass_(seconds=90)
    assert browser.get("/account/second-factor").headers["Location"] == "/account"
    other = pyotp.random_base32()
    assert not console.signing_in.enrol(_token(browser), other, code_of(console, other))


def code_of(console: Console, secret: str) -> str:
    return pyotp.TOTP(secret).at(int(console.clock.at.timestamp()))


def test_five_wrong_codes_lock(console: Console) -> None:
    enrolled(console, "agent")
    token = console.signing_in.try_password("agent", PASSWORD, "").token
    outcomes = [console.signing_in.try_code(token, "000000", "").outcome for _ in range(5)]
    assert outcomes == ["second_factor"] * 4 + ["locked"]
    assert console.signing_in.try_password("agent", PASSWORD, "").outcome == "locked"


def test_the_right_password_does_not_forgive_wrong_codes(console: Console) -> None:
    enrolled(console, "agent")
    outcomes = []
    for _ in range(5):
        token = console.signing_in.try_password("agent", PASSWORD, "").token
        outcomes.append(console.signing_in.try_code(token, "000000", "").outcome)
    assert outcomes == ["second_factor"] * 4 + ["locked"]


def test_sessions_opened_beforehand_are_no_more_tries(console: Console) -> None:
    secret = enrolled(console, "agent")
    tokens = [console.signing_in.try_password("agent", PASSWORD, "").token for _ in range(7)]
    for token in tokens[:5]:
        console.signing_in.try_code(token, "000000", "")
    console.clock.pass_(minutes=1)
    assert console.signing_in.try_code(tokens[5], code_of(console, secret), "").outcome == "locked"
    console.clock.pass_(minutes=15)
    assert console.signing_in.try_code(tokens[6], code_of(console, secret), "").outcome == "in"
    assert console.signing_in.try_password("agent", PASSWORD, "").outcome == "second_factor"


def test_the_secret_is_not_readable_in_the_database(console: Console) -> None:
    secret = enrolled(console, "agent")
    with console.store.session() as session:
        kept = session.scalars(select(StaffUser).where(StaffUser.name == "agent")).one()
    assert secret not in kept.totp_secret
    assert PASSWORD not in kept.password_hash


def test_where_all_need_a_second_factor_nothing_opens_without(open_console: OpenConsole) -> None:
    console = open_console(second_factor_for_all=True)
    browser = console.browser()
    assert try_in(browser, "agent", PASSWORD) == (303, "/account/second-factor")
    assert browser.get("/retailers").headers["Location"] == "/account/second-factor"
    secret = secret_of(browser)
    code = pyotp.TOTP(secret).at(int(console.clock.at.timestamp()))
    browser.post("/account/second-factor", {"code": code}, page="/account/second-factor")
    assert browser.get("/retailers").status_code == 200


def test_an_own_password_comes_first_and_signs_other_browsers_out(console: Console) -> None:
    with console.store.transaction() as session:
        first = reset_user(session, "agent", actor="chen", now=console.clock.at)
    browser, other = console.browser(), console.browser()
    assert try_in(browser, "agent", first) == (303, "/account")
    try_in(other, "agent", first)
    assert browser.get("/retailers").headers["Location"] == "/account"
    for new, again in (("short", "short"), ("a better one 1", "another"), ("the agent here", "the agent here")):
        browser.post("/account/password", {"old": first, "new": new, "again": again})
    assert browser.get("/retailers").status_code == 302
    browser.post("/account/password", {"old": first, "new": "a better one 1", "again": "a better one 1"})
    assert browser.get("/retailers").status_code == 200
    assert console.signing_in.find(_token(other)) is None


def test_a_disabled_account_is_out_at_once(console: Console) -> None:
    browser = console.as_("agent")
    with console.store.transaction() as session:
        disable_user(session, "agent", actor="chen", now=console.clock.at)
    assert browser.post("/sign-out", page="/sign-in").status_code == 303
    assert try_in(console.browser(), "agent", PASSWORD)[0] == 401


def test_the_audit_tells_who_signed_in_and_who_was_locked(console: Console) -> None:
    console.as_("agent")
    for _ in range(5):
        console.signing_in.try_password("supervisor", "wrong", "")
    with console.store.session() as session:
        told = [(entry.what, entry.about) for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]
    assert told[-2:] == [("signed_in", "user agent"), ("user_locked", "user supervisor")]


def test_the_first_page_of_a_new_installation_says_what_to_do(console: Console) -> None:
    with console.store.transaction() as session:
        for user in session.query(StaffUser):
            session.delete(user)
    page = console.browser().get("/sign-in?lang=en").text
    assert "orderline users add NAME --role administrator" in page
    assert "first password" in page


def test_the_status_page_is_open_on_this_machine_only(open_console: OpenConsole) -> None:
    assert open_console().browser().get("/").status_code == 200
    guarded = open_console(WebSettings(open_status=False))
    assert guarded.browser().get("/").headers["Location"] == "/sign-in?next=/"
    assert guarded.as_("agent").get("/").status_code == 200
