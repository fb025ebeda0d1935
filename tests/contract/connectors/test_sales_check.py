"""The contract kit finds each broken promise of an endpoint, and the description fits what is really sent."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from admin.cli.group import orderline
from bench.sales_endpoint import FAULTS, SalesEndpoint
from orders.connectors.http_json.check import CheckedAgainst, check_endpoint
from orders.connectors.http_json.client import HttpSettings
from tests.contract.connectors.suite import ORDER
from tests.contract.connectors.test_http_json import SECRET

KNOWN = CheckedAgainst("420102100001", "101", 11_500, "2031-01-01", "2031-01-02")
DESCRIPTION = Path(__file__).parents[3] / "docs" / "sales-api.yaml"

FOUND_BY = {
    "no_dedupe": "the same key is the same order",
    "changed_content_is_fine": "another content under an old key is refused",
    "anybody_may_send": "strangers are turned away",
    "old_signatures_are_good": "old signatures are turned away",
    "poison_is_fine": "what can never be taken is refused with a reason",
    "poison_is_a_server_error": "what can never be taken is refused with a reason",
    "list_lacks_lines": "an order is listed with its lines and total",
    "list_has_no_end": "the same key is the same order",
    "list_of_all_days": "a day's list has no other day's orders",
}


def url_of(endpoint: SalesEndpoint) -> str:
    return f"http://127.0.0.1:{endpoint.port}/orderline"


def broken(endpoint: SalesEndpoint) -> list[str]:
    settings = HttpSettings(url_of(endpoint), SECRET, allow_private=True)
    return [checked.promise for checked in check_endpoint(settings, KNOWN) if checked.problem]


def test_a_good_endpoint_keeps_every_promise(tmp_path: Path) -> None:
    endpoint = SalesEndpoint(SECRET, tmp_path)
    assert broken(endpoint) == []
    endpoint.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_seeded_fault_is_found(tmp_path: Path, fault: str) -> None:
    endpoint = SalesEndpoint(SECRET, tmp_path, {fault})
    assert FOUND_BY[fault] in broken(endpoint)
    endpoint.close()


def test_the_command_tells_promise_by_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    monkeypatch.chdir(tmp_path)
    endpoint = SalesEndpoint(SECRET, tmp_path, {"no_dedupe"})
    found = CliRunner().invoke(
        orderline, ["sales", "check", url_of(endpoint), "--secret-file", "secret", "--allow-private"]
    )
    endpoint.close()
    assert found.exit_code == 1
    assert "kept    takes an order" in found.output
    assert "BROKEN  the same key is the same order: " in found.output


@pytest.mark.parametrize(
    ("arguments", "what_to_do"),
    [
        (["http://127.0.0.1:1/x", "--secret-file", "secret"], "use https"),
        (["https://127.0.0.1:1/x", "--secret-file", "secret"], "allow_private"),
        (["http://127.0.0.1:1/x", "--secret-file", "none", "--allow-private"], "can't be read"),
        (["http://127.0.0.1:1/x", "--secret-file", "secret", "--allow-private"], "127.0.0.1"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], what_to_do: str
) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(orderline, ["sales", "check", *arguments])
    assert refused.exit_code != 0
    assert what_to_do in refused.output


def description() -> Any:
    return yaml.safe_load(DESCRIPTION.read_text("utf-8"))


def test_the_description_is_valid_and_fits_what_is_sent() -> None:
    described = description()
    validate(described)
    order = OAS31Validator(described["components"]["schemas"]["Order"])
    sent = msgspec.json.decode(msgspec.json.encode(asdict(ORDER)))
    order.validate(sent)
    order.validate(described["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]["example"])
    assert sent.keys() == described["components"]["schemas"]["Order"]["properties"].keys()
    with pytest.raises(Exception, match=r"too short|non-empty"):
        order.validate(sent | {"lines": []})
