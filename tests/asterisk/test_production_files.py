"""A real Asterisk on the rendered files: no complaints, callers reach people without us, numbers are strict."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.asterisk.production import ProductionPbx
from tests.lines.telephone import Telephone, wait_for

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.xdist_group("wire")]


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionPbx]:
    pbx = ProductionPbx(tmp_path_factory.mktemp("production") / "asterisk")
    pbx.start()
    yield pbx
    pbx.kill()


def test_it_starts_without_a_complaint(pbx: ProductionPbx) -> None:
    assert pbx.complaints_at_start == []


@pytest.mark.parametrize("number", ["13800000001", "02712345678", "0101234567", "075512345678"])
def test_mobiles_and_landlines_go_out(pbx: ProductionPbx, number: str) -> None:
    assert "Gosub(route" in pbx.cli(f"dialplan show {number}@outbound")


@pytest.mark.parametrize(
    "number",
    ["16812345", "95588", "110", "0013105551234", "008613800000001", "+13105551234", "12345", "1380000000a"],
)
def test_premium_foreign_and_odd_numbers_do_not(pbx: ProductionPbx, number: str) -> None:
    assert "Gosub(route" not in pbx.cli(f"dialplan show {number}@outbound")


def test_a_smuggled_destination_rings_nowhere(pbx: ProductionPbx) -> None:
    pbx.cli("channel originate Local/500&PJSIP/13800000001@carrier@outbound application Wait 1")
    assert "PJSIP/" not in pbx.cli("core show channels concise")


def test_without_an_order_line_the_agents_queue_takes_the_call(pbx: ProductionPbx) -> None:
    telephone = Telephone(("127.0.0.1", pbx.sip_port), number="13800000001")
    try:
        telephone.invite()
        assert telephone.take_answer(8.0).status == 200
        wait_for(lambda: "No Callers" not in pbx.cli("queue show agents"))
    finally:
        telephone.hang_up()
        telephone.close()
