"""What the console is given at its start; no view reaches for anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from admin.staff.signing_in import SigningIn
from admin.web.queries import LineStatus
from orders.faults.clauses import Terms
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from speech.wording import Wording


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> None: ...


def _no_lines(_name: str, _number: str) -> tuple[str, str]:
    raise ValueError("this node has no Asterisk to test lines by")


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """`key` signs cookies; `order_placed` wakes the dispatcher, for an order placed at the desk or sent again.

    `try_line` makes a test call by a line to a number ("" for the usual one); it answers result and detail. Raises
    ValueError when it can't.
    """

    store: Store
    signing_in: SigningIn
    desk: DomainOrderDesk
    wording: Wording
    key: bytes
    lines: Callable[[], tuple[LineStatus, ...]] = tuple
    order_placed: Callable[[], None] = _nothing
    now: Callable[[], datetime] = _utc_now
    try_line: Callable[[str, str], tuple[str, str]] = _no_lines
    terms: Terms | None = None

    @property
    def zone(self) -> ZoneInfo:
        return self.desk.zone

    @property
    def fault_terms(self) -> Terms:
        """Working days and office hours by which tickets are due."""
        return self.terms or Terms(self.zone)
