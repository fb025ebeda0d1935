"""The extension's registration: with digest, refreshed, refused, found again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lines.sip.bench import PEER, Phone

pytest.importorskip("pyVoIP", reason="the extra orderline[pyvoip] is not installed", exc_type=ImportError)

from tests.lines.pyvoip.bench import CHALLENGE, PyVoipBench

Benches = Callable[..., PyVoipBench]


def test_registered_with_digest_and_refreshed(make_bench: Benches) -> None:
    bench = make_bench(expires_s=100)
    phone = Phone(bench)
    first = bench.expect_request("REGISTER")
    assert first.hop == PEER
    assert first["Expires"] == "100"
    phone.reply(first, 401, more=CHALLENGE)
    second = bench.expect_request("REGISTER")
    assert 'username="600"' in second["Authorization"]
    phone.reply(second, 200)
    assert bench.board.phone.sip.registered
    bench.clock.advance(85)
    phone.reply(bench.expect_request("REGISTER"), 200)
    bench.board.phone.sip.stop()
    assert bench.expect_request("REGISTER")["Expires"] == "0"


def test_a_wrong_password_is_no_storm_and_no_end(make_bench: Benches) -> None:
    """pyVoIP alone gives up for ever after three failures."""
    bench = make_bench()
    phone = Phone(bench)
    for _ in range(6):
        phone.reply(bench.expect_request("REGISTER"), 401, more=CHALLENGE)
        phone.reply(bench.expect_request("REGISTER"), 401, more=CHALLENGE)
        bench.expect_silence()
        while not bench.sent:
            bench.clock.advance(0.25)
    phone.reply(bench.expect_request("REGISTER"), 200)
    assert bench.board.phone.sip.registered


def test_a_pbx_that_is_away(make_bench: Benches) -> None:
    bench = make_bench()
    bench.clock.advance(16)
    assert not bench.board.phone.sip.registered
    bench.sent.clear()
    bench.clock.advance(2)
    Phone(bench).reply(bench.sent[-1], 200)
    bench.sent.clear()
    assert bench.board.phone.sip.registered
