"""What commands and the node open before anything runs: data folder, PIN key, database, wording, prompts, demo data.

Apart from the node itself, so that a command which only looks into the database loads no line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from admin.config import Config, ConfigError
from orders.demo import load_demo
from orders.migrations import current, head, upgrade
from orders.models import Article
from orders.store import Store, StoreError, explain, open_store
from orders.values import Language
from speech.prompt import Prompt, prompt
from speech.prompt_store import PromptStore
from speech.voices.espeak import EspeakVoice
from speech.voices.port import Pace
from speech.wording import Wording, load_wording

DEMO_MARK = "demo-data"


class StartError(RuntimeError):
    """The order line can't start; the message says what to do."""


def prepare_folder(config: Config) -> None:
    """Make the data folder. Raises StartError."""
    try:
        config.data_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the data folder {config.data_folder} can't be made ({error.strerror})"
        raise StartError(f"{problem}: change data or its permissions") from error


def pin_key(config: Config) -> bytes:
    """The key under which PINs are hashed; made at first use, mode 600. Raises StartError."""
    given = config.orders.pin_key.get_secret_value()
    return given.encode() if given else _key_in(config.pin_key_file(), "PIN key", "no PIN fits")


def console_key(config: Config) -> bytes:
    """What the console's cookies and second factors are protected by; made at first use. Raises StartError."""
    given = config.web.key.get_secret_value()
    return given.encode() if given else _key_in(config.console_key_file(), "console key", "no second factor fits")


def _key_in(path: Path, what: str, else_: str) -> bytes:
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"the {what} {path} can't be used ({error}): restore it, or {else_}") from error
    if len(key) < 32:
        raise StartError(f"the {what} {path} is damaged: restore it from the backup, for without it {else_}")
    return key.encode()


def open_database(config: Config) -> Store:
    """The store, its schema brought up to this version's: for those who own the database. Raises StartError."""
    return _opened(config, upgrade)


def look_into_database(config: Config) -> Store:
    """The store as it is, for commands beside a running line: a schema of another version is refused, not changed.

    Raises StartError.
    """
    return _opened(config, _refuse_other_schema)


def _opened(config: Config, prepare: Callable[[Store], None]) -> Store:
    try:
        store = open_store(config.database_url(), pool_size=config.database.pool_size)
        prepare(store)
    except (StoreError, ConfigError) as error:
        raise StartError(str(error)) from error
    except SQLAlchemyError as error:
        raise StartError(f"the database can't be used: {explain(error)}") from error
    return store


def _refuse_other_schema(store: Store) -> None:
    at, newest = current(store), head()
    if at != newest:
        raise StoreError(
            f"the database is at schema {at or 'none'}, this version's is {newest}: "
            "`orderline serve` of this version brings it up to date; back it up before"
        )


def prompt_store(config: Config, wording: Wording) -> PromptStore:
    """Where prompts become audio."""
    return PromptStore(config.prompt_folder(), wording, EspeakVoice(), config.recordings_folder())


def common_prompts(
    store: Store, wording: Wording, languages: tuple[Language, ...]
) -> Iterator[tuple[Prompt, Language, Pace]]:
    """What is worth rendering before the first call: every prompt without values, and the question of each article."""
    with store.session() as session:
        articles = session.scalars(select(Article).where(Article.on_sale).order_by(Article.code)).all()
    for language in languages:
        for name in wording.names:
            if not wording.slots(name):
                yield prompt(name), language, "normal"
        for article in articles:
            said = article.name_zh if language == "zh" else article.name_en or article.name_zh
            yield prompt("quantity_wanted", article=said), language, "normal"


def load_demo_data(config: Config, store: Store) -> int:
    """Write the demo data if the database is empty; returns the number of retailers written. Raises StartError."""
    today = datetime.now(UTC).astimezone(config.zone()).date()
    try:
        with store.transaction() as session:
            written = load_demo(session, today, pin_key(config))
        if written:
            (config.data_folder / DEMO_MARK).touch()
    except (SQLAlchemyError, OSError) as error:
        raise StartError(f"the demo data can't be written: {explain(error)}") from error
    return written


def is_demo(config: Config) -> bool:
    """Whether the database was filled with demo data."""
    return (config.data_folder / DEMO_MARK).exists()


def languages_of(config: Config) -> tuple[Language, ...]:
    """The languages that are rendered beforehand."""
    known = get_args(Language)
    return tuple(language for language in config.speech.languages if language in known)


def the_wording() -> Wording:
    """The package's own wording. Raises StartError when a file was edited into something unreadable."""
    try:
        return load_wording()
    except (OSError, ValueError) as error:
        raise StartError(f"the wording can't be used: {error}") from error
