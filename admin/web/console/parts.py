"""What the console is given at its start; no view reaches for anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from admin.staff.signing_in import SigningIn
from admin.web.queries import LineStatus
from orders.order_desk import DomainOrderDesk
from orders.store import Store
from speech.wording import Wording


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """`key` signs cookies; `order_placed` wakes the dispatcher, for an order placed at the desk or sent again."""

    store: Store
    signing_in: SigningIn
    desk: DomainOrderDesk
    wording: Wording
    key: bytes
    lines: Callable[[], tuple[LineStatus, ...]] = tuple
    order_placed: Callable[[], None] = _nothing
    now: Callable[[], datetime] = _utc_now

    @property
    def zone(self) -> ZoneInfo:
        return self.desk.zone
