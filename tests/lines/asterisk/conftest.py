"""One switchboard at one scripted Asterisk for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lines.asterisk.scripted import Board


@pytest.fixture
def make() -> Iterator[Callable[..., Board]]:
    boards: list[Board] = []

    def made(**settings: object) -> Board:
        boards.append(Board(**settings))
        return boards[-1]

    yield made
    for board in boards:
        board.close()


@pytest.fixture
def at(make: Callable[..., Board]) -> Board:
    return make()
