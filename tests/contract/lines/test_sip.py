"""The direct SIP line keeps the contract of lines: in both laws, with telephone events and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.lines.rig import Events, Rig
from tests.contract.lines.sip_rig import SipRig
from tests.contract.lines.suite import LineContract
from tests.lines.shared_media import SharedMedia


class TestDirectSip(LineContract):
    @pytest.fixture
    def rig(self, tmp_path: Path, events: Events, shared_media: SharedMedia) -> Iterator[Rig]:
        rig = SipRig(tmp_path, events, shared_media)
        yield rig
        rig.close()


class TestDirectSipMuLawWithoutEvents:
    """Keys as tones, and the other law: what depends on them."""

    events = LineContract.events
    talk = LineContract.talk
    test_keys = LineContract.test_each_key_by_each_way_once
    test_a_key_stops = LineContract.test_a_key_stops_what_is_playing
    test_heard_to_its_end = LineContract.test_what_is_played_is_heard_to_its_end

    @pytest.fixture
    def rig(self, tmp_path: Path, events: Events, shared_media: SharedMedia) -> Iterator[Rig]:
        rig = SipRig(tmp_path, events, shared_media, "ulaw", telephone_events=False)
        yield rig
        rig.close()
