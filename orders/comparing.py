"""Our orders of a day against what the sales system holds: every difference by name. Pure.

An order that is still on its way is no difference; one that is there under its key with the same lines and total is
right, whatever way it took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from orders.connectors.port import HeldLine, HeldOrder

DifferenceKind = Literal[
    "missing_there",  # we handed it over, the sales system does not hold it
    "unknown_here",  # it holds an order under a key that we never gave
    "double_there",  # it holds several under one key
    "dead_but_there",  # we gave it up, yet it arrived
    "other_amount",  # totals differ
    "other_lines",  # a line is missing, more, or has another quantity or price
    "other_id",  # it is held under another id than the one we were told
    "rejected_there",  # taken out again over there
]


@dataclass(frozen=True, slots=True)
class OurOrder:
    """A confirmed order and how its hand-over stands: waiting, sent or dead; `external_id` as we were told it."""

    order_key: str
    order_no: str
    handed_over: Literal["waiting", "sent", "dead"]
    external_id: str
    amount_fen: int
    lines: tuple[HeldLine, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be, in words for the person who settles it."""

    order_key: str
    kind: DifferenceKind
    detail: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A day compared. `matched`: on both sides and alike; `under_way`: not handed over yet."""

    ours: int
    held: int
    matched: int
    under_way: int
    differences: tuple[Difference, ...]


def compare(ours: Iterable[OurOrder], held: Iterable[HeldOrder]) -> Comparison:
    """Both sides of one order day, by key, lines and totals."""
    mine = {order.order_key: order for order in ours}
    theirs: dict[str, list[HeldOrder]] = {}
    for one in held:
        theirs.setdefault(one.order_key, []).append(one)
    differences: list[Difference] = []
    matched = under_way = 0
    for key, order in mine.items():
        found = _of_one(order, theirs.get(key, []))
        differences += found
        if not found and key in theirs:
            matched += 1
        elif not found:
            under_way += order.handed_over == "waiting"
    differences += [_unknown(one) for key, those in theirs.items() if key not in mine for one in those]
    count = sum(map(len, theirs.values()))
    return Comparison(len(mine), count, matched, under_way, tuple(differences))


def _of_one(order: OurOrder, held: list[HeldOrder]) -> list[Difference]:
    def differs(kind: DifferenceKind, detail: str) -> Difference:
        return Difference(order.order_key, kind, detail)

    if not held:
        if order.handed_over != "sent":
            return []
        return [differs("missing_there", f"order {order.order_no} was taken there as {order.external_id}")]
    if len(held) > 1:
        ids = ", ".join(one.external_id for one in held)
        return [differs("double_there", f"order {order.order_no} is held {len(held)} times: {ids}")]
    there, found = held[0], []
    if order.handed_over == "dead":
        found.append(differs("dead_but_there", f"given up here, held there as {there.external_id}"))
    if order.handed_over == "sent" and there.external_id != order.external_id:
        found.append(differs("other_id", f"held as {there.external_id}, we were told {order.external_id}"))
    if there.status == "rejected":
        found.append(differs("rejected_there", there.reason or "no reason given"))
    if there.amount_fen != order.amount_fen:
        found.append(differs("other_amount", f"{_yuan(there.amount_fen)} there, {_yuan(order.amount_fen)} here"))
    if unlike := _unlike_lines(order.lines, there.lines):
        found.append(differs("other_lines", "; ".join(unlike)))
    return found


def _unlike_lines(ours: tuple[HeldLine, ...], theirs: tuple[HeldLine, ...]) -> list[str]:
    mine, there = Counter(ours), Counter(theirs)
    return [f"only here: {_line(line)}" for line in (mine - there).elements()] + [
        f"only there: {_line(line)}" for line in (there - mine).elements()
    ]


def _unknown(order: HeldOrder) -> Difference:
    detail = f"held as {order.external_id}, {_yuan(order.amount_fen)}, {len(order.lines)} lines; never sent from here"
    return Difference(order.order_key, "unknown_here", detail)


def _line(line: HeldLine) -> str:
    return f"{line.article_code}×{line.accepted} at {_yuan(line.price_fen)}"


def _yuan(fen: int) -> str:
    return f"¥{fen / 100:.2f}"
