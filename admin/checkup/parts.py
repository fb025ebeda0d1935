"""Checks of the parts: database, sales system, prompts and voices, media process, SIP's surroundings."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from admin.checkup.finding import Finding
from admin.config import Config, ConfigError, without_password
from admin.config_sections import Registrar
from admin.config_settings import media_settings
from admin.sales_system import connector_of
from ivr.media.client import MediaProcess
from orders import outbox
from orders.connectors.port import Unreachable
from orders.migrations import current, head
from orders.store import Store, StoreError, explain, open_store
from speech.prompt_store import PromptStore
from speech.voices.espeak import EspeakVoice
from speech.voices.port import VoiceMissing
from speech.voices.recorded import BadRecording, recording_of
from speech.wording import Wording, WordingError, load_wording


def check_database(config: Config) -> Iterator[Finding]:
    shown = without_password(config.database_url())
    if _not_made_yet(config.database_url()):
        yield Finding("OK", "database", f"{shown} will be made at first start")
        return
    try:
        store = open_store(config.database_url(), pool_size=1)
    except StoreError as error:
        yield Finding("FAIL", "database", str(error), "correct database.url")
        return
    try:
        yield from _schema(store, shown)
    except SQLAlchemyError as error:
        yield Finding("FAIL", "database", f"{shown}: {explain(error)}", "see database in the configuration")
    finally:
        store.close()


def _not_made_yet(url: str) -> bool:
    """Whether this names an SQLite file that is not there: opening it would make it."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return False
    file = parsed.database or ""
    return parsed.get_backend_name() == "sqlite" and Path(file).parent.is_dir() and not Path(file).exists()


def _schema(store: Store, shown: str) -> Iterator[Finding]:
    at, newest = current(store), head()
    if not at:
        yield Finding("WARN", "database", f"{shown} is empty", "it is filled at the next `orderline serve`")
        return
    if at != newest:
        do = "the next `orderline serve` brings it up to date: back it up before"
        yield Finding("WARN", "database", f"{shown} is at schema {at}, this version's is {newest}", do)
        return
    yield Finding("OK", "database", f"{shown}, schema {at}")
    with store.session() as session:
        waiting = outbox.backlog(session)
    if waiting.dead:
        do = "see to their reasons on the status page, then hand them over again"
        yield Finding("WARN", "hand-over", f"{waiting.dead} orders were given up", do)
    elif waiting.waiting:
        yield Finding("OK", "hand-over", f"{waiting.waiting} orders are on their way to the sales system")


def check_sales_system(config: Config) -> Iterator[Finding]:
    if config.sales.system != "sql_tables":
        yield _asked_for_orders(config)
        return
    shown = without_password(config.sales_url())
    if _not_made_yet(config.sales_url()):
        yield Finding("OK", "sales system", f"{shown} will be made at first start")
        return
    try:
        engine = create_engine(config.sales_url())
        with engine.connect():
            pass
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = explain(error) if isinstance(error, SQLAlchemyError) else str(error)
        yield Finding("FAIL", "sales system", f"{shown}: {reason}", "orders wait in the outbox: correct sales.url")
        return
    yield Finding("OK", "sales system", f"{shown} answers")


def _asked_for_orders(config: Config) -> Finding:
    """Ask for today's orders, as reconciliation does: name, certificate, secret and clock are proven by an answer."""
    sales = config.sales
    shown = {"http_json": sales.http.url, "csv_drop": sales.csv.folder, "tryton": sales.tryton.url}[sales.system]
    try:
        connector = connector_of(config)
        count = sum(1 for _ in connector.held(datetime.now(UTC).astimezone(config.zone()).date().isoformat()))
    except (ConfigError, Unreachable) as error:
        return Finding(
            "FAIL",
            "sales system",
            f"{shown}: {error}",
            f"orders wait in the outbox: correct the section of sales.{config.sales.system}",
        )
    return Finding("OK", "sales system", f"{shown} answers, it holds {count} orders of today")


def check_prompts(config: Config) -> Iterator[Finding]:
    try:
        wording = load_wording()
    except WordingError as error:
        yield Finding("FAIL", "wording", str(error), "correct the wording file")
        return
    yield Finding("OK", "wording", f"{len(wording.names)} prompts in {len(wording.texts)} languages")
    folder = config.prompt_folder()
    try:
        EspeakVoice().say("一二三", "zh", "normal")
        if folder.exists():
            PromptStore(folder, wording, EspeakVoice(), config.recordings_folder()).check()
    except VoiceMissing as error:
        yield Finding("FAIL", "voice", str(error), "run `make setup` again")
    except OSError as error:
        yield Finding("FAIL", "prompt cache", f"{folder}: {error.strerror}", "make it writable, or change speech.cache")
    else:
        yield Finding("OK", "voice", "the synthetic voice speaks")
    yield from _recordings(config, wording)


def _recordings(config: Config, wording: Wording) -> Iterator[Finding]:
    folder = config.recordings_folder()
    if folder is None:
        return
    if not folder.is_dir():
        yield Finding("FAIL", "recordings", f"{folder} is not there", "create it, or change speech.recordings")
        return
    usable = 0
    said_whole = [name for name in wording.names if not wording.slots(name)]
    for language in config.speech.languages:
        for name in said_whole:
            try:
                usable += recording_of(folder, name, language) is not None
            except BadRecording as error:
                yield Finding("FAIL", "recordings", str(error), "save it again as said, or remove it")
    strange = [
        f"{language}/{file.name}"
        for language in config.speech.languages
        for file in sorted((folder / language).glob("*.wav"))
        if file.stem not in said_whole
    ]
    if strange:
        do = "a recording is named like a prompt in speech/texts/zh.toml that has no {…} in it"
        yield Finding("WARN", "recordings", f"never played: {', '.join(strange[:5])}", do)
    yield Finding("OK", "recordings", f"{usable} recorded prompts in {folder}")


def check_media_process(config: Config) -> Iterator[Finding]:
    if not config.sip.enabled and not config.pyvoip.enabled:
        return
    media = MediaProcess(media_settings(config), lambda _stream, _event: None)
    try:
        media.start()
        yield Finding("OK", "media process", "it starts and answers")
    except (OSError, RuntimeError) as error:
        yield Finding("FAIL", "media process", str(error), "run `python -m ivr.media` by hand to see why")
    finally:
        media.stop()


def check_surroundings(config: Config) -> Iterator[Finding]:
    sip = config.sip
    if sip.enabled and any(network in ("0.0.0.0/0", "::/0") for network in sip.allow):
        yield Finding("WARN", "sip.allow", "anybody may call", "name the networks of your trunks or PBX only")
    registrars = [("sip.registrar", sip.registrar, sip.enabled)]
    registrars.append(("pyvoip.registrar", config.pyvoip.registrar, config.pyvoip.enabled))
    for key, registrar, wanted in registrars:
        if wanted and registrar.server:
            yield _registrar(key, registrar)
    if config.pyvoip.enabled and importlib.util.find_spec("pyVoIP") is None:
        yield Finding("FAIL", "pyvoip", "pyVoIP is not installed", "pip install 'orderline[pyvoip]'")


def _registrar(key: str, registrar: Registrar) -> Finding:
    host, _, port = registrar.server.partition(":")
    try:
        address = socket.getaddrinfo(host, int(port or 5060), family=socket.AF_INET)[0][4][0]
    except OSError:
        return Finding("FAIL", key, f"the host {host} is not known", f"correct {key}.server, or see to name service")
    return Finding("OK", key, f"{host} is {address}")
