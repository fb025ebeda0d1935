"""How the program logs: an event's name plus keys, one line each, and what may not stand in a log.

Phone numbers are masked under the keys that hold them and wherever one is recognised; keys pressed, PINs and
transcripts are dropped under any of their names. Configures structlog and the standard library's logging alike.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from admin.config import ConfigError
from admin.config_sections import Log

NUMBERS = frozenset({"caller", "called", "number", "phone", "caller_id", "to", "from_number", "backup_phone"})
DROPPED = frozenset(
    {
        "key",
        "keys",
        "digits",
        "pin",
        "pins",
        "password",
        "secret",
        "token",
        "transcript",
        "said",
        "text",
        "authorization",
    }
)
_NUMBER = re.compile(r"(?<![\dA-Za-z.-])(\+?\d{3})\d{3,9}(\d{4})(?![\dA-Za-z])")
_PARAMETERS = re.compile(r"\[parameters: .*\]")  # SQLAlchemy quotes the values of a failed statement


def set_up_logging(log: Log, *, stream: TextIO | None = None) -> None:
    """Log from now on as configured. Raises ConfigError when the log file can't be opened."""
    handler = _handler(log, stream)
    on_terminal = not log.file and handler.stream.isatty()
    as_console = log.format == "console" or (log.format == "auto" and on_terminal)
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Tracebacks become text before the privacy filter, which could not see into them later.
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=structlog.dev.plain_traceback)
        if as_console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                keep_private,
                last,
            ],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(log.level.upper())
    _quieten_libraries(log)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def keep_private(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The privacy filter, last before a line is written: on every event, ours and libraries'."""
    return {key: _private(key, value) for key, value in event.items() if key.lower() not in DROPPED}


def mask_number(number: str) -> str:
    """The first three and the last four digits: "138****0001". Short numbers (extensions) stay as they are."""
    kept = number.strip()
    if sum(character.isdigit() for character in kept) < 8:
        return kept
    return f"{kept[:3]}****{kept[-4:]}"


def _private(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _private(str(k), v) for k, v in value.items() if str(k).lower() not in DROPPED}
    if isinstance(value, list | tuple | set | frozenset):
        return [_private(key, item) for item in value]
    if isinstance(value, BaseException):
        value = repr(value)
    if isinstance(value, str):
        # Call ids, orders and times may look like numbers; only where people's numbers stand, whole values are masked.
        return mask_number(value) if key.lower() in NUMBERS and value[:1] in "+0123456789" else _masked_in(key, value)
    return value


def _masked_in(key: str, text: str) -> str:
    """Free text (event names, errors, library messages) may quote a number; other keys hold ids and are left alone."""
    if key not in ("event", "error", "reason", "exception", "message", "stack", "uri", "exc_info"):
        return text
    return _PARAMETERS.sub("[parameters: hidden]", _NUMBER.sub(r"\1****\2", text))


def _handler(log: Log, stream: TextIO | None) -> logging.StreamHandler[Any]:
    if not log.file:
        return logging.StreamHandler(stream or sys.stderr)
    try:
        return logging.FileHandler(Path(log.file).expanduser(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"log.file: {log.file} can't be opened ({error.strerror}): create its folder") from error


def _quieten_libraries(log: Log) -> None:
    """Libraries write what they carry (whole SIP messages, SQL with values): only their warnings are wanted."""
    if log.level == "debug":
        return
    for name in ("aiosipua", "sqlalchemy.engine", "waitress", "werkzeug", "alembic", "apscheduler", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
