"""Orders into Tryton, exactly once, though it knows no unique key: by a claim kept on our side.

Found by our key, else drafted; the id noted in our outbox; only the noted one is ever quoted and confirmed. A draft is
binding for nobody, so drafts left over by lost answers do no harm and are swept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from orders.connectors.port import Accepted, Claim, Delivery, HeldOrder, Refused, SalesOrder, Unknown, Unreachable
from orders.connectors.tryton.company import CompanyRecords
from orders.connectors.tryton.content import differs, held_order, sale_values, unfit
from orders.connectors.tryton.making import make_party, make_products
from orders.connectors.tryton.masters import Absent, Good, Masters, PartyRow, Unfit
from orders.connectors.tryton.rows import BINDING, SaleRow
from orders.connectors.tryton.rpc import Declined, NoAnswer, ServerFault, TrytonRpc
from orders.connectors.tryton.sales import PAGE, Sales
from orders.connectors.tryton.settings import TrytonSettings

Found = TypeVar("Found")

MOST_STEPS = 6
"""Draft, quotation, confirmed: three looks at a sale; twice as many when somebody else has it in hand."""


class _Gone(Exception):
    """The sale noted for an order can't be seen any more."""


class TrytonConnector:
    """Implements `port.Connector`; connects at first use."""

    name = "tryton"

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._rpc = TrytonRpc(settings)
        self._records = CompanyRecords(self._rpc, settings)
        self._masters = Masters(self._records, settings)
        self._sales = Sales(self._records)

    def deliver(self, order: SalesOrder, claim: Claim) -> Delivery:
        if problem := unfit(order):
            return Refused(problem)
        until = self._rpc.deadline()
        try:
            return self._made_binding(order, self._noted(order, claim, until), until)
        except (Unfit, Declined) as error:
            return Refused(str(error))
        except _Gone as error:
            return Refused(
                f"sale {error}, made for this order, is not to be seen in Tryton any more: deleted, or hidden from our "
                "user; if it was deleted, send the order again with `orderline sales retry`"
            )
        except ServerFault as error:
            return Unknown(str(error), about_this_order=True)
        except NoAnswer as error:
            return Unknown(str(error))

    def held(self, order_day: str) -> Iterator[HeldOrder]:
        """Also sweeps drafts that came late: left over by lost answers, beside the sale that stands."""
        try:
            rows = self._of_day(date.fromisoformat(order_day))
            binding = {row.reference for row in rows if row.state in BINDING}
            self._sweep([row for row in rows if row.reference in binding], self._rpc.deadline())
        except (NoAnswer, ServerFault, Declined) as error:
            raise Unreachable(str(error)) from error
        for row in rows:
            if row.state in BINDING or (row.state == "cancelled" and row.reference not in binding):
                yield held_order(row, self._settings.taxes)

    def close(self) -> None:
        self._rpc.close()

    def _noted(self, order: SalesOrder, claim: Claim, until: float) -> SaleRow:
        """The one sale that this order may become."""
        if standing := claim.standing():
            return self._seen(standing, order, until)
        found = self._sales.find(order.order_key, until)
        sale = found[0] if found else self._drafted(order, until)
        standing = claim.note(str(sale.id))
        if standing == str(sale.id):
            self._sweep(found[1:], until)
            return sale
        self._sweep([sale], until)
        return self._seen(standing, order, until)

    def _seen(self, standing: str, order: SalesOrder, until: float) -> SaleRow:
        sale = self._sales.read(int(standing), until) if standing.isdecimal() else None
        # After a restore of Tryton's database an id may stand for something else.
        if sale is None or sale.reference != order.order_key:
            raise _Gone(standing)
        return sale

    def _drafted(self, order: SalesOrder, until: float) -> SaleRow:
        try:
            sale = self._sales.create(self._values(order, until), until)
        except Declined:
            # Perhaps only what we knew of the party or a product is out of date.
            self._masters.forget(order.licence_no, [line.article_code for line in order.lines])
            sale = self._sales.create(self._values(order, until), until)
        return SaleRow(sale, "draft", "none", order.order_key, None, None, ())

    def _values(self, order: SalesOrder, until: float) -> dict[str, object]:
        party, goods = self._party(order, until), self._goods(order, until)
        return sale_values(order, self._records.company(until), party, goods, self._settings.mark)

    def _party(self, order: SalesOrder, until: float) -> PartyRow:
        return self._found(
            lambda: self._masters.party(order.licence_no, until),
            lambda _: make_party(self._records, order, until),
        )

    def _goods(self, order: SalesOrder, until: float) -> dict[str, Good]:
        category = self._settings.category
        return self._found(
            lambda: self._masters.goods([line.article_code for line in order.lines], until),
            lambda codes: make_products(self._records, order, codes, category, until),
        )

    def _found(self, look: Callable[[], Found], make: Callable[[Sequence[str]], None]) -> Found:
        """What is there; made when it is not, where the settings say so."""
        try:
            return look()
        except Absent as absent:
            if not self._settings.create_missing:
                raise
            codes = absent.codes
        declined: Declined | None = None
        try:
            make(codes)
        except Declined as error:
            declined = error  # perhaps another node has just made it
        try:
            return look()
        except Absent as absent:
            raise declined or absent from None

    def _made_binding(self, order: SalesOrder, sale: SaleRow, until: float) -> Delivery:
        declined_in, declined = "", ""
        for _ in range(MOST_STEPS):
            problem = "" if sale.state == "draft" else differs(order, sale, self._settings.taxes)
            if sale.state == "cancelled":
                return Refused(f"sale {sale.id} of this order was cancelled in Tryton")
            if sale.state in BINDING:
                return Refused(problem) if problem else Accepted(str(sale.id))
            if problem or declined_in == sale.state:
                return self._undone(sale, problem or declined, until)
            try:
                if sale.state == "quotation":
                    self._sales.confirm(sale.id, until)
                    return Accepted(str(sale.id))
                self._sales.quote(sale.id, until)
            except Declined as error:
                # For good only when the sale is as it was: another delivery of this order may have been faster.
                declined_in, declined = sale.state, str(error)
            sale = self._seen(str(sale.id), order, until)
        return self._in_other_hands(sale)

    def _undone(self, sale: SaleRow, why: str, until: float) -> Delivery:
        """Refused, and nothing left of it there.

        A quotation is cancelled, not taken back to draft: Tryton takes back confirmed sales too, and this one may have
        been confirmed since we looked. Cancelling and deleting it declines then.
        """
        try:
            if sale.state == "quotation":
                self._sales.cancel(sale.id, until)
            self._sales.delete([sale.id], until)
        except Declined:
            return self._in_other_hands(sale)
        return Refused(why)

    @staticmethod
    def _in_other_hands(sale: SaleRow) -> Delivery:
        return Unknown(f"somebody else has sale {sale.id} in hand in Tryton", about_this_order=True)

    def _sweep(self, sales: Sequence[SaleRow], until: float) -> None:
        """Delete the drafts among these; what can't be deleted now is swept another time."""
        if drafts := [sale.id for sale in sales if sale.state == "draft"]:
            with contextlib.suppress(NoAnswer, Declined, ServerFault):
                self._sales.delete(drafts, until)

    def _of_day(self, day: date) -> list[SaleRow]:
        rows: list[SaleRow] = []
        while True:
            above = rows[-1].id if rows else 0
            page = self._sales.of_day(self._settings.mark, day, above, self._rpc.deadline())
            rows += page
            if len(page) < PAGE:
                return rows
