"""Demo data: a small city's catalogue, retailers, allocations and past orders; the same on every machine.

PINs: every demo retailer's PIN is 1234, but the locked one's, which nobody needs to know. Retailers to call as:

    13800000001  阳光便利店   due every day, usual basket of five kinds and twenty cartons, 205 limited to 2
                 (13900000001 is its backup phone; licence 420102100001)
    13800000002  shared by three shops
    13800000003  region suspended because of weather
    13800000004  orders on the day after tomorrow only
    13800000005  speaks English
    13800000006  assisted: slower prompts
    13800000007  no usual basket, no allocation of tight goods (licence 420102100007)
    13800000008  PIN locked
    13800000009  licence suspended
    13800000010  closed: its number is unknown

All agreed to be reminded by telephone but 13800000011, whom nobody asked, and 13800000031, who refused.

Two licences end in 200011: 420102200011 and 420103200011. `orders.demo_catalogue` holds the articles.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.demo_catalogue import ARTICLES
from orders.models import (
    Allocation,
    Article,
    Batch,
    CallConsent,
    Draft,
    Manager,
    Order,
    OrderLine,
    Phone,
    Region,
    Retailer,
    RetailerLimit,
    Route,
    SuspensionNotice,
)
from orders.pins import hash_pin
from orders.supply import period_of

DEMO_PIN = "1234"
REGIONS = (
    ("420102", "江岸片区", "Jiang'an"),
    ("420103", "江汉片区", "Jianghan"),
    ("420104", "硚口片区", "Qiaokou"),
    ("420105", "汉阳片区", "Hanyang"),
    ("420112", "城东片区", "East City"),
)
NAMED: tuple[tuple[str, str, str, str, str, str, dict[str, object]], ...] = (
    # licence, name, English name, phone, backup, batch, extras
    ("420102100001", "阳光便利店", "Sunshine Store", "13800000001", "13900000001", "daily", {}),
    ("420102100002", "幸福超市", "Happiness Market", "13800000002", "13900000002", "daily", {}),
    ("420102100012", "团结烟酒店", "Unity Tobacco", "13800000002", "13900000012", "daily", {}),
    ("420103100022", "长江小卖部", "Yangtze Kiosk", "13800000002", "13900000022", "daily", {}),
    ("420112100003", "东湖商店", "East Lake Shop", "13800000003", "13900000003", "daily", {}),
    ("420102100004", "春风副食", "Spring Breeze Foods", "13800000004", "13900000004", "later", {}),
    ("420104100005", "环球便利店", "Globe Store", "13800000005", "13900000005", "daily", {"language": "en"}),
    ("420104100006", "夕阳红小店", "Sunset Corner", "13800000006", "13900000006", "daily", {"assisted": True}),
    ("420102100007", "新街口商行", "New Street Trading", "13800000007", "13900000007", "office", {}),
    ("420102100008", "平安商店", "Peace Shop", "13800000008", "13900000008", "daily", {"locked": True}),
    ("420105100009", "汉江烟酒", "Han River Tobacco", "13800000009", "13900000009", "daily", {"status": "suspended"}),
    ("420105100010", "旧城杂货", "Old Town Goods", "13800000010", "13900000010", "daily", {"status": "closed"}),
    ("420102200011", "吉祥便利店", "Lucky Store", "13800000011", "13900000011", "daily", {}),
    ("420103200011", "如意便利店", "Ruyi Store", "13800000031", "13900000031", "daily", {}),
)
UNASKED = "420102200011"
REFUSING = "420103200011"
WITHOUT_USUAL = ("13800000007",)
USUAL = (("101", 5), ("102", 4), ("301", 4), ("303", 4), ("401", 3))
FILLERS = 200
FAMILY_NAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗"
SHOP_KINDS = ("便利店", "超市", "烟酒店", "副食店", "小卖部")


def load_demo(session: Session, today: date, pin_key: bytes) -> int:
    """Write the demo data into an empty database, as of `today`; returns the number of retailers (0: it was there)."""
    if session.scalar(select(Article.code).limit(1)) is not None:
        return 0
    for row in ARTICLES:
        session.add(Article(**row))
    regions = {code: Region(code=code, name_zh=zh, name_en=en) for code, zh, en in REGIONS}
    session.add_all(regions.values())
    batches = _batches(today)
    session.add_all(batches.values())
    session.add_all(Route(code=f"R{number:02d}", name=f"{number}号线路") for number in range(1, 13))
    session.add_all(Manager(name=f"{FAMILY_NAMES[number]}经理", phone=f"1370000{number:04d}") for number in range(10))
    session.flush()
    pin_hash = hash_pin(DEMO_PIN, pin_key)
    named = [_named(row, regions, batches, pin_hash, pin_key) for row in NAMED]
    fillers = [_filler(number, regions, batches, pin_hash) for number in range(FILLERS)]
    session.add_all(named + fillers)
    session.flush()
    _limits(session, today, named)
    _past_orders(session, today, [*named, *fillers[::4]])
    _consents(session, [*named, *fillers])
    session.add(
        SuspensionNotice(
            region_id=regions["420112"].id,
            reason="weather",
            starts_on=today - timedelta(days=1),
            resumes_on=today + timedelta(days=4),
            approved_by="领导小组",
        )
    )
    session.flush()
    return len(named) + len(fillers)


def _batches(today: date) -> dict[str, Batch]:
    later = str((today + timedelta(days=2)).isoweekday())
    batches = {
        "daily": Batch(code="daily", weekdays="1234567", cutoff="23:59"),
        "office": Batch(code="office", weekdays="1234567", cutoff="16:00"),
        "later": Batch(code="later", weekdays=later, cutoff="16:00"),
    }
    for weekday in range(1, 6):
        batches[f"day{weekday}"] = Batch(code=f"day{weekday}", weekdays=str(weekday), cutoff="16:00")
    return batches


def _named(
    row: tuple[str, str, str, str, str, str, dict[str, object]],
    regions: dict[str, Region],
    batches: dict[str, Batch],
    pin_hash: str,
    pin_key: bytes,
) -> Retailer:
    licence, name_zh, name_en, phone, backup, batch, extras = row
    locked = bool(extras.get("locked"))
    return Retailer(
        licence_no=licence,
        licence_tail=licence[-6:],
        name_zh=name_zh,
        name_en=name_en,
        region_id=regions[licence[:6]].id,
        route_id=1,
        manager_id=1,
        batch_id=batches[batch].id,
        grade="A",
        language=str(extras.get("language", "zh")),
        status=str(extras.get("status", "active")),
        assisted=bool(extras.get("assisted")),
        pin_hash=hash_pin("90817263", pin_key) if locked else pin_hash,
        pin_failures=3 if locked else 0,
        pin_locked_at=datetime(2026, 1, 5, 8, tzinfo=UTC) if locked else None,
        phones=[Phone(number=phone, kind="primary"), Phone(number=backup, kind="backup")],
    )


def _filler(number: int, regions: dict[str, Region], batches: dict[str, Batch], pin_hash: str) -> Retailer:
    region = REGIONS[number % len(REGIONS)][0]
    licence = f"{region}3{number + 1:05d}"
    family = FAMILY_NAMES[number % len(FAMILY_NAMES)]
    kind = SHOP_KINDS[number // len(FAMILY_NAMES) % len(SHOP_KINDS)]
    return Retailer(
        licence_no=licence,
        licence_tail=licence[-6:],
        name_zh=f"{family}记{kind}{number // 100 + 1}店",
        name_en=f"Shop {number + 1}",
        region_id=regions[region].id,
        route_id=number % 12 + 1,
        manager_id=number % 10 + 1,
        batch_id=batches[f"day{number % 5 + 1}"].id,
        grade="ABC"[number % 3],
        pin_hash=pin_hash,
        phones=[
            Phone(number=f"135{number:08d}", kind="primary"),
            Phone(number=f"136{number:08d}", kind="backup"),
        ],
    )


def _limits(session: Session, today: date, named: list[Retailer]) -> None:
    """This month's and next month's, so that a demo that runs over the turn of the month goes on."""
    following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    for period in (period_of(today), period_of(following)):
        for row in ARTICLES:
            if row["category"] == "regular":
                continue
            tight = row["category"] == "tight"
            for grade, cartons in (("A", 5 if tight else 30), ("B", 3 if tight else 20), ("C", 1 if tight else 10)):
                session.add(Allocation(period=period, article_code=row["code"], retailer_grade=grade, cartons=cartons))
        for retailer in named:
            without = any(phone.number in WITHOUT_USUAL for phone in retailer.phones)
            session.add(
                RetailerLimit(
                    period=period,
                    article_code="205",
                    retailer_id=retailer.id,
                    cartons=0 if without else 2,
                    reason="demo",
                )
            )


def _consents(session: Session, retailers: list[Retailer]) -> None:
    for retailer in retailers:
        if retailer.licence_no != UNASKED:
            state = "refused" if retailer.licence_no == REFUSING else "given"
            at = datetime(2026, 1, 5, 8, tzinfo=UTC)
            session.add(CallConsent(retailer_id=retailer.id, state=state, proof="demo: service agreement", at=at))


def _past_orders(session: Session, today: date, retailers: list[Retailer]) -> None:
    """One settled order of the month before for each, which is what "the usual basket" means."""
    day = today.replace(day=1) - timedelta(days=3)
    placed_at = datetime(day.year, day.month, day.day, 2, 30, tzinfo=UTC)
    prices = {str(row["code"]): int(str(row["price_fen"])) for row in ARTICLES}
    for number, retailer in enumerate(retailers, start=1):
        if any(phone.number in WITHOUT_USUAL for phone in retailer.phones):
            continue
        draft = Draft(retailer_id=retailer.id, order_day=day, state="placed")
        session.add(draft)
        session.flush()
        order = Order(
            order_no=f"{day:%Y%m%d}{number:06d}",
            order_key=f"{retailer.id}-{day:%Y%m%d}-{draft.id}",
            draft_id=draft.id,
            retailer_id=retailer.id,
            order_day=day,
            placed_at=placed_at,
            amount_fen=sum(prices[code] * cartons for code, cartons in USUAL),
            status="debited",
        )
        order.lines = [
            OrderLine(position=position, article_code=code, requested=cartons, accepted=cartons, price_fen=prices[code])
            for position, (code, cartons) in enumerate(USUAL, start=1)
        ]
        session.add(order)
