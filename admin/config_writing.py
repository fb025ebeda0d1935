"""The configuration written down: the effective one with secrets masked, and the annotated example.

Both are TOML that `admin.config_reading` reads again. Text only; nothing is written to files here.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel, SecretStr

from admin.config import Config, without_password

MASK = "***"
INTRODUCTION = """\
# The configuration of orderline, with every key at its default. Copy what you change to orderline.toml.
#
# Each key can also be set by the environment: ORDERLINE_SIP__PORT=5070 is sip.port, lists are written with commas.
# ORDERLINE_DATA names the data folder. Secrets come by environment or by a file of their own, never by this file.
# `orderline config` shows what is in effect, `orderline doctor` whether it works on this machine.
"""


def effective(config: Config) -> str:
    """The configuration in effect as TOML; what is secret is masked when set and left out when not."""
    return "\n".join(_tables(config, (), annotated=False)).strip() + "\n"


def effective_values(config: Config) -> dict[str, object]:
    """As `effective`, as plain values for JSON."""
    return _plain(config)


def example() -> str:
    """The annotated example: every key with its default and what it means."""
    return INTRODUCTION + "\n".join(_tables(Config(), (), annotated=True)).rstrip() + "\n"


def _plain(model: BaseModel) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        values[name] = _plain(value) if isinstance(value, BaseModel) else _shown(name, value)
    return values


def _shown(name: str, value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if name == "url" and isinstance(value, str):
        return without_password(value)
    return list(value) if isinstance(value, tuple) else value


def _tables(model: BaseModel, above: tuple[str, ...], *, annotated: bool) -> Iterator[str]:
    sections = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            sections.append((name, field.description or "", value))
        elif isinstance(value, SecretStr):
            yield from _secret_lines((*above, name), value, annotated)
        else:
            if annotated:
                yield from _comment(field.description or "")
            yield f"{name} = {json.dumps(_shown(name, value), ensure_ascii=False)}"
    for name, description, section in sections:
        yield ""
        if annotated:
            yield from _comment(description)
        yield f"[{'.'.join((*above, name))}]"
        yield from _tables(section, (*above, name), annotated=annotated)


def _secret_lines(key: tuple[str, ...], value: SecretStr, annotated: bool) -> Iterator[str]:
    if annotated:
        yield f"# {key[-1]}: only by ORDERLINE_{'__'.join(key).upper()} or by the file below"
    elif value.get_secret_value():
        yield f"# {key[-1]} = {MASK}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, 116):
        yield f"# {line}"
