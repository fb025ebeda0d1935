"""What each role may do: one table, read by the pages, the API and the tests. Who changes goods places no orders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

Role = Literal[
    "agent",
    "customer_manager",
    "market_manager",
    "approver",
    "information_centre",
    "supervisor",
    "auditor",
    "administrator",
]
Permission = Literal[
    "live.see",
    "calls.see",
    "desk.use",
    "callbacks.work",
    "retailers.see",
    "retailers.change",
    "goods.see",
    "goods.change",
    "days.see",
    "days.change",
    "orders.see",
    "orders.retry",
    "imports.run",
    "pictures.see",
    "audit.see",
    "users.manage",
    "tokens.manage",
]

ROLES: tuple[Role, ...] = get_args(Role)
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

_READING: frozenset[Permission] = frozenset({"retailers.see", "goods.see", "days.see", "orders.see"})

ALLOWED: dict[Role, frozenset[Permission]] = {
    "agent": _READING | {"live.see", "calls.see", "desk.use", "callbacks.work"},
    "customer_manager": _READING | {"retailers.change"},
    "market_manager": _READING | {"live.see", "calls.see", "retailers.change", "pictures.see"},
    "approver": _READING | {"live.see", "pictures.see"},
    "information_centre": _READING
    | {
        "live.see",
        "calls.see",
        "retailers.change",
        "goods.change",
        "days.change",
        "orders.retry",
        "imports.run",
        "pictures.see",
    },
    "supervisor": _READING | {"live.see", "calls.see", "desk.use", "callbacks.work", "orders.retry", "pictures.see"},
    "auditor": _READING | {"live.see", "calls.see", "pictures.see", "audit.see"},
    "administrator": _READING | {"live.see", "audit.see", "users.manage", "tokens.manage"},
}


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """What somebody with these roles may do; an unknown role allows nothing."""
    known = {role: allowed for role, allowed in ALLOWED.items() if role in set(roles)}
    return frozenset().union(*known.values())
