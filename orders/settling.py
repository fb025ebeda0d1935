"""What becomes of an order after it was placed: booked, awaiting debit, debited, or rejected; never back."""

from __future__ import annotations

from orders.models import Order

RANK = {"registered": 0, "accepted": 1, "awaiting_debit": 2, "debited": 3, "rejected": 4}


def move_on(order: Order, status: str) -> bool:
    """Note the status unless it would lead back: news come late, and not every source knows of debits."""
    if RANK[status] <= RANK[order.status]:
        return False
    order.status = status
    return True
