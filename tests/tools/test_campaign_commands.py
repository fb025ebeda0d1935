"""`orderline campaigns` as a person runs it, and the work of the node that holds the lease."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from admin.bootstrap import load_demo_data
from admin.calling_out import LEASE, LEASE_LASTS, CampaignCare, calling_desk, calling_rules, retry_plan
from admin.config import Config
from orders import leases
from orders.models import Campaign, CampaignTarget, Lease, PhoneTask, Retailer
from tests.sipp.placed import noon_somewhere
from tests.tools.test_data_commands import opened, run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORDERLINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ORDERLINE_TIMEZONE", noon_somewhere())
    monkeypatch.chdir(tmp_path)
    store = opened(tmp_path)
    load_demo_data(Config(data=str(tmp_path / "data"), timezone=noon_somewhere()), store)
    store.close()
    return tmp_path


def test_a_preview_makes_nothing(folder: Path) -> None:
    said = run("campaigns", "preview", "--until", "23:50", "--batch", "daily", "--each").output
    assert "7 are called" in said
    assert "1 left out: refused calls" in said
    assert "420102100001  阳光便利店  called" in said
    assert "420102200011  吉祥便利店  nobody has asked whether it may be called" in said
    assert run("campaigns", "list", "--all").output == "0 campaigns\n"


def test_from_the_first_wish_to_the_report(folder: Path) -> None:
    made = run("campaigns", "create", "Monday", "--until", "23:50", "--batch", "daily", "--by", "li")
    assert "campaign 1: 7 retailers" in made.output
    assert "campaigns.enabled is off here" in made.output
    for what, state in (("start", "running"), ("pause", "paused"), ("resume", "running")):
        assert run("campaigns", what, "1").output == f"campaign 1 is {state}\n"
    assert "7 of 12 left  Monday" in run("campaigns", "list").output
    report = run("campaigns", "report", "1", "--follow-up", "--csv", "out.csv").output
    assert "ordered 0 of 9 due: 0.0%" in report
    assert "forecast: all 7 called by" in report
    assert "420102100001  阳光便利店  13800000001  not called yet" in report
    assert run("campaigns", "stop", "1").output == "campaign 1 is stopped\n"
    with Path("out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert {row["cause"] for row in rows} == {"open", "management", "own_choice", "not_reached"}


def test_a_spreadsheet_finds_no_formula(folder: Path) -> None:
    store = opened(folder)
    with store.transaction() as session:
        evil = '=HYPERLINK("http://evil")'
        session.execute(update(Retailer).where(Retailer.licence_no == "420102100001").values(name_zh=evil))
    store.close()
    run("campaigns", "create", "Monday", "--until", "23:50", "--licence", "420102100001")
    run("campaigns", "report", "1", "--csv", "out.csv")
    assert ",\"'=HYPERLINK" in Path("out.csv").read_text("utf-8-sig")


def test_a_notice_goes_to_a_list(folder: Path) -> None:
    Path("list.txt").write_text("420102100001\n420104100005\n")
    made = run(
        "campaigns", "notice", "Snow", "--text", "因大雪，送货改至明天。", "--until", "23:50", "--licences", "list.txt"
    )
    assert "campaign 1: 2 retailers" in made.output
    assert "notice" in run("campaigns", "list").output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("report", "9"), "no campaign 9"),
        (("preview", "9"), "no campaign 9"),
        (("preview",), "--until"),
        (("start", "9"), "no campaign 9"),
        (("create", "X", "--until", "00:00"), "choose later times"),
        (("create", "X", "--until", "23:50", "--region", "999999"), "no region 999999"),
        (("create", "X", "--until", "23:50", "--licences", "none.txt"), "can't be read"),
        (("create", "X", "--until", "23:50", "--licences", "wrong.txt"), "12 digits a line"),
        (("notice", "X", "--until", "23:50", "--text", "雪"), "say whom it is for"),
        (("phones", "--close", "4"), "no open task 4"),
    ],
)
def test_what_can_t_be_done_says_why(folder: Path, arguments: tuple[str, ...], why: str) -> None:
    Path("wrong.txt").write_text("42010210000\n")
    result = run("campaigns", *arguments)
    assert result.exit_code != 0
    assert why in result.output


def test_phones_to_look_into(folder: Path) -> None:
    store = opened(folder)
    with store.transaction() as session:
        now = datetime.now(UTC)
        session.add(PhoneTask(retailer_id=1, number="13800000001", opened_at=now, reason="3 calls failed"))
    store.close()
    assert "13800000001  3 calls failed" in run("campaigns", "phones").output
    assert "0 open" in run("campaigns", "phones", "--close", "1").output


def test_only_the_node_with_the_lease_cares(folder: Path) -> None:
    run("campaigns", "create", "Monday", "--until", "23:50", "--batch", "daily")
    config = Config(data=str(folder / "data"), timezone=noon_somewhere(), node="n1")
    store = opened(folder)
    care = CampaignCare(store, calling_desk(config), config)
    now = datetime.now(UTC)
    with store.transaction() as session:
        other = leases.take(session, LEASE, "n2", now, LEASE_LASTS)
    assert other is not None
    assert care.care() is None
    with store.transaction() as session:
        session.execute(update(Lease).values(until=now - timedelta(seconds=1)))
    cared = care.care()
    assert cared is not None
    assert cared.begun == 1
    with store.session() as session:
        assert session.scalars(select(Campaign.state)).all() == ["running"]
        assert session.scalars(select(CampaignTarget.id)).all()
    store.close()


def test_the_configuration_reaches_the_rules() -> None:
    campaigns = {"windows": ("10:00-11:30",), "spacing_min": 45, "per_day": 1, "retry": {"busy": 7, "most": 2}}
    config = Config(campaigns=campaigns)  # type: ignore[arg-type]
    rules, retry = calling_rules(config), retry_plan(config)
    assert [(str(opens), str(closes)) for opens, closes in rules.windows] == [("10:00:00", "11:30:00")]
    assert (rules.spacing_s, rules.per_day, rules.per_month) == (2700, 1, 3)
    assert (retry.wait_s["busy"], retry.wait_s["no_answer"], retry.most) == (420, 2700, 2)
