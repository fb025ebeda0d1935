"""Benches with pyVoIP; each is checked at the end for what nobody expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lines.pyvoip.bench import PyVoipBench
from tests.lines.sip.bench import Phone

Benches = Callable[..., PyVoipBench]


@pytest.fixture
def make_bench() -> Iterator[Benches]:
    made: list[PyVoipBench] = []

    def make(**settings: Any) -> PyVoipBench:
        made.append(PyVoipBench(**settings))
        return made[-1]

    yield make
    for bench in made:
        bench.finish()


@pytest.fixture
def bench(make_bench: Benches) -> PyVoipBench:
    bench = make_bench()
    Phone(bench).reply(bench.expect_request("REGISTER"), 200)
    return bench


@pytest.fixture
def phone(bench: PyVoipBench) -> Phone:
    return Phone(bench, uri="sip:600@127.0.0.1:5064")
