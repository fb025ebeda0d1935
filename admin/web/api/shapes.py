"""What the API answers with: one Struct a thing, from which the OpenAPI document is made too. Money is whole fen."""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct

from admin.web.console.call_record import Heard
from orders.models import Article, Call, Order, OutboxRow, Retailer


class OrderLine(Struct):
    """One line: what was wanted, what was accepted, its price a carton at the moment of placing."""

    position: int
    article_code: str
    requested: int
    accepted: int
    price_fen: int


class OrderShape(Struct):
    """A confirmed order; `handed_over` tells how far it has come: waiting, sent, dead, or "" for other channels."""

    order_no: str
    order_key: str
    licence_no: str
    order_day: date
    placed_at: datetime
    channel: str
    status: str
    handed_over: str
    amount_fen: int
    lines: list[OrderLine]


class RetailerShape(Struct):
    """A retailer with its phones; a PIN is never told."""

    licence_no: str
    name_zh: str
    name_en: str
    region: str
    batch: str
    grade: str
    language: str
    status: str
    assisted: bool
    primary_phone: str
    backup_phone: str


class ArticleShape(Struct):
    """An article of the catalogue; `stock` is what is not ordered yet."""

    code: str
    name_zh: str
    name_en: str
    category: str
    controlled: bool
    grade: str
    price_fen: int
    stock: int
    on_sale: bool
    order_limit: int | None


class CallShape(Struct):
    """A call; `ended_at` is null while it goes on."""

    id: str
    line: str
    caller: str
    called: str
    licence_no: str
    stage: str
    started_at: datetime
    ended_at: datetime | None
    end_cause: str


class TranscriptLine(Struct):
    """What was said, keyed, or happened; PIN digits are dots."""

    at: datetime
    kind: str
    text: str
    about: str


class OrderPage(Struct):
    """`next` is what to give as `after` for what follows; null at the end."""

    orders: list[OrderShape]
    next: str | None


class RetailerPage(Struct):
    """As `OrderPage`."""

    retailers: list[RetailerShape]
    next: str | None


class ArticleList(Struct):
    """All articles."""

    articles: list[ArticleShape]


class CallPage(Struct):
    """As `OrderPage`."""

    calls: list[CallShape]
    next: str | None


class CallWithTranscript(Struct):
    """A call and what was said and keyed so far."""

    call: CallShape
    transcript: list[TranscriptLine]


class Words(Struct):
    """What went wrong, for people."""

    zh: str
    en: str


class Fault(Struct):
    """`code` for programs."""

    code: str
    message: Words


class ErrorAnswer(Struct):
    """Every answer other than success."""

    error: Fault


def order_shape(order: Order, retailer: Retailer, outbox: OutboxRow | None) -> OrderShape:
    lines = [
        OrderLine(line.position, line.article_code, line.requested, line.accepted, line.price_fen)
        for line in order.lines
    ]
    return OrderShape(
        order.order_no,
        order.order_key,
        retailer.licence_no,
        order.order_day,
        order.placed_at,
        order.channel,
        order.status,
        outbox.state if outbox else "",
        order.amount_fen,
        lines,
    )


def retailer_shape(retailer: Retailer) -> RetailerShape:
    phones = {phone.kind: phone.number for phone in retailer.phones}
    return RetailerShape(
        retailer.licence_no,
        retailer.name_zh,
        retailer.name_en,
        retailer.region.code,
        retailer.batch.code,
        retailer.grade,
        retailer.language,
        retailer.status,
        retailer.assisted,
        phones.get("primary", ""),
        phones.get("backup", ""),
    )


def article_shape(article: Article) -> ArticleShape:
    return ArticleShape(
        article.code,
        article.name_zh,
        article.name_en,
        article.category,
        article.controlled,
        article.grade,
        article.price_fen,
        article.stock,
        article.on_sale,
        article.order_limit,
    )


def call_shape(call: Call, licence_no: str | None) -> CallShape:
    return CallShape(
        call.id,
        call.line,
        call.caller,
        call.called,
        licence_no or "",
        call.stage,
        call.started_at,
        call.ended_at,
        call.end_cause,
    )


def transcript_line(heard: Heard) -> TranscriptLine:
    return TranscriptLine(heard.at, heard.kind, heard.text, heard.about)
