"""What stands in the files: an order as CSV, its manifest with counts and totals, and acknowledgements. Pure."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator

from orders.connectors.port import HeldLine, HeldOrder, HeldStatus, SalesOrder

COLUMNS = (
    "order_key",
    "order_no",
    "order_day",
    "placed_at",
    "channel",
    "licence_no",
    "retailer",
    "amount_fen",
    "position",
    "article_code",
    "requested",
    "accepted",
    "price_fen",
)
STATUSES: dict[str, HeldStatus] = {
    "accepted": "accepted",
    "awaiting_debit": "awaiting_debit",
    "debited": "debited",
    "rejected": "rejected",
    "已入账": "accepted",
    "待扣款": "awaiting_debit",
    "已扣款": "debited",
    "已拒绝": "rejected",
}


def order_as_csv(order: SalesOrder) -> bytes:
    """One line an article, the order's own fields repeated in each; UTF-8 with the mark that spreadsheets want."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for line in order.lines:
        own = (order.order_key, order.order_no, order.order_day, order.placed_at, order.channel, order.licence_no)
        sold = (line.position, line.article_code, line.requested, line.accepted, line.price_fen)
        rows.writerow((*own, _no_formula(order.retailer), order.amount_fen, *sold))
    return text.getvalue().encode("utf-8-sig")


def _no_formula(name: str) -> str:
    """A spreadsheet would run what begins like this."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name


def manifest_of(order: SalesOrder, content: bytes) -> bytes:
    """What the reader of the file checks it against."""
    about = {
        "order_key": order.order_key,
        "sha256": hashlib.sha256(content).hexdigest(),
        "lines": len(order.lines),
        "cartons": sum(line.accepted for line in order.lines),
        "amount_fen": order.amount_fen,
    }
    return json.dumps(about, indent=1).encode()


def order_from_csv(content: bytes, name: str) -> HeldOrder | None:
    """An order as it was dropped; None for a file that is none of ours."""
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        lines = tuple(HeldLine(row["article_code"], int(row["accepted"]), int(row["price_fen"])) for row in rows)
        return HeldOrder(rows[0]["order_key"], name, int(rows[0]["amount_fen"]), lines, "accepted")
    except (UnicodeDecodeError, csv.Error, KeyError, ValueError, IndexError, TypeError):
        return None


def acknowledgements(content: bytes) -> Iterator[tuple[str, HeldStatus, str]]:
    """(order key, status, reason) of each readable line: columns order_key, status, reason; others are passed over."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        return
    try:
        for row in csv.DictReader(io.StringIO(text)):
            key, status = (row.get("order_key") or "").strip(), STATUSES.get((row.get("status") or "").strip().lower())
            if key and status:
                yield key, status, (row.get("reason") or "").strip()[:200]
    except csv.Error:
        return
