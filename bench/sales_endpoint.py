"""A sales system as `docs/sales-api.yaml` wants it, on SQLite: what the HTTP connector is tested and measured against.

`faults` switch off one promise each, to prove that the contract kit finds it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

from flask import Flask, Response, jsonify, request

from admin.web.server import WebServer
from admin.web.settings import WebSettings
from orders.connectors.http_json.signing import SIGNATURE, TIMESTAMP, is_signed

FAULTS = (
    "no_dedupe",
    "changed_content_is_fine",
    "anybody_may_send",
    "old_signatures_are_good",
    "poison_is_fine",
    "poison_is_a_server_error",
    "list_lacks_lines",
    "list_has_no_end",
    "list_of_all_days",
)


class SalesEndpoint:
    """Serves on `port` of loopback until closed; lists `page` orders at a time."""

    def __init__(self, secret: bytes, folder: Path, faults: Collection[str] = (), *, page: int = 2) -> None:
        assert set(faults) <= set(FAULTS), faults
        self._secret = secret
        self._faults = frozenset(faults)
        self._page = page
        self._lock = threading.Lock()
        self._books = sqlite3.connect(folder / "endpoint.db", check_same_thread=False)
        self._books.execute("CREATE TABLE sold (id INTEGER PRIMARY KEY, key TEXT, day TEXT, content TEXT)")
        self._server = WebServer(self._app(), WebSettings(port=0, threads=8))
        self._server.start()
        self.port = self._server.port

    def times_held(self, order_key: str) -> int:
        with self._lock:
            return int(self._books.execute("SELECT count(*) FROM sold WHERE key = ?", (order_key,)).fetchone()[0])

    def close(self) -> None:
        self._server.stop()
        self._books.close()

    def _app(self) -> Flask:
        app = Flask("sales-endpoint")

        @app.before_request
        def signed() -> tuple[Response, int] | None:
            if "anybody_may_send" in self._faults:
                return None
            headers = (request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, ""))
            path = request.full_path.rstrip("?")
            old = "old_signatures_are_good" in self._faults and headers[0].isdigit()
            now = float(headers[0]) if old else time.time()
            if is_signed(self._secret, headers, request.method, path, request.get_data(), now):
                return None
            return jsonify(reason="bad signature"), 401

        app.post("/orderline/orders")(self._sell)
        app.get("/orderline/orders")(self._list)
        return app

    def _sell(self) -> tuple[Response, int]:
        key, order = unquote(request.headers.get("Idempotency-Key", "")), request.get_json()
        if not key or key != order.get("order_key"):
            return jsonify(reason="Idempotency-Key is not the order's key"), 400
        if any(line["accepted"] <= 0 for line in order["lines"]) and "poison_is_fine" not in self._faults:
            return jsonify(
                reason="a quantity is not positive"
            ), 500 if "poison_is_a_server_error" in self._faults else 422
        content = json.dumps(order, sort_keys=True)
        with self._lock, self._books:
            found = self._books.execute("SELECT id, content FROM sold WHERE key = ?", (key,)).fetchone()
            if found and "no_dedupe" not in self._faults:
                if found[1] != content and "changed_content_is_fine" not in self._faults:
                    return jsonify(reason="this key has other content"), 409
                return jsonify(external_id=f"S{found[0]}"), 200
            sold = self._books.execute(
                "INSERT INTO sold (key, day, content) VALUES (?, ?, ?)", (key, order["order_day"], content)
            )
            return jsonify(external_id=f"S{sold.lastrowid}"), 201

    def _list(self) -> Response:
        day, after = request.args["order_day"], int(request.args.get("after", "0"))
        query = "SELECT id, content FROM sold WHERE (day = ? OR ?) AND id > ? ORDER BY id LIMIT ?"
        every_day = "list_of_all_days" in self._faults
        with self._lock:
            rows = self._books.execute(query, (day, every_day, after, self._page)).fetchall()
        following = str(rows[-1][0]) if len(rows) == self._page else ""
        return jsonify(
            orders=[self._told(number, json.loads(content)) for number, content in rows],
            next=str(after) if "list_has_no_end" in self._faults and after else following,
        )

    def _told(self, number: int, order: dict[str, object]) -> dict[str, object]:
        lines = [] if "list_lacks_lines" in self._faults else order["lines"]
        return {
            "order_key": order["order_key"],
            "external_id": f"S{number}",
            "amount_fen": order["amount_fen"],
            "status": "accepted",
            "lines": lines,
        }
