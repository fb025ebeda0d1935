"""What the tests of the tools share: an empty folder to run in, a small SIP line on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.answerer import Answerer, LineCall, answering, write_clip


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ORDERLINE_CONFIG", "ORDERLINE_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Answerer]:
    """A small SIP line on a thread of its own: welcomes, takes one key, says the order number, hangs up."""
    welcome = write_clip(tmp_path / "cache", "welcome", 300, 1)
    accepted = write_clip(tmp_path / "cache", "order_accepted", 300, 2, tail="0372")

    async def scenario(call: LineCall) -> None:
        await call.answer()
        call.play(welcome)
        await call.key()
        call.play(accepted)
        await call.played()
        call.hang_up()

    ready, done = threading.Event(), threading.Event()
    found: list[Answerer] = []

    async def serve() -> None:
        async with answering(scenario) as answerer:
            found.append(answerer)
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="answerer")
    thread.start()
    assert ready.wait(5)
    yield found[0]
    done.set()
    thread.join()


@pytest.fixture
def clips(tmp_path: Path) -> dict[str, Path]:
    return {
        "welcome": write_clip(tmp_path, "welcome", 400, 1),
        "shop": write_clip(tmp_path, "shop_choice", 400, 2, shop="阳光便利店", key="1"),
        "pin": write_clip(tmp_path, "pin_wanted", 400, 3),
        "menu": write_clip(tmp_path, "main_menu", 400, 4),
        "accepted": write_clip(tmp_path, "order_accepted", 300, 5, tail="0372"),
    }
