"""A real Tryton behind a wire that breaks, and a straight look into its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace

from sqlalchemy import text

from bench.tryton_goods import Administrator
from bench.tryton_server import TrytonServer, tryton_server
from orders.connectors.port import SalesOrder
from orders.connectors.tryton import TrytonConnector, TrytonSettings
from orders.store import Store, open_store
from tests.contract.connectors.killed import RETAILERS
from tests.contract.connectors.relay import Fault, Relay

BINDING = "('confirmed', 'processing', 'done')"


class TrytonSide:
    """`settings`: those of the connector, through the wire."""

    most_answers = 9

    def __init__(self, server: TrytonServer, administrator: Administrator) -> None:
        self.server = server
        self.administrator = administrator
        self.relay = Relay(("127.0.0.1", server.port))
        self.settings = replace(server.settings, url=f"http://127.0.0.1:{self.relay.port}", timeout_s=6.0)
        self.connector = TrytonConnector(self.settings)
        self._straight: Store = open_store(server.postgres)

    def arm(self, fault: Fault) -> None:
        self.relay.arm(fault)

    def times_held(self, order_key: str) -> int:
        return len(self.sales(order_key, f"state IN {BINDING}"))

    def drafts(self, order_key: str) -> list[int]:
        return self.sales(order_key, "state = 'draft'")

    def sales(self, order_key: str, condition: str = "true") -> list[int]:
        """Ids of the sales under this key."""
        query = text(f"SELECT id FROM sale_sale WHERE reference = :key AND {condition} ORDER BY id")
        with self._straight.session() as session:
            return list(session.scalars(query, {"key": order_key}))

    def forget_sessions(self) -> None:
        """As after a long time."""
        with self._straight.transaction() as session:
            session.execute(text("DELETE FROM ir_session"))

    def description(self) -> dict[str, object]:
        return {"kind": "tryton", **asdict(self.settings)}

    def poisoned(self, order: SalesOrder) -> SalesOrder:
        """An article that Tryton does not know."""
        return replace(order, lines=(replace(order.lines[0], article_code="999"), order.lines[1]))

    @contextmanager
    def other(self, settings: TrytonSettings | None = None) -> Iterator[TrytonConnector]:
        """Another node's connector, straight to the server."""
        with closing(TrytonConnector(settings or self.server.settings)) as connector:
            yield connector

    def close(self) -> None:
        self.connector.close()
        self._straight.close()
        self.relay.close()


@contextmanager
def running_side() -> Iterator[TrytonSide]:
    """With the retailer and the articles of the suite's order."""
    with tryton_server() as server, Administrator(server) as administrator:
        administrator.add_retailers(list(RETAILERS.items()))
        administrator.add_articles([("101", "白沙尚品蓝", 11_500), ("205", "软中华", 11_500)])
        side = TrytonSide(server, administrator)
        yield side
        side.close()
