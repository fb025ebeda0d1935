"""The order line with its Twilio webhooks as a process of its own for `bench.twilio`; or, as baseline, an empty view.

    python -m bench.webhooks_under_test node|empty

The configuration comes from the environment. Ends with its standard input.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import delete, select, update

from admin.bootstrap import (
    Node,
    common_prompts,
    load_demo_data,
    open_database,
    prepare_folder,
    prompt_store,
    running,
    the_wording,
)
from admin.config import Config
from admin.config_reading import read_config
from admin.config_settings import web_settings
from admin.logs import set_up_logging
from admin.web.server import WebServer
from orders.models import Article, Batch, Retailer, SuspensionNotice
from orders.store import Store

STOCK = 1_000_000


def main() -> None:
    """Serve; prints READY once."""
    config = read_config(None)
    set_up_logging(config.log)
    (_node if sys.argv[1] == "node" else _empty)(config)


def _node(config: Config) -> None:
    prepare_folder(config)
    store = open_database(config)
    load_demo_data(config, store)
    _everybody_is_due(store)
    wording = the_wording()
    prompts = prompt_store(config, wording)
    prompts.warm(common_prompts(store, wording, ("zh",)))
    with running(Node(config, store, wording, prompts)):
        _until_the_end()


def _everybody_is_due(store: Store) -> None:
    with store.transaction() as session:
        daily = session.execute(select(Batch.id).where(Batch.code == "daily")).scalar_one()
        session.execute(update(Retailer).values(batch_id=daily))
        session.execute(delete(SuspensionNotice))
        session.execute(update(Article).values(stock=STOCK))


def _empty(config: Config) -> None:
    app = Flask("empty")

    @app.post("/<path:_>")
    def view(_: str) -> str:
        return "<Response/>"

    server = WebServer(app, web_settings(config))
    server.start()
    _until_the_end()
    server.stop()


def _until_the_end() -> None:
    print("READY", datetime.now(UTC).isoformat(), flush=True)
    sys.stdin.read()


main()
