"""The HTTP connector keeps the contract of connectors, through a wire that breaks; and goes only where it may."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.sales_endpoint import SalesEndpoint
from orders.connectors.http_json.addresses import ForbiddenTarget, checked_address
from orders.connectors.http_json.client import HttpSettings
from orders.connectors.http_json.connector import HttpJsonConnector
from orders.connectors.http_json.signing import is_signed, sign
from orders.connectors.port import SalesOrder, Unknown
from tests.contract.connectors.killed import DeathContract, killed_anywhere
from tests.contract.connectors.relay import Fault, Relay
from tests.contract.connectors.suite import ORDER, ConnectorContract, Note, SalesSide

SECRET = b"a secret of tests, long enough"


class HttpSide:
    most_answers = 2

    def __init__(self, folder: Path, faults: Collection[str] = ()) -> None:
        self.endpoint = SalesEndpoint(SECRET, folder, faults)
        self._relay = Relay(("127.0.0.1", self.endpoint.port))
        self._url = url = f"http://127.0.0.1:{self._relay.port}/orderline"
        self.connector = HttpJsonConnector(HttpSettings(url, SECRET, gives_up_after_s=0.5, allow_private=True))

    def arm(self, fault: Fault) -> None:
        self._relay.arm(fault)

    def times_held(self, order_key: str) -> int:
        return self.endpoint.times_held(order_key)

    def description(self) -> dict[str, object]:
        return {"kind": "http_json", "url": self._url, "secret": SECRET.decode()}

    def poisoned(self, order: SalesOrder) -> SalesOrder:
        return replace(order, lines=(replace(order.lines[0], accepted=0),))

    def close(self) -> None:
        self._relay.close()
        self.endpoint.close()


@pytest.fixture(scope="module")
def http_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpSide]:
    side = HttpSide(tmp_path_factory.mktemp("endpoint"))
    yield side
    side.close()


@pytest.mark.xdist_group("connectors")
class TestHttpJson(ConnectorContract, DeathContract):
    @pytest.fixture
    def side(self, http_side: HttpSide) -> SalesSide:
        http_side.arm(Fault())
        return http_side


def test_a_system_without_memory_is_found_out(tmp_path: Path) -> None:
    """The fault that the test of deaths is there to see."""
    side = HttpSide(tmp_path, faults={"no_dedupe"})
    assert killed_anywhere(side, tmp_path, kills=40).wrong
    side.close()

    def test_another_secret_is_not_accepted_and_nothing_is_refused(self, http_side: HttpSide) -> None:
        url = f"http://127.0.0.1:{http_side.endpoint.port}/orderline"
        stranger = HttpJsonConnector(HttpSettings(url, b"another secret, as long", allow_private=True))
        result = stranger.deliver(replace(ORDER, order_key="stranger"), Note())
        assert isinstance(result, Unknown)
        assert "check secret and clock" in result.reason
        assert http_side.times_held("stranger") == 0


@pytest.mark.parametrize(
    ("url", "secret", "what_to_do"),
    [
        ("sales.example.com", SECRET, "write e.g. https"),
        ("ftp://sales.example.com", SECRET, "write e.g. https"),
        ("https://sales.example.com/x?y=1", SECRET, "write e.g. https"),
        ("https://me:you@sales.example.com", SECRET, "names a user"),
        ("http://sales.example.com", SECRET, "use https"),
        ("https://sales.example.com", b"short", "shorter than 16"),
    ],
)
def test_settings_that_can_not_work(url: str, secret: bytes, what_to_do: str) -> None:
    with pytest.raises(ValueError, match=what_to_do):
        HttpSettings(url, secret)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "::ffff:10.0.0.1", "0.0.0.0", "fe80::1"]
)
def test_private_addresses_are_refused_unless_allowed(host: str) -> None:
    with pytest.raises(ForbiddenTarget, match="allow_private"):
        checked_address(host, 443, allow_private=False)
    assert checked_address(host, 443, allow_private=True)


def test_a_public_address_may_be_connected_to() -> None:
    assert checked_address("93.184.216.34", 443, allow_private=False) == "93.184.216.34"


def test_a_private_target_is_unknown_not_refused() -> None:
    connector = HttpJsonConnector(HttpSettings("https://127.0.0.1/orderline", SECRET))
    assert isinstance(connector.deliver(ORDER, Note()), Unknown)


def test_a_certificate_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    settings = HttpSettings("https://sales.example.com", SECRET, ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(ValueError, match="correct the path"):
        HttpJsonConnector(settings)
    assert ssl.create_default_context().check_hostname


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b'{"amount_fen":1}'},
        {"path": "/orders?order_day=2026-11-24"},
        {"method": "GET"},
        {"secret": b"another secret, as long"},
        {"now": 1_000_000_301.0},
        {"now": 999_999_699.0},
    ],
)
def test_a_signature_fits_one_request_for_five_minutes(changed: dict[str, object]) -> None:
    at = 1_000_000_000
    request = {"secret": SECRET, "method": "POST", "path": "/orders", "body": b"{}", "now": at + 299.0}
    headers = (str(at), sign(SECRET, at, "POST", "/orders", b"{}"))

    def fits(secret: bytes, method: str, path: str, body: bytes, now: float) -> bool:
        return is_signed(secret, headers, method, path, body, now)

    assert fits(**request)  # type: ignore[arg-type]
    assert not fits(**(request | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", [("", ""), ("x", "v1=0"), ("²", "v1=0"), ("9" * 40, "v1=0"), ("1000000000", "ü")])
def test_rubbish_is_no_signature(headers: tuple[str, str]) -> None:
    assert not is_signed(SECRET, headers, "POST", "/orders", b"{}", 1_000_000_000.0)
