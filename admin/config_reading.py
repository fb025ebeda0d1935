"""Where the configuration comes from: one TOML file, then the environment; and what is said when something is wrong.

The file is the one named by `--config`, else by ORDERLINE_CONFIG, else ./orderline.toml if it is there. The environment
wins: ORDERLINE_SIP__PORT=5070 is sip.port; lists are written with commas. Secrets come by environment or by a file of
their own, never by this file.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from admin.config import Config, ConfigError, names_password

PREFIX = "ORDERLINE_"
USUAL_FILE = "orderline.toml"
LARGEST_FILE = 1_000_000

Key = tuple[str, ...]


def read_config(file: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The effective configuration. Raises ConfigError with one line for each thing that is wrong."""
    path = _which_file(file, environ)
    from_file = _read_file(path) if path else {}
    name = str(path) if path else "defaults"
    problems = [f"{name}: {line}" for line in (*_unknown(from_file), *_secrets_in_file(from_file))]
    from_environment, sources, environment_problems = _read_environment(environ)
    problems += environment_problems
    if problems:
        raise ConfigError("\n".join(problems))
    try:
        return Config.model_validate(_merged(from_file, from_environment))
    except ValidationError as error:
        # One line a key: a list with a wrong item is reported twice by pydantic, the first says it better.
        first = {
            tuple(part for part in each["loc"] if isinstance(part, str)): each for each in reversed(error.errors())
        }
        lines = [line for problem in reversed(first.values()) for line in _explain(problem, name, sources)]
        raise ConfigError("\n".join(lines)) from None


# -- the file


def _which_file(file: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    chosen = file or environ.get(f"{PREFIX}CONFIG")
    if chosen:
        return Path(chosen).expanduser()
    usual = Path(USUAL_FILE)
    return usual if usual.is_file() else None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError(f"{path}: this is no configuration (more than {LARGEST_FILE} bytes)")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        hint = "create it with `orderline config --example`" if isinstance(error, FileNotFoundError) else "see to it"
        raise ConfigError(f"{path}: can't be read ({error.strerror}): {hint}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}; text values stand in quotes") from None


def _secrets_in_file(given: Mapping[str, Any]) -> Iterator[str]:
    for key, value in _leaves(given):
        field = _field(key)
        if field is not None and field.annotation is SecretStr and value:
            variable = PREFIX + "__".join(key).upper()
            yield f"{_dotted(key)}: secrets don't belong here; set {variable}, or name a file in {_dotted(key)}_file"
        elif key[-1] == "url" and isinstance(value, str) and names_password(value):
            yield f"{_dotted(key)}: leave the password out of the URL and name a file in {key[0]}.password_file"


# -- the environment


def _read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[Key, str], list[str]]:
    """Nested values, the variable behind each key, and what is wrong."""
    values: dict[str, Any] = {}
    sources: dict[Key, str] = {}
    problems: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        key = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if len(key) == 1 and key[0] not in Config.model_fields:
            continue  # ORDERLINE_CONFIG, and variables of tests and tools that are no configuration
        wrong = list(_unknown(_nested(key, environ[variable])))
        if wrong:
            problems.append(f"environment {variable}: {wrong[0]}")
            continue
        sources[key] = variable
        values = _merged(values, _nested(key, _typed(key, environ[variable])))
    return values, sources, problems


def _typed(key: Key, text: str) -> object:
    """Text for the model to convert; lists are split at commas."""
    field = _field(key)
    if field is not None and get_origin(field.annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _nested(key: Key, value: object) -> dict[str, Any]:
    for part in reversed(key):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        result[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return result


# -- keys and what is said of them


def _leaves(given: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for key, value in given.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _unknown(given: Mapping[str, Any]) -> Iterator[str]:
    """A line for each key that no section knows, with the one that was probably meant."""
    yield from _unknown_in(given, Config, ())


def _unknown_in(given: Mapping[str, Any], model: type[BaseModel], above: Key) -> Iterator[str]:
    for key, value in given.items():
        field = model.model_fields.get(key)
        if field is None:
            near = difflib.get_close_matches(key, list(model.model_fields), n=1, cutoff=0.5)
            meant = f"did you mean {_dotted((*above, near[0]))}?" if near else f"known: {', '.join(model.model_fields)}"
            yield f"{_dotted((*above, key))}: no such key; {meant}"
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            if isinstance(value, dict):
                yield from _unknown_in(value, field.annotation, (*above, key))
            else:
                yield f"{_dotted((*above, key))}: this is a section; write its keys below [{_dotted((*above, key))}]"


def _field(key: Key) -> Any:
    """The field at this key (a pydantic FieldInfo), or None."""
    model: type[BaseModel] = Config
    field = None
    for part in key:
        field = model.model_fields.get(part)
        if field is None:
            return None
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
    return field


def _dotted(key: Key) -> str:
    return ".".join(key)


def _explain(problem: Any, file: str, sources: Mapping[Key, str]) -> Iterator[str]:
    key = tuple(str(part) for part in problem["loc"] if not isinstance(part, int))
    text = re.sub(r"^(Value error|Assertion failed), ", "", problem["msg"])
    if not key:  # what holds between sections names its keys itself
        for line in text.splitlines():
            named = re.match(r"[a-z_.]+", line)
            variable = sources.get(tuple(named[0].split("."))) if named else None
            yield f"{f'environment {variable}' if variable else file}: {line}"
        return
    source = f"environment {sources[key]}" if key in sources else file
    field = _field(key)
    is_secret = field is not None and field.annotation is SecretStr
    given = "" if is_secret else f" (is: {problem['input']!r})"
    about = f"; meaning: {field.description}" if field is not None and field.description else ""
    yield f"{source}: {_dotted(key)}: {text}{given}{about}"
