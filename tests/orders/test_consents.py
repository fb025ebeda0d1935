"""Whether a retailer may be called: from files, and from what it keys. A refusal is final until somebody asks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from orders.calling import claims
from orders.calling.campaigns import Wish, make, move
from orders.calling.desk import CallingDesk
from orders.calling.planning import Filters
from orders.imports.load import Report, import_file
from orders.models import AuditEntry, CallConsent, CampaignTarget, Retailer
from orders.store import Store
from tests.orders.conftest import TEN, TODAY

HEAD = "许可证号,意愿,日期,凭证\n"
SUNSHINE = "420102100001"


def run(store: Store, folder: Path, *lines: str) -> Report:
    path = folder / "consents.csv"
    path.write_text(HEAD + "\n".join(lines), "utf-8")
    return import_file(store, "consents", path, pin_key=b"", keep_good=False)


def consent(store: Store, licence: str) -> CallConsent | None:
    with store.session() as session:
        retailer = session.scalars(select(Retailer.id).where(Retailer.licence_no == licence)).one()
        return session.get(CallConsent, retailer)


def ringing(store: Store, desk: CallingDesk, call: str = "c1", hours: float = 6) -> None:
    """A campaign for one retailer, whose telephone rings."""
    until = TEN + timedelta(hours=hours)
    with store.transaction() as session:
        wish = Wish("reminder", "Monday", TODAY, TEN, until, Filters(licences=(SUNSHINE,)))
        number = make(session, wish, desk.rules, "li", TEN).id
        move(session, number, "start", "li", TEN)
        (claim,) = claims.claim(session, "n1", TEN, 1)
        assert claims.begin_dialling(session, claim, call, TEN, desk.rules)
        session.flush()
        assert desk.answered(session, call) == ""


@pytest.fixture
def desk() -> CallingDesk:
    return CallingDesk(now=lambda _session: TEN)


def test_consent_and_refusal_come_by_file(store: Store, tmp_path: Path) -> None:
    report = run(store, tmp_path, "420102200011,同意,2026-11-01,表单7", f"{SUNSHINE},拒绝,2026-11-02,来电")
    assert report.faults == []
    asked, refused = consent(store, "420102200011"), consent(store, SUNSHINE)
    assert asked is not None
    assert (asked.state, asked.proof, asked.covers_more) == ("given", "表单7", False)
    assert refused is not None
    assert refused.state == "refused"


def test_an_older_paper_does_not_undo_a_refusal(store: Store, desk: CallingDesk, tmp_path: Path) -> None:
    ringing(store, desk)
    with store.transaction() as session:
        desk.refuse(session, "c1")
    (fault,) = run(store, tmp_path, f"{SUNSHINE},同意,2026-11-22,入网协议").faults
    assert "refused calls on 2026-11-23" in str(fault)
    assert "ask again" in str(fault)
    assert run(store, tmp_path, f"{SUNSHINE},同意,2026-12-01,重新签字").faults == []
    again = consent(store, SUNSHINE)
    assert again is not None
    assert (again.state, again.at) == ("given", datetime(2026, 12, 1, tzinfo=UTC))


def test_an_unknown_licence_is_named(store: Store, tmp_path: Path) -> None:
    (fault,) = run(store, tmp_path, "420102999999,同意,2026-11-01,表单").faults
    assert "no retailer with licence 420102999999" in str(fault)


def test_a_refusal_ends_every_campaign_and_is_in_the_audit(store: Store, desk: CallingDesk) -> None:
    ringing(store, desk)
    with store.transaction() as session:
        desk.refuse(session, "c1")
        desk.settle(session, "c1", "opted_out")
    with store.session() as session:
        assert session.scalars(select(CampaignTarget.state)).all() == ["done"]
        assert session.scalars(select(AuditEntry.what).where(AuditEntry.actor == "retailer")).all() == ["calls refused"]
    with store.transaction() as session:
        make(session, Wish("notice", "Snow", TODAY, TEN, TEN + timedelta(hours=2), Filters(licences=(SUNSHINE,)),
                           text_zh="雪"), desk.rules, "li", TEN)  # fmt: skip
        assert session.scalars(select(CampaignTarget.reason).order_by(CampaignTarget.id.desc())).first() == "refused"


@pytest.mark.parametrize(
    ("hours", "promised"),
    [
        (6, "11:00"),
        (0.75, "10:30"),  # an hour would be past the cut-off: as soon as the rules allow
        (0.4, ""),  # not even that
    ],
)
def test_what_is_promised_is_kept_and_nothing_else_is_promised(
    store: Store, desk: CallingDesk, hours: float, promised: str
) -> None:
    ringing(store, desk, hours=hours)
    with store.transaction() as session:
        assert desk.promise(session, "c1") == promised
        desk.settle(session, "c1", "asked_later")
    with store.session() as session:
        target = session.scalars(select(CampaignTarget)).one()
    assert target.state == ("waiting" if promised else "done")
    if promised:
        assert target.next_attempt_at.astimezone(desk.rules.zone).strftime("%H:%M") == promised


def test_the_caps_hold_for_promises_too(store: Store, desk: CallingDesk) -> None:
    ringing(store, desk)
    with store.transaction() as session:
        attempt, _ = claims.of_call(session, "c1")
        for number in (1, 2):
            session.add(
                type(attempt)(
                    target_id=attempt.target_id, number_of=10 + number, retailer_id=attempt.retailer_id,
                    call_id=f"old{number}", number="1", phone_kind="primary", outcome="no_answer",
                    began_at=TEN - timedelta(days=number), rang_at=TEN - timedelta(days=number),
                )
            )  # fmt: skip
        session.flush()
        assert desk.promise(session, "c1") == ""
