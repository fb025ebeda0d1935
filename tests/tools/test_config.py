"""The configuration: sources and their order, errors that say what to do, secrets kept secret, the example file."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from admin.config import Config, ConfigError, without_password
from admin.config_reading import read_config
from admin.config_sections import Dialogue
from admin.config_settings import basket_rules, media_settings, sip_settings, web_settings
from admin.config_writing import effective, effective_values, example
from admin.web.settings import WebSettings
from ivr.dialogue.settings import Settings
from ivr.lines.sip.settings import RegistrarSettings, SipSettings
from ivr.media.client import MediaSettings
from orders.baskets import BasketRules
from orders.retrying import RetrySchedule
from tests.peers import ROOT


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reading(text: str, **environ: str) -> Config:
    Path("orderline.toml").write_text(text, encoding="utf-8")
    return read_config(environ=environ)


def refusal(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as raised:
        reading(text, **environ)
    return str(raised.value)


# -- sources


def test_without_file_and_environment_the_defaults_hold() -> None:
    assert read_config(environ={}) == Config()


def test_environment_wins_over_the_file_key_by_key() -> None:
    config = reading("[sip]\nport = 5070\nmax_calls = 10\n", ORDERLINE_SIP__PORT="5071")
    assert (config.sip.port, config.sip.max_calls) == (5071, 10)


def test_the_named_file_wins_over_the_usual_one(empty_folder: Path) -> None:
    Path("orderline.toml").write_text('node = "usual"')
    Path("other.toml").write_text('node = "other"')
    Path("third.toml").write_text('node = "third"')
    assert read_config(environ={"ORDERLINE_CONFIG": "other.toml"}).node == "other"
    assert read_config("third.toml", {"ORDERLINE_CONFIG": "other.toml"}).node == "third"


def test_environment_values_of_every_shape() -> None:
    config = read_config(
        environ={
            "ORDERLINE_DATA": "/srv/orderline",
            "ORDERLINE_SIP__ENABLED": "false",
            "ORDERLINE_SIP__ALLOW": "192.0.2.0/24, 198.51.100.7",
            "ORDERLINE_SIP__REGISTRAR__USER": "8001",
            "ORDERLINE_SALES__RETRY_S": "1,2,3",
            "ORDERLINE_REQUIRE_PEERS": "1",
        }
    )
    assert config.database_url() == "sqlite:////srv/orderline/orderline.db"
    assert config.sip.enabled is False
    assert config.sip.allow == ("192.0.2.0/24", "198.51.100.7/32")
    assert config.sip.registrar.user == "8001"
    assert config.retry_schedule().waits_s == (1, 2, 3)


# -- errors


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sip]\nprot = 1", "orderline.toml: sip.prot: no such key; did you mean sip.port?"),
        ("[spi]\nport = 1", "orderline.toml: spi: no such key; did you mean sip?"),
        ("sip = 5060", "orderline.toml: sip: this is a section"),
        ("[web]\nport = 99999", "orderline.toml: web.port: Input should be less than or equal to 65535 (is: 99999)"),
        ('[sip]\ncodecs = ["g729"]', "orderline.toml: sip.codecs: Input should be 'alaw' or 'ulaw'"),
        ('[sip]\nallow = ["everybody"]', "write e.g. 192.0.2.0/24"),
        ("[sip]\nallow = []", "sip.allow is empty: nobody could call"),
        ('[sip]\nhost = "192.0.2.1"', "sip.allow lets only this machine call"),
        ('[sip]\nhost = "0.0.0.0"\nallow = ["10.0.0.0/8"]', "name this machine's own"),
        ('[web]\nhost = "0.0.0.0"', "web.allowed_hosts"),
        ('[web]\nhttps = true\nproxy = "127.0.0.1"', "web.allowed_hosts"),
        ('[web]\nhttps = true\nallowed_hosts = ["orders.example.com"]', "web.https needs web.proxy"),
        ("[web]\nport = 5062", "sip.port = 5062 is taken by web.port"),
        ("[sip]\nport = 20500", "lies within media.first_port"),
        ("[media]\nlast_port = 20100", "300 calls need 600 ports"),
        ("[media]\nlast_port = 19999", "swap them"),
        ("[pyvoip]\nenabled = true", "pyvoip.registrar.server"),
        ('[database]\nurl = "sqlite:///a.db"\n[sales]\nurl = "sqlite:///a.db"', "give the sales system its own"),
        ('timezone = "Asia/Wuhan"', "write e.g. Asia/Shanghai"),
        ('[sip]\ntransports = ["tcp"]', "sip.transports lacks udp"),
        ('[sip]\noutbound = "trunk:sip"', "write host:port"),
        ('[sip.registrar]\nserver = "pbx"', "sip.registrar.user is missing"),
        ("[sip\n", "is not TOML"),
        ("[campaigns]\nenabled = true", "needs a line that calls out"),
        ("[campaigns]\nreserve = 0.6", "it grows, so lower it"),
        ('[campaigns]\nenabled = true\nports = 400\n[sip]\noutbound = "pbx"', "the lines carry 300 calls: lower it"),
        ('[campaigns]\nwindows = ["9-12"]', "write e.g. 09:00-12:00"),
        ('[campaigns]\nwindows = ["12:00-09:00"]', "write e.g. 09:00-12:00"),
        ("[campaigns.retry]\nbusy = 0", "campaigns.retry.busy"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str) -> None:
    assert said in refusal(text)


def test_each_wrong_key_has_a_line_of_its_own() -> None:
    lines = refusal("[web]\nport = 0\n[sip]\nport = 0\ncodecs = ['x', 'y']\n").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["web.port", "sip.port", "sip.codecs"]


def test_errors_from_the_environment_name_the_variable() -> None:
    assert refusal("", ORDERLINE_SIP__PORT="abc").startswith("environment ORDERLINE_SIP__PORT: sip.port: ")
    assert "environment ORDERLINE_SIP__ALOW: sip.alow: no such key" in refusal("", ORDERLINE_SIP__ALOW="x")
    assert refusal("", ORDERLINE_WEB__HOST="0.0.0.0").startswith("environment ORDERLINE_WEB__HOST: web.host")


def test_a_missing_file_says_how_to_make_one() -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: can't be read .*`orderline config --example`"):
        read_config("none.toml", {})


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("orderline.toml").write_bytes(b'node = "\xff\xfe"')
    with pytest.raises(ConfigError, match="UTF-8"):
        read_config(environ={})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2)))
def test_any_value_anywhere_is_taken_or_refused_in_words(value: Any) -> None:
    for key in ("ORDERLINE_SIP__PORT", "ORDERLINE_WEB__HOST", "ORDERLINE_SALES__RETRY_S", "ORDERLINE_SIP__ALLOW"):
        refused = ""
        try:
            read_config(environ={key: str(value)})
        except ConfigError as error:
            refused = str(error)
        assert not refused or refused.startswith(f"environment {key}: ")


# -- secrets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[sip.registrar]\npassword = "hush"', "ORDERLINE_SIP__REGISTRAR__PASSWORD"),
        ('[orders]\npin_key = "hush"', "orders.pin_key_file"),
        ('[database]\nurl = "postgresql://me:hush@db/x"', "database.password_file"),
        ('[database]\nurl = "postgresql://me:hu/sh@db/x"', "database.password_file"),
        ('[sales]\nurl = "postgresql://me@db/x?password=hush"', "sales.password_file"),
    ],
)
def test_secrets_in_the_file_are_refused_unread(text: str, said: str) -> None:
    message = refusal(text)
    assert said in message
    assert "hush" not in message


def test_secrets_come_from_files_and_the_environment_and_are_never_shown() -> None:
    Path("password").write_text("top hush/1\n")
    config = reading(
        '[database]\nurl = "postgresql://me@db/x"\npassword_file = "password"',
        ORDERLINE_ORDERS__PIN_KEY="hush2",
        ORDERLINE_SALES__URL="postgresql://me:hush3@db/y",
    )
    assert config.database_url() == "postgresql://me:top%20hush%2F1@db/x"
    assert config.sales_url() == "postgresql://me:hush3@db/y"
    for shown in (effective(config), str(effective_values(config)), repr(config.orders)):
        assert "hush" not in shown
    assert 'url = "postgresql://me:***@db/y"' in effective(config)


def test_a_secret_file_that_is_missing_is_named() -> None:
    message = refusal('[database]\nurl = "postgresql://me@db/x"\npassword_file = "none"')
    assert "database.password_file: none can't be read" in message


# -- the example, and what is passed on


def leaves(model: type[BaseModel], above: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += leaves(field.annotation, f"{above}{name}.")
        else:
            found.append(f"{above}{name}")
    return found


def test_the_example_in_docs_is_the_one_the_program_writes() -> None:
    written = (ROOT / "docs" / "orderline.example.toml").read_text(encoding="utf-8")
    assert written == example(), "run: orderline config --example > docs/orderline.example.toml"


def test_the_example_is_complete_and_equal_to_the_defaults() -> None:
    assert reading(example()) == Config()
    values = tomllib.loads(example())
    for key in leaves(Config):
        *sections, name = key.split(".")
        table = values
        for section in sections:
            table = table[section]
        if name not in table:  # a secret: named in a comment only
            assert f"ORDERLINE_{key.replace('.', '__').upper()}" in example()


def test_every_key_explains_itself() -> None:
    def unexplained(model: type[BaseModel]) -> list[str]:
        return [f"{model.__name__}.{name}" for name, field in model.model_fields.items() if not field.description]

    sections = [type(value) for value in dict(Config()).values() if isinstance(value, BaseModel)]
    assert [name for model in (Config, *sections) for name in unexplained(model)] == []


def test_what_is_shown_as_effective_reads_back_as_the_same() -> None:
    config = reading("[sip]\nport = 5070\n[sales]\nretry_s = [1, 2]\n")
    assert reading(effective(config)) == config


def test_the_dialogue_section_is_the_dialogues_settings() -> None:
    assert {field.name for field in fields(Settings)} == set(Dialogue.model_fields)
    assert Config().dialogue.settings() == Settings()


def test_the_retry_schedule_is_the_one_that_holds_in_the_field() -> None:
    assert Config().retry_schedule() == RetrySchedule()


def test_each_package_gets_its_own_defaults() -> None:
    assert sip_settings(Config()) == SipSettings()
    assert media_settings(Config()) == MediaSettings()
    assert web_settings(Config()) == WebSettings()
    assert basket_rules(Config()) == BasketRules()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush@db/x", "postgresql://me:***@db/x"),
        ("postgresql://me:hu/sh@x@db/x", "postgresql://me:***@db/x"),
        ("postgresql://me@db/x?password=hush&sslmode=require", "postgresql://me@db/x?password=***&sslmode=require"),
        ("sqlite:////srv/orders.db", "sqlite:////srv/orders.db"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_registrar_and_its_password_reach_the_line() -> None:
    Path("password").write_text("hush")
    text = '[sip.registrar]\nserver = "pbx.example.com:5080"\nuser = "600"\npassword_file = "password"'
    settings = sip_settings(reading(text))
    assert settings.registrar == RegistrarSettings("sip:600@pbx.example.com", ("pbx.example.com", 5080), "600", "hush")
    assert (settings.username, settings.password) == ("600", "hush")
    assert "hush" not in effective(reading(text))


@pytest.mark.parametrize(
    ("text", "has_phone"),
    [
        ("", True),
        ('[web]\nphone = "off"', False),
        ('[web]\nallowed_hosts = ["orders.example.com"]', False),
        ('[web]\nproxy = "127.0.0.1"', False),
        ('[web]\nhost = "192.0.2.7"\nallowed_hosts = ["orders.example.com"]', False),
        ('[web]\nallowed_hosts = ["orders.example.com"]\nphone = "on"', True),
    ],
)
def test_the_browser_phone_is_for_this_machine_unless_wanted(text: str, has_phone: bool) -> None:
    assert web_settings(reading(text)).phone is has_phone
