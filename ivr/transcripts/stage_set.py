"""The world a transcript plays in: the demo data in a database of its own, a clock that stands still, real rules.

GIVEN STOCK 318 0                       an article's stock, in cartons
GIVEN NO SUBSTITUTE 318                 its whole class but itself is off sale
GIVEN WITHDRAWN 318                     off sale from now on
GIVEN LIMIT 205 13800000001 3           a retailer's own limit of an article this month
GIVEN LICENCE SUSPENDED 13800000001     a retailer that may not order at present
GIVEN SALES DOWN                        the sales system takes nothing at present
GIVEN AGENTS sip:agents@127.0.0.1       where calls are transferred to
GIVEN RECORDING                         calls are recorded
GIVEN RINGS 13800000001                 our call to this retailer, answered below by WE CALL, rings already
GIVEN NOTICE 送货改至明天                 what we call retailers for is this notice, not their order day
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.orm import Session

from ivr.dialogue.settings import Settings
from ivr.transcripts.calls_out import CallsOut, consent_of, outcome_of
from orders.calling.desk import CallingDesk
from orders.demo import load_demo
from orders.identification import normalised
from orders.migrations import upgrade
from orders.models import (
    Article,
    CallbackRequest,
    DemandLine,
    Draft,
    Order,
    Phone,
    Retailer,
    RetailerLimit,
    SalesLink,
)
from orders.order_desk import DomainOrderDesk
from orders.placing import SALES_LINK
from orders.store import Store, open_store
from orders.supply import period_of
from orders.values import Errand
from speech.wording import Wording

ZONE = ZoneInfo("Asia/Shanghai")
OPENING = "2026-11-23 10:00"
PIN_KEY = b"only for transcripts"
HOTLINE = "95001"


class World:
    """One transcript's database, desk, clock and settings. In memory, or in a new `file`."""

    def __init__(self, wording: Wording, file: Path | None = None) -> None:
        self.wording = wording
        self.settings = Settings()
        self._clock = _local(OPENING)
        self.store = _store_in(file, self._clock.date()) if file else _memory_store(self._clock.date())
        self.calls_out = CallsOut(CallingDesk(now=lambda _session: self.now(), callback_number=HOTLINE))
        self.desk = DomainOrderDesk(PIN_KEY, ZONE, now=self.now, calling=self.calls_out.desk)

    def now(self) -> datetime:
        return self._clock.astimezone(UTC)

    def set_clock(self, text: str) -> None:
        self._clock = _local(text)

    def given(self, text: str) -> None:
        """Change the world as a GIVEN line says. Raises ValueError for one that means nothing."""
        for beginning, change in self._changes().items():
            if text == beginning or text.startswith(beginning + " "):
                with self.store.transaction() as session:
                    change(session, text.removeprefix(beginning).split())
                return
        raise ValueError(f"GIVEN {text}: begins with none of {', '.join(self._changes())}")

    def _changes(self) -> dict[str, Callable[[Session, list[str]], None]]:
        return {
            "STOCK": _stock,
            "WITHDRAWN": _withdrawn,
            "NO SUBSTITUTE": _no_substitute,
            "LIMIT": self._limit,
            "SALES DOWN": _sales_down,
            "AGENTS": self._agents,
            "RECORDING": self._recording,
            "NOTICE": self._notice,
            "RINGS": self._rings,
            "LICENCE SUSPENDED": _suspend,
        }

    def _limit(self, session: Session, words: list[str]) -> None:
        code, number, cartons = words
        period = period_of(self._clock.date())
        retailer_id = _retailer_id(session, number)
        session.execute(
            delete(RetailerLimit).where(
                RetailerLimit.period == period,
                RetailerLimit.article_code == code,
                RetailerLimit.retailer_id == retailer_id,
            )
        )
        session.add(RetailerLimit(period=period, article_code=code, retailer_id=retailer_id, cartons=int(cartons)))

    def _agents(self, _session: Session, words: list[str]) -> None:
        self.settings = replace(self.settings, agents=words[0])

    def _recording(self, _session: Session, _words: list[str]) -> None:
        self.settings = replace(self.settings, recording=True)

    def _notice(self, _session: Session, words: list[str]) -> None:
        self.calls_out.notice = " ".join(words)

    def _rings(self, session: Session, words: list[str]) -> None:
        self.calls_out.ring(session, _retailer_id(session, words[0]), self.now())

    def errand(self, call: str, number: str) -> Errand:
        """Plan, claim and dial a call to this retailer, as a campaign does; what its conversation is told."""
        with self.store.transaction() as session:
            retailer = _retailer_id(session, number)
            return self.calls_out.place(session, call, retailer, self.now())

    def differs(self, verb: str, text: str, call: str) -> str:
        """ "" when the database is as the line says, else what is there instead. `call` is the call's id."""
        with self.store.session() as session:
            if verb in ("OUTCOME", "CONSENT"):
                found = outcome_of(session, call, ZONE) if verb == "OUTCOME" else consent_of(session, call)
            else:
                found = _found(session, verb, call)
        wanted = "" if verb in ("NO ORDER", "NO DRAFT") else text
        if verb in ("DEMAND", "CALLBACK"):
            return "" if wanted in found.split() else f"expected {verb} {wanted}, but there is {found or 'none'}"
        return "" if wanted == found else f"expected {verb} {wanted}, but there is {found or 'none'}"


def _found(session: Session, verb: str, call: str) -> str:
    match verb:
        case "ORDER" | "NO ORDER":
            order = session.scalar(select(Order).where(Order.call_id == call).order_by(Order.id.desc()).limit(1))
            lines = order.lines if order else []
            return " ".join(f"{line.article_code}×{line.accepted}" for line in lines)
        case "DRAFT" | "NO DRAFT":
            draft = session.scalar(select(Draft).where(Draft.state == "open").order_by(Draft.id.desc()).limit(1))
            return " ".join(f"{line.article_code}×{line.accepted}" for line in draft.lines) if draft else ""
        case "DEMAND":
            demand = session.scalars(select(DemandLine))
            return " ".join(f"{line.article_code}×{line.requested}" for line in demand)
    requests = session.scalars(select(CallbackRequest).where(CallbackRequest.call_id == call))
    return " ".join(request.reason for request in requests)


def _stock(session: Session, words: list[str]) -> None:
    code, cartons = words
    session.execute(update(Article).where(Article.code == code).values(stock=int(cartons)))


def _withdrawn(session: Session, words: list[str]) -> None:
    session.get_one(Article, words[0]).on_sale = False


def _no_substitute(session: Session, words: list[str]) -> None:
    article = session.get_one(Article, words[0])
    others = update(Article).where(Article.grade == article.grade, Article.code != article.code)
    session.execute(others.values(on_sale=False))


def _suspend(session: Session, words: list[str]) -> None:
    retailer = _retailer_id(session, words[0])
    session.execute(update(Retailer).where(Retailer.id == retailer).values(status="suspended"))


def _sales_down(session: Session, _words: list[str]) -> None:
    session.merge(SalesLink(name=SALES_LINK, open=False, failures=3, reason="told so by the transcript"))


def _retailer_id(session: Session, number: str) -> int:
    query = select(Phone.retailer_id).where(Phone.number == normalised(number)).limit(1)
    return session.scalars(query).one()


@cache
def _demo_image(day: date) -> bytes:
    """A whole SQLite database with the demo data, made once: each transcript gets a copy of its own."""
    store = open_store("sqlite://")
    upgrade(store)
    with store.transaction() as session:
        load_demo(session, day, PIN_KEY)
    with store.engine.connect() as connection:
        image = _driver(connection).serialize()
    store.close()
    return image


def _memory_store(day: date) -> Store:
    store = open_store("sqlite://")
    with store.engine.connect() as connection:
        connection.rollback()
        _driver(connection).deserialize(_demo_image(day))
    return store


def _store_in(file: Path, day: date) -> Store:
    """A file instead of memory, for worlds that several threads live in."""
    file.write_bytes(_demo_image(day))
    return open_store(f"sqlite:///{file}")


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _local(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)
