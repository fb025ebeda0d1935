"""The contract of lines, on the Twilio line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.lines.port import DialFailed, Dialled, Gone
from tests.contract.lines.rig import Events
from tests.contract.lines.suite import LineContract, until
from tests.contract.lines.twilio_rig import TwilioRig


class TestTwilio(LineContract):
    @pytest.fixture
    def rig(self, events: Events, tmp_path: Path) -> Iterator[TwilioRig]:  # type: ignore[override]
        rig = TwilioRig(events, tmp_path)
        yield rig
        rig.close()

    @pytest.mark.parametrize(
        ("behaviour", "failure"), [("busy", "busy"), ("declines", "declined"), ("rings", "no_answer")]
    )
    def test_why_nobody_answers(self, rig: TwilioRig, events: Events, behaviour: str, failure: str) -> None:
        """As `test_why_nobody_does`; Twilio itself answers challenges, and rings for five seconds at least."""
        rig.line.dial(Dialled("out-1", rig.somebody_at(behaviour), "", 5))  # type: ignore[arg-type]
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == failure
        events.wait_for("out-1", Gone)
        self.nothing_after_the_end(events, "out-1")

    def test_nobody_at_that_number(self, rig: TwilioRig, events: Events) -> None:
        rig.line.dial(Dialled("out-1", rig.nobody(), "", 10))
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == "unreachable"

    def test_a_call_that_rings_is_given_up(self, rig: TwilioRig, events: Events) -> None:
        rig.line.dial(Dialled("out-1", rig.somebody_at("rings"), "", 30))
        until(lambda: bool(rig.cloud.calls))
        rig.line.hang_up("out-1")
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == "cancelled"
