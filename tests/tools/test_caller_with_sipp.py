"""The scripted caller against SIPp, a SIP implementation that shares nothing with ours."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ivr.caller import CallOutcome, CallPlan, place_call
from tests import peers
from tests.lines.sipp.peer import free_media_port

pytestmark = pytest.mark.peer("sipp")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sipp_answering(folder: Path, transport: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """SIPp's own answering scenario: rings, answers, echoes sound, expects to be hung up on."""
    port = free_port()
    command = [
        peers.require("sipp")["sipp"], "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-rtp_echo",
        "-mi", "127.0.0.1", "-mp", str(free_media_port()), "-nostdin", "-timeout", "20", "-t", transport,
    ]  # fmt: skip
    process = subprocess.Popen(
        [str(word) for word in command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, transport)
        yield f"sip:100@127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait_for(port: int, transport: str) -> None:
    """Until SIPp has the port: binding it, or connecting to it, tells."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if transport == "t1" else socket.SOCK_DGRAM) as probe:
            if transport == "t1":
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            else:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return
        time.sleep(0.02)
    raise AssertionError("SIPp does not start")


@pytest.mark.parametrize(("transport", "kind"), [("udp", "u1"), ("tcp", "t1")])
def test_a_call_is_answered_echoed_and_hung_up(tmp_path: Path, transport: str, kind: str) -> None:
    with sipp_answering(tmp_path, kind) as (uri, sipp):
        plan = CallPlan(to=uri, transport=transport, keys="~0.2", listen_s=0.3, laws=("ulaw",))  # type: ignore[arg-type]
        outcome: CallOutcome = asyncio.run(place_call(plan))
        assert outcome.answered
        assert outcome.cause == "caller hung up after listening for 0.3 s"
        assert outcome.packets_in > 5, "our own sound comes back as an echo"
        assert sipp.wait(10) == 0, "SIPp saw a whole, well-formed call"
