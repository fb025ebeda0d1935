"""The pyVoIP line keeps the contract of lines, as an extension of a PBX.

Skipped, because pyVoIP can't: calling out and transferring; the reasons stand in `ivr.lines.pyvoip.line`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.lines.pyvoip_rig import PyVoipRig
from tests.contract.lines.rig import Events, Rig
from tests.contract.lines.suite import LineContract
from tests.lines.shared_media import SharedMedia

pytest.importorskip("pyVoIP", reason="the extra orderline[pyvoip] is not installed", exc_type=ImportError)


class TestPyVoip(LineContract):
    @pytest.fixture
    def rig(self, tmp_path: Path, events: Events, shared_media: SharedMedia) -> Iterator[Rig]:
        rig = PyVoipRig(tmp_path, events, shared_media)
        yield rig
        rig.close()
