"""How long callers hear nothing when their node is killed, and how long a dead trunk stays in rotation.

A real Asterisk, two nodes of their own processes on one PostgreSQL, telephones for retailers and carriers; twenty runs
of each. Needs the tests' real peers (`make peers`).
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from pathlib import Path

from bench.postgres_cluster import cluster
from bench.result import Result, quantile
from tests.asterisk.production import ProductionPbx
from tests.lines.asterisk.pbx import Pbx, running_pbx
from tests.lines.asterisk.two_nodes import Site
from tests.lines.telephone import Telephone, wait_for

RUNS = 20
PATIENCE_S = 30.0
QUIET_S = 0.4
STAGE = "awaiting_main_choice"


def run() -> Result:
    """Both parts one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        deaths = _killed_nodes(Path(folder))
        trunks = _dead_trunks(Path(folder))
    figures = _spread("node_killed", [silent for silent, _ in deaths]) | _spread("trunk_dead", trunks)
    figures["other_questions"] = sum(stage != STAGE for _, stage in deaths)
    notes = (
        f"{RUNS} runs each, seconds; node_killed: from kill -9 until the caller hears the other node; other_questions: "
        "runs in which that was not the question that stood; trunk_dead: from the carrier's last word until Asterisk "
        "counts the trunk as out of reach"
    )
    return Result("failover", figures, {}, notes)


def _spread(name: str, values: list[float]) -> dict[str, float]:
    shares = (("p50", 0.5), ("p95", 0.95), ("most", 1.0))
    return {f"{name}_{share}_s": round(quantile(values, at), 2) for share, at in shares}


def _killed_nodes(folder: Path) -> list[tuple[float, str]]:
    with running_pbx(folder / "nodes-pbx") as pbx, cluster() as database:
        site = Site(folder, pbx, database, folder / "prompts")
        try:
            site.start("a", "b")
            return [_one_death(site, number) for number in range(RUNS)]
        finally:
            site.close()


def _one_death(site: Site, number: int) -> tuple[float, str]:
    """A call at its menu, in silence after the question; its node is killed; until sound comes again, and which."""
    caller = site.call()
    site.key(caller, "1")
    site.wait_for_stage("awaiting_pin")
    site.key(caller, "1234#")
    site.wait_for_stage(STAGE)
    heard = caller.sound.frames
    site.wait(lambda: time.monotonic() - heard[-1][0] > QUIET_S, PATIENCE_S)
    dying, boot = site.node_with_the_call(), site.calls()[-1].boot
    site.send(dying, signal.SIGKILL)
    killed = time.monotonic()
    site.wait(lambda: heard[-1][0] > killed, PATIENCE_S)
    silent = next(at for at, _, _ in heard if at > killed) - killed
    stage = site.stage()
    if site.calls()[-1].boot == boot:
        raise RuntimeError(f"run {number}: sound came, but of nobody who had taken the call over")
    caller.hang_up()
    site.wait_for_stage("ended")
    site.start(dying)
    _progress("node killed", number, silent)
    return silent, stage


def _dead_trunks(folder: Path) -> list[float]:
    pbx = ProductionPbx(folder / "trunks-pbx")
    carrier = Telephone(own_port=pbx.trunk_port)
    try:
        pbx.start()
        return [_one_dead_trunk(pbx, carrier, number) for number in range(RUNS)]
    finally:
        pbx.kill()
        carrier.close()


def _one_dead_trunk(pbx: Pbx, carrier: Telephone, number: int) -> float:
    carrier.muted = False
    wait_for(lambda: _state(pbx) == "online", PATIENCE_S)
    # The runs begin all over the two seconds between two questions.
    time.sleep(number * 2.0 / RUNS)
    carrier.muted = True
    died = time.monotonic()
    wait_for(lambda: _state(pbx) == "offline", PATIENCE_S)
    out = time.monotonic() - died
    _progress("trunk dead", number, out)
    return out


def _state(pbx: Pbx) -> str:
    asked = urllib.request.Request(f"{pbx.url}/ari/endpoints/PJSIP/carrier")
    asked.add_header("Authorization", f"Basic {b64encode(f'{pbx.user}:{pbx.password}'.encode()).decode()}")
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return str(json.load(answer)["state"])


def _progress(what: str, number: int, took_s: float) -> None:
    print(f"{what} {number + 1}/{RUNS}: {took_s:.2f} s", file=sys.stderr, flush=True)
