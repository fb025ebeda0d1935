"""What the outbox holds is checked before any connector sees it."""

from __future__ import annotations

import pytest

from orders.connectors.port import order_from_payload


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"lines": 3}', '{"lines": [], "colour": 1}'])
def test_a_payload_that_is_no_order(payload: str) -> None:
    with pytest.raises(ValueError, match="no order"):
        order_from_payload(payload)
