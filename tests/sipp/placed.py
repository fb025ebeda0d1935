"""A transcript's call by SIPp against a whole node, and what became of it in the databases of both sides."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from admin.bootstrap import Node
from admin.opening import the_wording
from ivr.codec import from_json, unpack_action
from ivr.dialogue.actions import PlayPrompts
from ivr.transcripts.pure_seat import written
from ivr.transcripts.script import Script
from orders.connectors.sql_tables import SalesLineRow, SalesOrderRow
from orders.models import Call, CallbackRequest, CallEvent, DemandLine
from orders.store import open_store
from tests import peers
from tests.lines.sipp.peer import free_media_port
from tests.sipp.scenario import checks, undated


def noon_somewhere() -> str:
    """A time zone in which it is about noon now; POSIX turns the sign round."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def run_sipp(scenario: Path, port: int, transport: str, folder: Path) -> None:
    sipp = peers.require("sipp")["sipp"]
    command = [str(sipp), f"127.0.0.1:{port}", "-sf", str(scenario), "-m", "1", "-t", transport]
    command += ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_tcp_port()), "-mp", str(free_media_port())]
    command += ["-trace_err", "-timeout", "80s", "-nostdin", "-aa"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=100, check=False, env=os.environ | {"TERM": "dumb"}
    )
    errors = "\n".join(path.read_text() for path in folder.glob("*_errors.log"))
    assert done.returncode == 0, f"{errors}\n{done.stdout[-1500:]}\n{done.stderr[-500:]}"


def said(node: Node) -> list[str]:
    """Everything the line was told to say in the newest call, from its stored events."""
    for _ in range(500):
        if not node.exchange.live_calls():
            break
        time.sleep(0.01)
    with node.store.session() as session:
        call = session.scalars(select(Call).order_by(Call.started_at.desc()).limit(1)).one()
        events = session.scalars(select(CallEvent).where(CallEvent.call_id == call.id).order_by(CallEvent.sequence))
        actions = [unpack_action(action) for event in events for action in from_json(event.actions)["line"]]
    wording = the_wording()
    return [undated(written(wording, action)) for action in actions if isinstance(action, PlayPrompts)]


def look_up(node: Node, script: Script) -> None:
    """What the transcript says of order, demand and call-back, in the databases of both sides."""
    for line in checks(script):
        if line.verb == "ORDER":
            assert _sold(node) == line.text
        elif line.verb == "NO ORDER":
            assert not (node.config.data_folder / "sales.db").exists() or _sold(node) == ""
        elif line.verb == "DEMAND":
            with node.store.session() as session:
                demand = {f"{one.article_code}×{one.requested}" for one in session.scalars(select(DemandLine))}
            assert line.text in demand
        else:
            with node.store.session() as session:
                assert line.text in set(session.scalars(select(CallbackRequest.reason)))


def _sold(node: Node) -> str:
    """The newest order in the sales database; the dispatcher gets ten seconds to bring it there."""
    store = open_store(node.config.sales_url())
    try:
        for _ in range(100):
            if not (node.config.data_folder / "sales.db").exists():
                time.sleep(0.1)
                continue
            with store.session() as session:
                order = session.scalars(select(SalesOrderRow.id).order_by(SalesOrderRow.id.desc()).limit(1)).first()
                lines = session.scalars(select(SalesLineRow).where(SalesLineRow.order_id == order)) if order else []
                sold = " ".join(f"{line.article_code}×{line.accepted}" for line in lines)
            if sold:
                return sold
            time.sleep(0.1)
        return ""
    finally:
        store.close()


def free_tcp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
