"""What a person sets about the Tryton server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from orders.outbox import LEASE


@dataclass(frozen=True, slots=True)
class TrytonSettings:
    """Where the server is and how sales are written there. Raises ValueError, with what to write instead.

    `company`: its name there, "" when our user has only one. `taxes`: "none" when our prices are what the retailer
    pays; "added" when the product's taxes come on top of them. `category`: the account category of what is sold by
    phone, "" for all. `create_missing`: unknown parties and products (in `category`) are made at their first order;
    otherwise such an order is refused. `mark` begins the description of
    each of our sales. `calls_at_once`: as many as the server has web processes; more only makes each smaller.
    """

    url: str
    database: str
    user: str
    password: str = field(repr=False)
    company: str = ""
    currency: str = "CNY"
    unit: str = "条"
    taxes: Literal["none", "added"] = "none"
    create_missing: bool = False
    category: str = ""
    mark: str = "orderline"
    calls_at_once: int = 2
    timeout_s: float = 20.0
    gives_up_after_s: float = 45.0
    masters_kept_s: float = 600.0
    ca_file: str = ""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"{self.url!r} is no address of a Tryton server; write one such as https://erp.example.com"
            )
        if not self.database or not self.database.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"{self.database!r} is no name of a Tryton database; write letters, digits, - and _")
        if not self.mark.isalnum():
            raise ValueError(f"mark {self.mark!r} begins the description of our sales: write letters and digits")
        if self.create_missing and not self.category:
            raise ValueError("create_missing makes products in an account category: set its name as category")
        if self.calls_at_once < 1:
            raise ValueError("calls_at_once must be at least 1")
        if not 0 < self.timeout_s <= self.gives_up_after_s < LEASE.total_seconds():
            raise ValueError(
                f"timeout_s {self.timeout_s:g} must be above 0 and at most gives_up_after_s {self.gives_up_after_s:g}, "
                f"and that below {LEASE.total_seconds():g}, when another node may deliver the same order"
            )
