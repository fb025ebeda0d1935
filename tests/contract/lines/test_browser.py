"""The browser line keeps the contract of lines; it can be called only, and hands nobody over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.lines.browser_rig import BrowserRig
from tests.contract.lines.rig import Events, Rig
from tests.contract.lines.suite import LineContract


class TestBrowser(LineContract):
    @pytest.fixture
    def rig(self, events: Events) -> Iterator[Rig]:
        rig = BrowserRig(events)
        yield rig
        rig.close()
