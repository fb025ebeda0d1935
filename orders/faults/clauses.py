"""What the emergency plan demands of a fault, by its cause: the clause, what is due, who is called. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal
from zoneinfo import ZoneInfo

Cause = Literal["carrier", "board", "node", "network", "configuration"]
DeadlineOf = Literal["on_site", "resolved"]
Role = Literal["head", "technician", "carrier", "vendor", "province", "staff"]

SPARES = "spares:"
"""What a ticket is about begins so when it is not a fault but too few spare slots."""
LONGEST_ABOUT = 80
ESCALATED_TO: Role = "head"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something is wrong: why, with what ("trunk:carrier", "slot:board-a/3", "node:n1"), in a sentence."""

    cause: Cause
    about: str
    summary: str


@dataclass(frozen=True, slots=True)
class Clause:
    """`deadline_of`: somebody must be on site, or the fault resolved; `roles` are called in this order."""

    number: str
    deadline_of: DeadlineOf
    roles: tuple[Role, ...]


_CLAUSES: Mapping[Cause, Clause] = {
    "board": Clause("3.1.8", "on_site", ("vendor", "technician")),
    "node": Clause("3.1.7", "resolved", ("technician", "vendor")),
    "carrier": Clause("3.1.4", "resolved", ("carrier", "technician")),
    "network": Clause("3.1.4", "resolved", ("technician", "province")),
    "configuration": Clause("3.1.4", "resolved", ("technician",)),
}
_FEW_SPARES = Clause("3.1.8", "resolved", ("vendor", "technician"))


def clause_of(cause: Cause, about: str) -> Clause:
    """A shortage of spare slots is the board vendor's matter too, but nobody has to come running."""
    return _FEW_SPARES if about.startswith(SPARES) else _CLAUSES[cause]


@dataclass(frozen=True, slots=True)
class Terms:
    """Working days that each cause has, and the office hours by which they are counted, in local time.

    The plan gives one working day for boards and nodes; for the others it gives no number, so it is the house's own.
    """

    zone: ZoneInfo
    working_days: Mapping[Cause, int] = field(default_factory=dict)
    opens: time = time(8, 30)
    closes: time = time(17, 30)

    def days(self, cause: Cause) -> int:
        return self.working_days.get(cause, 1)
