"""The line as a node has it: calls in converse, calls out are followed, and what the configuration says is checked."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from admin.bootstrap import Node, running
from admin.config import Config, ConfigError
from admin.config_settings import twilio_settings
from admin.opening import open_database, prepare_folder, prompt_store, the_wording
from tests.lines.twilio.cloud import ACCOUNT, NUMBER, PUBLIC, TOKEN
from tests.sipp.placed import free_tcp_port

SECTION = {"enabled": True, "account": ACCOUNT, "token": TOKEN, "number": NUMBER, "public_url": PUBLIC}


def test_off_unless_it_is_switched_on() -> None:
    assert twilio_settings(Config()) is None


def test_what_is_configured() -> None:
    settings = twilio_settings(Config(twilio={**SECTION, "key_pause_s": 3}))  # type: ignore[arg-type]
    assert settings is not None
    assert (settings.account, settings.token, settings.key_pause_s) == (ACCOUNT, TOKEN, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [("account", "AC1"), ("number", "13800000001"), ("public_url", "http://orders.example.com")],
)
def test_what_is_wrong_is_named(field: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"twilio.{field}"):
        twilio_settings(Config(twilio={**SECTION, field: value}))  # type: ignore[arg-type]


def test_a_token_is_needed() -> None:
    with pytest.raises(ValueError, match="ORDERLINE_TWILIO__TOKEN"):
        Config(twilio={**SECTION, "token": ""})  # type: ignore[arg-type]


def test_a_node_with_the_line(tmp_path: Path) -> None:
    config = Config(data=str(tmp_path), sip={"enabled": False}, twilio=SECTION, web={"port": free_tcp_port()})  # type: ignore[arg-type]
    prepare_folder(config)
    wording = the_wording()
    with running(Node(config, open_database(config), wording, prompt_store(config, wording))) as node:
        states = {state.name: state for state in node.line_states()}
        assert states["twilio"].address == NUMBER
        assert (states["twilio"].calls, states["twilio"].refused) == (0, 0)
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{node.web.address}twilio/voice", data=b"CallSid=CA1")
        assert {state.name: state.refused for state in node.line_states()}["twilio"] == 1


def test_a_node_without_the_line_has_no_webhooks(tmp_path: Path) -> None:
    config = Config(data=str(tmp_path), sip={"enabled": False}, web={"port": free_tcp_port()})  # type: ignore[arg-type]
    prepare_folder(config)
    wording = the_wording()
    with running(Node(config, open_database(config), wording, prompt_store(config, wording))) as node:
        assert node.twilio is None
        assert "twilio" not in {state.name for state in node.line_states()}
