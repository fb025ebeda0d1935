"""Imports: good files, bad lines, hostile files, twice the same file; on both databases."""

from __future__ import annotations

import contextlib
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from orders.imports.load import Report, import_file
from orders.imports.reading import retailer_cells
from orders.imports.sheet import UnreadableFile
from orders.imports.tables import TABLES
from orders.migrations import upgrade
from orders.models import Allocation, Article, Order, OutboxRow, Region, Retailer, RetailerLimit
from orders.order_desk import DomainOrderDesk
from orders.pins import pin_matches
from orders.store import Store, open_store
from tests.orders.conftest import TEN

KEY = b"import"
HEAD = "code,name_zh,name_en,category,grade,price,stock\n"


def run(store: Store, kind: str, path: Path, *, keep_good: bool = False) -> Report:
    return import_file(store, kind, path, pin_key=KEY, keep_good=keep_good)


def written(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_catalogue_in_chinese_headings(store: Store, tmp_path: Path, encoding: str) -> None:
    text = "代码,名称,类别,类,批发价,库存,受控\n901,测试烟,紧俏,一类,595.50,20,是\n101,白沙改名,顺销,二类,116,7,否\n"
    report = run(store, "catalogue", written(tmp_path, text, encoding))
    assert (report.lines, report.written, report.faults) == (2, 2, [])
    with store.session() as session:
        new, old = session.get_one(Article, "901"), session.get_one(Article, "101")
        assert (new.name_zh, new.category, new.price_fen, new.controlled) == ("测试烟", "tight", 59_550, True)
        assert (old.name_zh, old.price_fen, old.stock) == ("白沙改名", 11_600, 7)


def test_an_excel_workbook(store: Store, tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["period", "code", "grade", "cartons"])
    sheet.append(["2026-12", 205.0, "A", 4])
    workbook.save(tmp_path / "allocation.xlsx")
    assert run(store, "allocation", tmp_path / "allocation.xlsx").written == 1
    with store.session() as session:
        query = select(Allocation.cartons).where(
            Allocation.period == "2026-12", Allocation.article_code == "205", Allocation.retailer_grade == "A"
        )
        assert session.scalars(query).one() == 4


def test_retailers_with_phones_and_pin(store: Store, tmp_path: Path) -> None:
    text = (
        "licence_no,name_zh,region,batch,grade,primary_phone,backup_phone,pin\n"
        "420102777777,新店,420102,daily,A,+86 13812345678,13912345678,4321\n"
    ).replace("+86 1", "+861")
    for _ in range(2):
        assert run(store, "retailers", written(tmp_path, text)).faults == []
    with store.session() as session:
        retailer = session.scalars(select(Retailer).where(Retailer.licence_no == "420102777777")).one()
        assert {(phone.number, phone.kind) for phone in retailer.phones} == {
            ("13812345678", "primary"),
            ("13912345678", "backup"),
        }
        assert pin_matches("4321", retailer.pin_hash, KEY)


BAD = (
    HEAD + "901,好烟,,regular,二类,10,5\n"
    "9x1,坏码,,regular,二类,10,5\n"
    "902,,,regular,二类,10,5\n"
    "903,坏类,,fancy,二类,10,5\n"
    "904,坏价,,regular,二类,10.555,5\n"
    "905,坏量,,regular,二类,10,-5\n"
    "901,重复,,regular,二类,10,5\n"
    '906,"=cmd()",,regular,二类,10,5\n'
    f"907,{'长' * 61},,regular,二类,10,5\n"
    "908,NaN,,regular,二类,NaN,5\n"
)


def test_every_bad_line_is_named(store: Store, tmp_path: Path) -> None:
    report = run(store, "catalogue", written(tmp_path, BAD), keep_good=True)
    assert [(fault.line, fault.column) for fault in report.faults] == [
        (3, "code"),
        (4, "name_zh"),
        (5, "category"),
        (6, "price"),
        (7, "stock"),
        (8, "code"),
        (9, "name_zh"),
        (10, "name_zh"),
        (11, "price"),
    ]
    assert "the same as line 2" in str(report.faults[5])
    assert report.written == 1


def test_nothing_is_kept_of_a_bad_file_unless_asked(store: Store, tmp_path: Path) -> None:
    report = run(store, "catalogue", written(tmp_path, BAD))
    assert report.written == 0
    with store.session() as session:
        assert session.get(Article, "901") is None


def test_what_a_line_refers_to_must_exist(store: Store, tmp_path: Path) -> None:
    text = (
        "period,code,grade,licence_no,cartons\n2026-12,999,A,,1\n2026-12,205,,999999999999,1\n"
        "2026-12,205,A,420102100001,1\n2026-12,205,,,1\n2026-12,205,,420102100001,9\n"
    )
    report = run(store, "allocation", written(tmp_path, text), keep_good=True)
    assert [fault.line for fault in report.faults] == [2, 3, 4, 5]
    with store.session() as session:
        own = select(func.count()).select_from(RetailerLimit).where(RetailerLimit.period == "2026-12")
        assert session.scalar(own.where(RetailerLimit.cartons == 9)) == 1


@pytest.mark.parametrize(
    ("name", "content", "what_to_do"),
    [
        ("a.csv", b"", "must name the columns"),
        ("a.csv", b"code,colour\n1,2\n", "are missing"),
        ("a.csv", HEAD.strip().encode() + b",colour\n901,x,,regular,x,1,1,red\n", "unknown columns colour"),
        ("a.csv", b"\x89PNG\0\0\0\xff\xff", "save it as CSV"),
        ("a.csv", HEAD.encode() + b'901,"unclosed', "broken CSV"),
        ("a.xlsx", b"not a workbook", "no Excel workbook"),
    ],
)
def test_files_that_are_none(store: Store, tmp_path: Path, name: str, content: bytes, what_to_do: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=what_to_do):
        run(store, "catalogue", path)


def test_a_missing_file_and_a_hollow_workbook(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="check its name"):
        run(store, "catalogue", tmp_path / "nothing.csv")
    with zipfile.ZipFile(tmp_path / "hollow.xlsx", "w") as hollow:
        hollow.writestr("x", "y")
    with pytest.raises(UnreadableFile, match="no Excel workbook"):
        run(store, "catalogue", tmp_path / "hollow.xlsx")


def test_more_faults_than_are_kept_are_still_faults(store: Store, tmp_path: Path) -> None:
    lines = "".join(f"{number},烟,,regular,A,cheap,1\n" for number in range(1000, 2005))
    path = written(tmp_path, HEAD + lines + "2900,烟,,regular,A,1,1\n")
    for keep_good in (False, True):
        report = run(store, "catalogue", path, keep_good=keep_good)
        assert (report.bad, len(report.faults), report.written) == (1005, 1000, 1 if keep_good else 0)


def test_what_a_file_does_not_mention_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        article = session.get_one(Article, "101")
        article.controlled, article.on_sale, article.order_limit = True, False, 7
    run(store, "catalogue", written(tmp_path, "code,name_zh,category,grade,price,stock\n101,白沙,regular,A,10,5\n"))
    with store.session() as session:
        article = session.get_one(Article, "101")
        assert (article.controlled, article.on_sale, article.order_limit, article.stock) == (True, False, 7, 5)


def test_an_empty_cell_clears_only_what_may_be_cleared(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        retailer = session.scalars(select(Retailer).where(Retailer.licence_no == "420102100001")).one()
        retailer.status, region, batch = "suspended", retailer.region.code, retailer.batch.code
        assert len(retailer.phones) == 2
    head = "licence_no,name_zh,region,batch,grade,primary_phone,backup_phone,status\n"
    path = written(tmp_path, head + f"420102100001,店,{region},{batch},A,13800000001,,\n")
    assert run(store, "retailers", path).bad == 0
    with store.session() as session:
        retailer = session.scalars(select(Retailer).where(Retailer.licence_no == "420102100001")).one()
        assert (retailer.status, [phone.kind for phone in retailer.phones]) == ("suspended", ["primary"])


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_workbook_is_told_not_crashed_on(store: Store, tmp_path: Path, seed: int) -> None:
    workbook = Workbook()
    assert workbook.active is not None
    workbook.active.append(["period", "code", "grade", "cartons"])
    workbook.active.append(["2026-12", 205.0, "A", 4])
    workbook.save(tmp_path / "whole.xlsx")
    chance = random.Random(seed)
    content = bytearray((tmp_path / "whole.xlsx").read_bytes())
    for _ in range(chance.randrange(1, 40)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    (tmp_path / "damaged.xlsx").write_bytes(content[: chance.randrange(len(content) // 2, len(content) + 1)])
    with contextlib.suppress(UnreadableFile):
        run(store, "allocation", tmp_path / "damaged.xlsx")


NEW_COMPANY = {
    "regions": "片区代码,名称\n420102,江岸片区\n420112,城东片区\n",
    "batches": "批次,订货日,截止\n周一三五,135,16:00\n周二,2,9:30\n",
    "routes": "线路,名称\n01,沿江线\n",
    "managers": "客户经理,电话\n王芳,13811112222\n",
    "holidays": "日期,名称,改至\n2027-01-01,元旦,2027-01-02\n2026/12/25,盘点,\n",
    "suspensions": "片区代码,原因,开始,恢复,批准人\n420112,天气,2026-11-23,2026-11-27,李总\n",
    "retailers": "许可证号,名称,片区代码,批次,档位,订货电话,密码,线路,客户经理\n"
    "420102100001,阳光便利店,420102,周一三五,A,13800000001,1234,01,王芳\n"
    "420112100002,东湖商店,420112,周一三五,A,13800000002,1234,01,王芳\n",
    "consents": "许可证号,意愿,日期,凭证\n420102100001,同意,2026-01-05,入网协议\n420112100002,拒绝,2026-01-05,电话\n",
    "catalogue": "代码,名称,类别,类,批发价,库存\n101,白沙,顺销,三类,115,500\n205,软中华,紧俏,一类,595,50\n",
    "allocation": "月份,代码,档位,限量\n2026-11,205,A,2\n",
    "online-orders": "网上订单号,许可证号,订货日,代码,条数,批发价\nW1,420112100002,2026-11-20,101,3,115\n",
    "settlement": "订单号,状态\nW1,已扣款\n",
}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'company.db'}")
    upgrade(store)
    yield store
    store.close()


def test_a_new_company_is_brought_in_by_files_alone(empty: Store, tmp_path: Path) -> None:
    assert list(NEW_COMPANY) == list(TABLES)
    for _ in range(2):
        for kind, text in NEW_COMPANY.items():
            report = run(empty, kind, written(tmp_path, text))
            assert report.faults == []
    desk = DomainOrderDesk(KEY, now=lambda: TEN)
    with empty.transaction() as session:
        (sunshine,) = desk.retailers_by_phone(session, "13800000001")
        assert desk.check_pin(session, sunshine.retailer_id, "1234").outcome == "accepted"
        assert desk.standing(session, sunshine.retailer_id, TEN).may_order == "yes"
        (east,) = desk.retailers_by_phone(session, "13800000002")
        assert desk.standing(session, east.retailer_id, TEN).may_order == "suspended"
        desk.open_draft(session, sunshine.retailer_id, "2026-11-23", "call", take_over=False, anew=False)
        desk.put_line(session, "call", "205", 5, settle="limit", replaces="")
        assert [line.accepted for line in desk.basket(session, "call").lines] == [2]


def test_calls_go_on_while_a_file_is_written(empty: Store, tmp_path: Path) -> None:
    """What a step needs, the write lock, is free each few lines."""
    free: list[int] = []

    def step_of_a_call(done: int) -> None:
        with empty.transaction() as session:
            session.add(Region(code=f"{len(free):06d}", name_zh="x"))
        free.append(done)

    lines = "".join(f"42{number:04d},片区\n" for number in range(100))
    path = written(tmp_path, "code,name_zh\n" + lines)
    report = import_file(empty, "regions", path, pin_key=KEY, keep_good=False, progress=step_of_a_call)
    assert (report.written, free) == (100, [25, 50, 75, 100])


@pytest.mark.parametrize(
    ("kind", "line", "what_to_do"),
    [
        ("batches", "b,11,16:00", "write 135 for Mon"),
        ("batches", "b,18,16:00", "write 135 for Mon"),
        ("batches", "b,1,24:00", "write 16:00"),
        ("holidays", "2026-02-30,x,", "write 2026-11-23"),
        ("holidays", "2026-02-03,x,2026-02-03", "moved to itself"),
        ("suspensions", "420102,rain,2026-11-23,,x", "write one of"),
        ("suspensions", "420102,weather,2026-11-23,2026-11-22,x", "on or before"),
        ("suspensions", "999999,weather,2026-11-23,,x", "orderline import regions"),
    ],
)
def test_bad_lines_of_the_calendar(store: Store, tmp_path: Path, kind: str, line: str, what_to_do: str) -> None:
    head = ",".join(column.name for column in TABLES[kind].fields)
    report = run(store, kind, written(tmp_path, f"{head}\n{line}\n"))
    assert [what_to_do in str(fault) for fault in report.faults] == [True]


ONLINE = "order_no,licence_no,order_day,code,cartons,price,status\n"


def test_an_online_order_counts_as_ordered_and_is_no_order_of_the_outbox(store: Store, tmp_path: Path) -> None:
    lines = "W7,420102100001,2026-11-23,101,3,115,\nW7,420102100001,2026-11-23,205,1,595,\n"
    for _ in range(2):
        report = run(store, "online-orders", written(tmp_path, ONLINE + lines))
        assert (report.faults, report.written) == ([], 2)
    with store.session() as session:
        desk = DomainOrderDesk(KEY, now=lambda: TEN)
        (sunshine,) = desk.retailers_by_phone(session, "13800000001")
        placed = desk.standing(session, sunshine.retailer_id, TEN).placed
        assert placed
        assert (placed.kinds, placed.cartons, placed.amount_fen) == (2, 4, 94_000)
        assert session.scalar(select(func.count()).select_from(OutboxRow)) == 0


def test_of_an_online_order_with_a_bad_line_nothing_is_kept(store: Store, tmp_path: Path) -> None:
    lines = "W7,420102100001,2026-11-23,101,3,115,\nW7,420102100002,2026-11-23,205,1,595,\n"
    more = "W8,420102100001,2026-11-23,101,x,115,\nW8,420102100001,2026-11-23,205,1,595,\n"
    good = "W9,420102100001,2026-11-23,101,1,115,\n"
    report = run(store, "online-orders", written(tmp_path, ONLINE + lines + more + good), keep_good=True)
    assert [(fault.line, fault.column) for fault in report.faults] == [(3, ""), (4, "cartons")]
    assert (report.written, report.kept) == (1, 1)
    with store.session() as session:
        assert session.scalars(select(Order.order_key).where(Order.channel == "online")).all() == ["online-W9"]


def test_a_retailer_is_taken_from_its_manager_and_route(store: Store, tmp_path: Path) -> None:
    licence = "420102100001"
    with store.session() as session:
        before = retailer_cells(session, session.scalars(select(Retailer).where(Retailer.licence_no == licence)).one())
    assert before["manager"]
    cells = {name: cell for name, cell in before.items() if name != "pin"} | {"manager": "", "route": ""}
    content = ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"
    assert run(store, "retailers", written(tmp_path, content)).faults == []
    with store.session() as session:
        one = session.scalars(select(Retailer).where(Retailer.licence_no == licence)).one()
        assert (one.manager_id, one.route_id) == (None, None)


def test_settlement_leads_forward_and_never_back(store: Store, tmp_path: Path) -> None:
    run(store, "online-orders", written(tmp_path, ONLINE + "W7,420102100001,2026-11-23,101,3,115,\n"))
    for status in ("awaiting_debit", "debited", "awaiting_debit"):
        assert run(store, "settlement", written(tmp_path, f"order_no,status\nW7,{status}\n")).faults == []
    with store.session() as session:
        assert session.scalars(select(Order.status).where(Order.channel == "online")).all() == ["debited"]


@pytest.mark.parametrize(
    ("kind", "line", "what_to_do"),
    [
        ("online-orders", "W7,999999999999,2026-11-23,101,3,115,", "orderline import retailers"),
        ("online-orders", "W7,420102100001,2026-11-23,99999,3,115,", "orderline import catalogue"),
        ("online-orders", "../W7,420102100001,2026-11-23,101,3,115,", "order number"),
        ("settlement", "W99,debited", "no order W99"),
        ("settlement", "W99,paid", "write one of"),
    ],
)
def test_bad_lines_about_orders(store: Store, tmp_path: Path, kind: str, line: str, what_to_do: str) -> None:
    head = ",".join(column.name for column in TABLES[kind].fields)
    report = run(store, kind, written(tmp_path, f"{head}\n{line}\n"))
    assert [what_to_do in str(fault) for fault in report.faults] == [True]
