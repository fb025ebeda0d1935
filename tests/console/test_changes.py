"""Each change through the console: the import's own rules, the audit's line, nothing overwritten unseen."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from admin.web.settings import WebSettings
from orders.models import (
    Allocation,
    Article,
    Batch,
    CallConsent,
    Holiday,
    Phone,
    Retailer,
    RetailerLimit,
    StaffUser,
    SuspensionNotice,
)
from tests.console.conftest import NOON, Browser, Console, OpenConsole, noted


def form_of(page: str, action: str) -> dict[str, str]:
    """What a browser would send of this form if nothing was touched."""
    form = re.search(rf'action="{re.escape(action)}".*?</form>', page, re.S)
    assert form, f"no form for {action}"
    values = dict(re.findall(r'<input (?:type="\w+" )?name="(\w+)" value="([^"]*)"', form[0]))
    for name in re.findall(r'type="checkbox" name="(\w+)" checked', form[0]):
        values[name] = "on"
    for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', form[0], re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        values[name] = chosen[1] if chosen else ""
    return values


def change(browser: Browser, path: str, **values: str) -> TestResponse:
    form = form_of(browser.get(path).text, path) | values
    form.pop("csrf_token")
    return browser.post(path, dict(form), page=path)


def test_a_retailer_is_changed_with_its_phones_and_initials(console: Console) -> None:
    browser = console.as_("information_centre")
    assert change(browser, "/retailers/1").status_code == 303
    assert noted(console) == []
    change(browser, "/retailers/1", name_zh="月光超市", backup_phone="", pin="4711")
    with console.store.session() as session:
        one = session.get_one(Retailer, 1)
        assert (one.name_zh, one.initials) == ("月光超市", "ygcs")
        assert [phone.number for phone in one.phones] == ["13800000001"]
    ((actor, what, detail),) = noted(console)
    assert (actor, what) == ("information_centre", "retailers_changed")
    assert "name_zh: 阳光便利店 → 月光超市" in detail
    assert "4711" not in detail
    assert "pin: set" in detail


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("primary_phone", "abc", "write 5 to 15 digits"),
        ("pin", "12", "a PIN has 4 to 8 digits"),
        ("name_zh", "=1+1", "not beginning with"),
        ("grade", "", "write the grade"),
        ("backup_phone", "13800000001", "the backup phone is the primary one"),
        ("region", "999999", "there is no region"),
    ],
)
def test_what_an_import_would_refuse_is_refused_with_what_to_write(
    console: Console, field: str, value: str, told: str
) -> None:
    browser = console.as_("information_centre")
    answer = change(browser, "/retailers/1", name_en="Changed", **{field: value})
    assert answer.status_code == 400
    assert told in answer.text
    assert 'value="Changed"' in answer.text
    assert noted(console) == []


def test_nobody_overwrites_what_somebody_else_has_changed_meanwhile(console: Console) -> None:
    first, second = console.as_("information_centre"), console.as_("market_manager")
    form = form_of(first.get("/retailers/1").text, "/retailers/1")
    form.pop("csrf_token")
    change(second, "/retailers/1", name_en="Second")
    first.post("/retailers/1", {**form, "name_en": "First"}, page="/retailers/1")
    assert "Somebody else has just changed" in first.get("/retailers/1").text
    with console.store.session() as session:
        assert session.get_one(Retailer, 1).name_en == "Second"


def test_a_new_retailer_and_one_that_is_known(console: Console) -> None:
    browser = console.as_("market_manager")
    new = {
        "licence_no": "420102199999",
        "name_zh": "新光烟店",
        "region": "420102",
        "batch": "daily",
        "grade": "A",
        "primary_phone": "+86 138 1234 5678".replace(" ", ""),
        "language": "zh",
        "status": "active",
    }
    where = browser.post("/retailers/new", dict(new), page="/retailers/new").headers["Location"]
    assert "新光烟店" in browser.get(f"{where}?lang=zh").text
    with console.store.session() as session:
        assert session.scalars(select(Phone).where(Phone.number == "13812345678")).one()
    browser.post("/retailers/new", {**new, "name_zh": "别的"}, page="/retailers/new")
    assert "新光烟店" in browser.get(where).text


@pytest.mark.parametrize(
    "typed", ["420102100001", "100001", "13800000001", "阳光", "ygbl", "YGBLD", "Sunshine", "138 0000 0001"]
)
def test_a_retailer_is_found_as_staff_type(console: Console, typed: str) -> None:
    answer = console.as_("agent").get(f"/retailers?q={typed}")
    assert answer.headers.get("Location") == "/retailers/1" or "Sunshine Store" in answer.text


def test_nothing_found_says_how_to_look(console: Console) -> None:
    for typed in ("%25", "_", "zzzz", "999999999999", "'; drop table retailers"):
        assert "Try licence, phone, name" in console.as_("agent").get(f"/retailers?q={typed}").text


def test_consent_needs_proof_and_a_refusal_none(console: Console) -> None:
    browser = console.as_("customer_manager")
    with console.store.transaction() as session:
        manager = session.get_one(Retailer, 1).manager_id
        session.scalars(select(StaffUser).where(StaffUser.name == "customer_manager")).one().manager_id = manager
    browser = console.as_("customer_manager")
    browser.post("/retailers/1/consent", {"state": "given"}, page="/retailers/1")
    browser.post(
        "/retailers/1/consent", {"state": "given", "proof": "form 7", "covers_more": "on"}, page="/retailers/1"
    )
    browser.post("/retailers/1/consent", {"state": "refused"}, page="/retailers/1")
    with console.store.session() as session:
        consent = session.get_one(CallConsent, 1)
    assert (consent.state, consent.covers_more) == ("refused", False)
    assert [what for _, what, _ in noted(console)] == ["consent_given", "consent_refused"]


def test_an_article_is_edited_while_orders_take_its_stock(console: Console) -> None:
    browser = console.as_("information_centre")
    form = form_of(browser.get("/goods/101").text, "/goods/101")
    form.pop("csrf_token")
    with console.store.transaction() as session:
        session.get_one(Article, "101").stock = 77
    browser.post("/goods/101", {**form, "price": "120.50", "order_limit": "30"}, page="/goods/101")
    with console.store.session() as session:
        article = session.get_one(Article, "101")
    assert (article.price_fen, article.stock, article.order_limit) == (12_050, 77, 30)
    assert noted(console)[0][2] == "price: 115.00 → 120.50; order_limit: 30"


def test_stock_is_booked_in_and_out_and_never_below_nothing(console: Console) -> None:
    browser = console.as_("information_centre")
    with console.store.transaction() as session:
        session.get_one(Article, "101").stock = 10
    for by in ("+500", "-20", "-9999", "lots"):
        browser.post("/goods/101/stock", {"by": by}, page="/goods/101")
    with console.store.session() as session:
        assert session.get_one(Article, "101").stock == 490
    assert len(noted(console)) == 2


def test_allocation_by_grade_and_for_one_retailer(console: Console) -> None:
    browser = console.as_("information_centre")
    month = {"period": "2027-01", "code": "205"}
    browser.post("/allocation", {**month, "grade": "A", "cartons": "6"}, page="/allocation")
    browser.post("/allocation", {**month, "grade": "A", "cartons": "8"}, page="/allocation")
    one = {**month, "licence_no": "420102100001", "cartons": "3", "reason": "festival"}
    browser.post("/allocation", one, page="/allocation")
    browser.post(
        "/allocation", {**month, "grade": "A", "licence_no": "420102100001", "cartons": "1"}, page="/allocation"
    )
    with console.store.session() as session:
        limits = session.scalars(select(Allocation.cartons).where(Allocation.period == "2027-01")).all()
        assert limits == [8]
        own = session.scalars(select(RetailerLimit).where(RetailerLimit.period == "2027-01")).one()
        assert (own.cartons, own.reason) == (3, "festival")
    assert [what for _, what, _ in noted(console)] == ["allocation_added", "allocation_changed", "allocation_added"]


def test_batches_holidays_and_suspensions(console: Console) -> None:
    browser = console.as_("information_centre")
    batch = {"code": "late", "weekdays": ["3", "1"], "cutoff": "17:30", "seen": ""}
    browser.post("/days/batches", batch, page="/days")
    browser.post("/days/holidays", {"day": "2026-12-25", "name": "x", "moved_to": "2026-12-26"}, page="/days")
    area = {"region": "420102", "reason": "weather", "starts_on": "2026-11-24", "approved_by": "组长"}
    browser.post("/days/suspensions", {**area, "resumes_on": ""}, page="/days")
    wrong = browser.post("/days/suspensions", {**area, "resumes_on": "2026-11-20"}, page="/days")
    assert wrong.status_code == 400
    with console.store.session() as session:
        assert session.scalars(select(Batch.weekdays).where(Batch.code == "late")).one() == "13"
        assert session.get_one(Holiday, date(2026, 12, 25)).moved_to == date(2026, 12, 26)
        notice = session.scalars(select(SuspensionNotice).order_by(SuspensionNotice.id.desc())).first()
        assert notice is not None
    browser.post(f"/days/suspensions/{notice.id}/lift", page="/days")
    browser.post("/days/holidays/2026-12-25/remove", page="/days")
    with console.store.session() as session:
        assert session.get_one(SuspensionNotice, notice.id).lifted_at == NOON
        assert session.get(Holiday, date(2026, 12, 25)) is None
    kinds = ["batches_added", "holidays_added", "suspensions_added", "suspension_lifted", "holiday_removed"]
    assert [what for _, what, _ in noted(console)] == kinds


def bring_in(browser: Browser, content: str, name: str = "goods.csv", **more: str) -> TestResponse:
    file = (io.BytesIO(content.encode()), name)
    return browser.post("/imports", {"kind": "catalogue", "file": file, **more}, page="/imports")


def test_a_file_is_checked_whole_and_each_fault_is_named(console: Console) -> None:
    browser = console.as_("information_centre")
    heading = "code,name_zh,category,grade,price,stock\n"
    page = bring_in(browser, f"{heading}901,新品,regular,A,10.5,7\n902,坏,regular,A,cheap,7\n").text
    assert "2 lines, 0 written, 1 faults" in page
    assert "write yuan such as 115" in page
    page = bring_in(browser, f"{heading}901,新品,regular,A,10.5,7\n902,坏,x,A,1,7\n", good_rows="on").text
    assert "2 lines, 1 written, 1 faults" in page
    assert noted(console) == [("information_centre", "imported", "goods.csv: 2 lines, 1 written, 1 faults")]
    with console.store.session() as session:
        assert session.get_one(Article, "901").price_fen == 1050


def test_a_file_may_be_large_but_not_of_anybody(console: Console) -> None:
    rows = "".join(f"{number},新品{number},regular,A,10.5,7\n" for number in range(10_000, 14_000))
    content = f"code,name_zh,category,grade,price,stock\n{rows}"
    assert len(content) > 100_000
    assert "4000 lines, 4000 written, 0 faults" in bring_in(console.as_("information_centre"), content).text
    stranger, file = console.browser(), (io.BytesIO(content.encode()), "goods.csv")
    assert stranger.client.post("/imports", data={"kind": "catalogue", "file": file}).status_code == 413


@pytest.mark.parametrize(
    ("content", "name"), [("a,b\n1,2\n", "x.csv"), ("x", "x.exe"), ("PK", "x.xlsx"), ("", "e.csv")]
)
def test_what_is_no_such_file_says_so(console: Console, content: str, name: str) -> None:
    answer = bring_in(console.as_("information_centre"), content, name)
    assert answer.status_code == 400
    assert 'class="told bad"' in answer.text
    assert "/tmp" not in answer.text


def test_a_file_too_large_is_refused(open_console: OpenConsole) -> None:
    console = open_console(WebSettings(most_upload_bytes=5000))
    answer = bring_in(console.as_("information_centre"), "x" * 6000)
    assert answer.status_code == 413
