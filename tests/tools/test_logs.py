"""Logs are one line an event, and nothing private gets into them, whoever logs it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from admin.config import ConfigError
from admin.config_sections import Log
from admin.logs import mask_number, set_up_logging


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged as JSON during a test; the machine's logging is put back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    for handler in before:
        root.removeHandler(handler)
    stream = io.StringIO()
    set_up_logging(Log(format="json"), stream=stream)
    yield stream
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def lines(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_an_event_is_a_name_and_keys_on_one_line(written: io.StringIO) -> None:
    structlog.get_logger("ivr.exchange").warning("call_too_long", call="c1", ms=1800)

    (line,) = lines(written)
    assert line["event"] == "call_too_long"
    assert (line["call"], line["ms"], line["level"], line["logger"]) == ("c1", 1800, "warning", "ivr.exchange")
    assert str(line["timestamp"]).endswith("Z")


def test_numbers_are_masked_under_every_key_that_holds_one(written: io.StringIO) -> None:
    structlog.get_logger().info(
        "call_arrived", caller="13800000001", called="02788887777", nested={"phone": "+8613800000001"}, phone="8001"
    )
    text = written.getvalue()
    assert "13800000001" not in text
    assert "02788887777" not in text
    (line,) = lines(written)
    assert line["caller"] == "138****0001"
    assert line["nested"] == {"phone": "+86****0001"}
    assert line["phone"] == "8001", "an extension is nobody's private number"


@pytest.mark.parametrize("key", ["keys", "key", "digits", "pin", "transcript", "text", "password", "KEYS"])
def test_keys_and_secrets_are_dropped_at_any_depth(written: io.StringIO, key: str) -> None:
    structlog.get_logger().info(
        "key_pressed", call="c1", **{key: "4711", "inner": {key: "4711"}, "many": [{key: "4711"}]}
    )
    assert "4711" not in written.getvalue()
    assert lines(written)[0]["call"] == "c1"


def test_a_number_in_an_error_and_in_its_traceback_is_masked(written: io.StringIO) -> None:
    try:
        raise ValueError("no retailer for 13800000001 [parameters: ('4711', 5)]")
    except ValueError as error:
        structlog.get_logger().exception("call_fault", error=error)
    text = written.getvalue()
    assert "138****0001" in text
    assert "13800000001" not in text
    assert "4711" not in text
    assert "Traceback" in text


def test_libraries_log_through_the_same_filter(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("rejected %s", "sip:13800000001@example.com")
    assert "13800000001" not in written.getvalue()
    assert "138****0001" in written.getvalue()


def test_chatty_libraries_are_quiet_unless_debugging(written: io.StringIO) -> None:
    logging.getLogger("aiosipua").info("INVITE sip:…")
    logging.getLogger("sqlalchemy.engine").info("INSERT …")
    assert written.getvalue() == ""


def test_ids_and_times_are_left_alone(written: io.StringIO) -> None:
    structlog.get_logger().info("order_handed_over", order_key="20261127000372", order_no="202611270372")
    (line,) = lines(written)
    assert (line["order_key"], line["order_no"]) == ("20261127000372", "202611270372")


def test_a_log_file_that_cannot_be_opened_says_what_to_do(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match="create its folder"):
        set_up_logging(Log(file=f"{tmp_path}/none/orderline.log"))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13800000001", "138****0001"),
        ("+8613800000001", "+86****0001"),
        ("1001", "1001"),
        ("", ""),
        ("02788887777", "027****7777"),
    ],
)
def test_masking(number: str, shown: str) -> None:
    assert mask_number(number) == shown
