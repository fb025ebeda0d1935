"""The shipped Kamailio configuration by itself: it is valid, strangers get nothing, carriers are tried in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.kamailio import CARRIER_HOST, Kamailio, running_kamailio
from tests.lines.telephone import Telephone, wait_for

pytestmark = [pytest.mark.peer("kamailio"), pytest.mark.slow, pytest.mark.xdist_group("wire")]


@pytest.fixture
def carriers() -> Iterator[list[Telephone]]:
    """Two telephones that stand for carriers."""
    two = [Telephone(own_host=CARRIER_HOST) for _ in range(2)]
    yield two
    for one in two:
        one.close()


@pytest.fixture
def node() -> Iterator[Telephone]:
    """A telephone that stands for an Asterisk."""
    one = Telephone()
    yield one
    one.close()


@pytest.fixture
def kamailio(tmp_path: Path, node: Telephone, carriers: list[Telephone]) -> Iterator[Kamailio]:
    with running_kamailio(tmp_path / "kamailio", [node.port], [one.port for one in carriers]) as kamailio:
        wait_for(lambda: asked(node) and all(asked(one) for one in carriers), 20)
        yield kamailio


def asked(telephone: Telephone) -> bool:
    """Whether it was asked if it lives, and has said so."""
    return any(request.method == "OPTIONS" for request in telephone.requests)


def invites(telephone: Telephone) -> int:
    return len({request.get("Call-ID") for request in telephone.requests if request.method == "INVITE"})


def caller(kamailio: Kamailio, host: str) -> Telephone:
    return Telephone(target=("127.0.0.1", kamailio.port), own_host=host, called="13900000000")


def test_it_takes_the_shipped_files(kamailio: Kamailio) -> None:
    assert "config file ok" in kamailio.check()
    assert " ERROR: " not in kamailio.log()
    assert "CRITICAL" not in kamailio.log()


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE"])
def test_a_stranger_gets_no_answer(kamailio: Kamailio, node: Telephone, method: str) -> None:
    stranger, known = caller(kamailio, "127.0.0.9"), caller(kamailio, CARRIER_HOST)
    stranger.send(method)
    known.send("OPTIONS")
    assert known.final(method="OPTIONS").status == 200
    assert "unknown 127.0.0.9" in kamailio.log()
    assert stranger.responses.empty()
    assert invites(node) == 0
    stranger.close()
    known.close()


@pytest.mark.parametrize("status", [486, 603, 600])
def test_the_retailer_s_own_answer_ends_the_search(kamailio: Kamailio, carriers: list[Telephone], status: int) -> None:
    carriers[0].replies["INVITE"] = status
    out = caller(kamailio, "127.0.0.1")
    out.invite()
    assert out.final(10).status == status
    assert [invites(one) for one in carriers] == [1, 0]
    out.close()


@pytest.mark.parametrize("status", [503, 500])
def test_a_carrier_that_can_t_is_passed_by(kamailio: Kamailio, carriers: list[Telephone], status: int) -> None:
    carriers[0].replies["INVITE"], carriers[1].replies["INVITE"] = status, 486
    out = caller(kamailio, "127.0.0.1")
    out.invite()
    assert out.final(10).status == 486
    assert [invites(one) for one in carriers] == [1, 1]
    out.close()


def test_a_carrier_that_says_nothing_is_passed_by(kamailio: Kamailio, carriers: list[Telephone]) -> None:
    carriers[0].muted = True
    carriers[1].replies["INVITE"] = 486
    out = caller(kamailio, "127.0.0.1")
    out.invite()
    assert out.final(10).status == 486
    out.close()
