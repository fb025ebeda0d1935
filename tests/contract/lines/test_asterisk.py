"""The Asterisk line keeps the contract of lines at a real Asterisk: keys as events, and as tones too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.lines.asterisk_rig import AsteriskRig
from tests.contract.lines.rig import Events, Rig
from tests.contract.lines.suite import LineContract
from tests.lines.asterisk.pbx import Pbx, running_pbx

pytestmark = pytest.mark.peer("asterisk")


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    with running_pbx(tmp_path_factory.mktemp("pbx") / "asterisk") as pbx:
        yield pbx


class TestAsterisk(LineContract):
    @pytest.fixture
    def rig(self, tmp_path: Path, events: Events, pbx: Pbx) -> Iterator[Rig]:
        rig = AsteriskRig(tmp_path, events, pbx)
        yield rig
        rig.close()


class TestAsteriskWithTones:
    """Phones without telephone events: what depends on how keys come."""

    events = LineContract.events
    talk = LineContract.talk
    test_keys = LineContract.test_each_key_by_each_way_once
    test_a_key_stops = LineContract.test_a_key_stops_what_is_playing

    @pytest.fixture
    def rig(self, tmp_path: Path, events: Events, pbx: Pbx) -> Iterator[Rig]:
        rig = AsteriskRig(tmp_path, events, pbx, telephone_events=False)
        yield rig
        rig.close()
