"""What holds for every test: real peers are named, missing ones are skipped here and fail in CI, and all is summed up.

`@pytest.mark.peer("sipp")` marks a test that talks to a real peer. With ORDERLINE_REQUIRE_PEERS=1 a missing peer is a
failure. Tests that measure time on the wire share one xdist worker, so that they don't disturb each other; so do tests
with a browser.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator

import pytest

from speech.wording import Wording, load_wording
from tests import peers

REQUIRED = "ORDERLINE_REQUIRE_PEERS"
RAN_WITH = "ran with peer"
ON_THE_WIRE = ("tests/media/", "tests/lines/", "tests/contract/lines/", "tests/sip_transcripts/")


def _peers_of(item: pytest.Item) -> list[str]:
    return sorted({str(name) for mark in item.iter_markers("peer") for name in mark.args})


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    for item in items:
        _prepare(item)
    yield
    # Playwright keeps an event loop running in its thread until the session ends, where asyncio.run would then be
    # refused: browser tests come last, after the shuffling.
    items.sort(key=lambda item: "chromium" in _peers_of(item))


def _prepare(item: pytest.Item) -> None:
    wanted = _peers_of(item)
    unknown = [name for name in wanted if name not in peers.KINDS]
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: no such peer {unknown}; tests/peers.py knows {list(peers.KINDS)}")
    item.user_properties.extend((RAN_WITH, name) for name in wanted)
    if item.get_closest_marker("xdist_group") is not None:
        return
    if "chromium" in wanted:
        item.add_marker(pytest.mark.xdist_group("browser"))
    elif item.nodeid.startswith(ON_THE_WIRE) or "sipp" in wanted:
        item.add_marker(pytest.mark.xdist_group("wire"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _peers_of(item):
        if peers.find(name) is None:
            if os.environ.get(REQUIRED) == "1" and not peers.KINDS[name].files:
                pytest.fail(peers.how_to_get(name), pytrace=False)
            pytest.skip(peers.how_to_get(name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran, wanted = _counts(terminalreporter)
    if not wanted:
        return
    terminalreporter.section("real peers")
    for name in peers.KINDS:
        peer = peers.find(name)
        if peer is None:
            line = f"peer {name}: missing, {wanted[name]} tests did not run ({peers.how_to_get(name)})"
        elif wanted[name]:
            line = f"peer {name}: ran {ran[name]} of {wanted[name]} tests ({peer.version()})"
        else:
            continue
        terminalreporter.write_line(line)


def _counts(terminalreporter: pytest.TerminalReporter) -> tuple[Counter[str], Counter[str]]:
    """By peer: tests whose body ran, whatever came of it, and tests that wanted to run."""
    ran: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    reports = (
        report for kind in ("passed", "failed", "error", "skipped", "") for report in _reports(terminalreporter, kind)
    )
    for report in reports:
        names = [value for key, value in report.user_properties if key == RAN_WITH]
        if report.when == "setup":
            wanted.update(names)
        elif report.when == "call":
            ran.update(names)
    return ran, wanted


def _reports(terminalreporter: pytest.TerminalReporter, kind: str) -> list[pytest.TestReport]:
    return [report for report in terminalreporter.stats.get(kind, []) if isinstance(report, pytest.TestReport)]


@pytest.fixture(scope="session")
def wording() -> Wording:
    """What prompts say; read once."""
    return load_wording()
