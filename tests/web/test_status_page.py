"""The status page: what it shows of the store, what it hides, and what it says when the store can't be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from admin.web.app import create_app
from admin.web.languages import load_texts
from admin.web.queries import LineStatus, Status, StoreQueries, masked_number
from bench.postgres_cluster import cluster
from ivr.dialogue.flow import STAGES
from orders.demo import load_demo
from orders.models import Base, Call, CallbackRequest, Draft, Order, OrderLine, OutboxRow, Retailer, SalesLink
from orders.store import Store, open_store
from orders.values import Names
from tests.web.conftest import EMPTY, NOON, SETTINGS, FixedQueries
from tests.web.scripted import Conversation

LINES = (LineStatus("sip", "up", "sip:127.0.0.1:5062", 2),)
DAY_BEGAN = datetime(2026, 11, 22, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """The demo data on each kind of database."""
    store = open_store("sqlite://" if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    Base.metadata.drop_all(store.engine)
    Base.metadata.create_all(store.engine)
    with store.transaction() as session:
        load_demo(session, date(2026, 11, 23), b"k" * 32)
    yield store
    store.close()


@pytest.fixture
def retailer(store: Store) -> int:
    with store.session() as session:
        return session.scalars(select(Retailer.id).where(Retailer.name_zh == "阳光便利店")).one()


def status_of(store: Store) -> Status:
    return StoreQueries(store, lambda: LINES, most_rows=3).status(DAY_BEGAN)


def add_call(store: Store, call: str, **values: object) -> None:
    row = {
        "id": call,
        "node": "a",
        "boot": "b",
        "line": "sip",
        "caller": "13800000001",
        "called": "100",
        "started_at": NOON,
        "stage": "awaiting_pin",
        "state": "{}",
        "sequence": 1,
    }
    with store.transaction() as session:
        session.execute(insert(Call).values(**row | values))


def add_order(store: Store, retailer: int, number: int, outbox: str, placed_at: datetime) -> None:
    with store.transaction() as session:
        draft = Draft(retailer_id=retailer, order_day=date(2026, 11, 23), state="placed")
        session.add(draft)
        session.flush()
        order = Order(
            order_no=f"26112{number:04d}",
            order_key=f"key-{number}",
            draft_id=draft.id,
            retailer_id=retailer,
            order_day=date(2026, 11, 23),
            placed_at=placed_at,
            amount_fen=265000,
            status="accepted",
            lines=[
                OrderLine(position=1, article_code="101", requested=12, accepted=10, price_fen=100),
                OrderLine(position=2, article_code="102", requested=4, accepted=4, price_fen=100),
            ],
        )
        session.add(order)
        session.flush()
        session.add(
            OutboxRow(
                order_id=order.id,
                order_key=order.order_key,
                retailer_id=retailer,
                payload="{}",
                state=outbox,
                created_at=placed_at,
                next_attempt_at=placed_at,
            )
        )


def test_calls_in_progress_are_shown_newest_first_and_ended_ones_not(store: Store, retailer: int) -> None:
    add_call(store, "one", retailer_id=retailer, started_at=NOON - timedelta(minutes=2))
    add_call(store, "two", caller="", stage="awaiting_licence_tail")
    add_call(store, "over", ended_at=NOON)
    status = status_of(store)
    assert status.open_calls == 2
    assert [(row.caller, row.shop) for row in status.calls] == [
        ("", None),
        ("138****0001", Names("阳光便利店", "Sunshine Store")),
    ]
    assert status.calls[1].started_at == NOON - timedelta(minutes=2)
    assert status.lines == LINES


def test_lists_are_bounded_and_counts_are_not(store: Store) -> None:
    for number in range(5):
        add_call(store, f"call-{number}")
    status = status_of(store)
    assert (len(status.calls), status.open_calls) == (3, 5)


def test_latest_orders_with_their_way_to_the_sales_system(store: Store, retailer: int) -> None:
    before = status_of(store)
    add_order(store, retailer, 1, "sent", NOON - timedelta(days=1))
    add_order(store, retailer, 2, "waiting", NOON - timedelta(minutes=5))
    add_order(store, retailer, 3, "dead", NOON)
    status = status_of(store)
    assert [(row.order_no, row.outbox, row.kinds, row.cartons) for row in status.orders] == [
        ("261120003", "dead", 2, 14),
        ("261120002", "waiting", 2, 14),
        ("261120001", "sent", 2, 14),
    ]
    assert status.orders_today == before.orders_today + 2
    handover = status.handover
    assert (handover.sent - before.handover.sent, handover.waiting, handover.dead) == (1, 1, 1)
    assert handover.waiting_since == NOON - timedelta(minutes=5)


def test_a_closed_sales_system_and_its_reason(store: Store) -> None:
    assert status_of(store).handover.open
    with store.transaction() as session:
        session.add(SalesLink(name="sql", open=False, reason="connection refused"))
    handover = status_of(store).handover
    assert (handover.open, handover.reason) == (False, "connection refused")


def test_open_callbacks_in_their_order(store: Store, retailer: int) -> None:
    with store.transaction() as session:
        for minute, state in ((3, "open"), (1, "open"), (2, "closed")):
            session.add(
                CallbackRequest(
                    call_id=f"c{minute}",
                    retailer_id=retailer,
                    number="13800000001",
                    reason="asked",
                    stage="awaiting_article",
                    requested_at=NOON + timedelta(minutes=minute),
                    state=state,
                )
            )
    status = status_of(store)
    assert status.open_callbacks == 2
    assert [row.requested_at.minute for row in status.callbacks] == [1, 3]
    assert status.callbacks[0].caller == "138****0001"


def test_reading_never_waits_for_the_writer(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A call that is being stored holds the write lock: the page is read beside it."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('db') / 'orderline.db'}")
    Base.metadata.create_all(store.engine)
    with store.transaction() as session:
        session.add(SalesLink(name="sql", open=True))
        session.flush()
        assert status_of(store).open_calls == 0
    store.close()


@pytest.mark.parametrize(
    ("number", "masked"),
    [("13800000001", "138****0001"), ("02712345678", "027****5678"), ("8005", "**05"), ("12", "12"), ("", "")],
)
def test_numbers_are_masked(number: str, masked: str) -> None:
    assert masked_number(number) == masked


# -- the page


@pytest.fixture
def client(conversation: Conversation, queries: FixedQueries) -> FlaskClient:
    app = create_app(
        SETTINGS,
        browser_line=conversation.open_line(),
        queries=queries,
        clip_file=conversation.clip_file,
        now=lambda: NOON,
    )
    return app.test_client()


def test_an_empty_system_has_a_page_that_says_what_to_do(client: FlaskClient) -> None:
    html = client.get("/?lang=en").text
    assert "Nobody is calling at the moment." in html
    assert '<a href="/phone?lang=en">Make a call with the browser phone</a>' in html
    assert "2026-11-23 12:00:00" in html


def test_the_page_shows_the_store(client: FlaskClient, queries: FixedQueries, store: Store, retailer: int) -> None:
    add_call(store, "one", retailer_id=retailer, started_at=NOON - timedelta(seconds=83))
    add_order(store, retailer, 2, "waiting", NOON - timedelta(minutes=5))
    queries.held = StoreQueries(store, lambda: LINES).status(DAY_BEGAN)
    html = client.get("/?lang=en").text
    for text in (
        "Sunshine Store",
        "Entering the PIN",
        "1:23",
        "261120002",
        "2 kinds, 14 cartons",
        "¥2,650.00",
        "11:55:00",
    ):
        assert text in html, text
    assert "13800000001" not in html
    assert "阳光便利店" in client.get("/?lang=zh").text


def test_refused_requests_of_a_line_are_counted_where_people_look(client: FlaskClient, queries: FixedQueries) -> None:
    shown = {field: getattr(EMPTY, field) for field in EMPTY.__slots__}
    queries.held = Status(**shown | {"lines": (LineStatus("twilio", "up", "+8627", 0, refused=3),)})
    assert "3 requests refused" in client.get("/?lang=en").text
    assert "已拒绝3个请求" in client.get("/?lang=zh").text
    queries.held = Status(**shown | {"lines": LINES})
    assert "refused" not in client.get("/?lang=en").text


def test_names_are_escaped(client: FlaskClient, queries: FixedQueries) -> None:
    queries.held = Status(
        **{field: getattr(EMPTY, field) for field in EMPTY.__slots__}
        | {"lines": (LineStatus("<script>alert(1)</script>", "up", '"><img>', 0),)}
    )
    html = client.get("/").text
    assert "<script>alert" not in html
    assert "<img>" not in html


def test_a_database_that_cannot_be_read_is_named_with_what_to_do(client: FlaskClient, queries: FixedQueries) -> None:
    queries.held = OperationalError("SELECT 1", {}, Exception("database is locked"))
    for path in ("/?lang=en", "/status?lang=en"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "another program holds the database" in answer.text


def test_every_stage_has_words_on_the_page() -> None:
    for language, texts in load_texts().items():
        assert [name for name in STAGES if f"stage.{name}" not in texts] == [], language
