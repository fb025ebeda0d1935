"""The Asterisk line at a real Asterisk: telephones reach it by SIP through a trunk, agents' phones stand behind it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, Protocol

from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.port import Line
from speech.prompt import Clip
from tests.contract.lines.rig import Ability, Events, Way
from tests.contract.lines.sip_rig import SipFarEnd
from tests.lines.telephone import Telephone, wait_for

SILENT_AFTER_S = 0.1
STATUS = {"answers": 200, "busy": 486, "declines": 603, "rings": 180, "challenges": 407}


class Pbx(Protocol):
    """A running Asterisk. `trunk_port` is where calls go out to, `agent_port` where agent 8001 has a phone."""

    url: str
    user: str
    password: str
    sip_port: int
    trunk_port: int
    agent_port: int


class AsteriskFarEnd(SipFarEnd):
    """Implements `FarEnd`. Asterisk sends nothing while nothing is played."""

    def __init__(self, telephone: Telephone, names: dict[int, str], agent: Telephone) -> None:
        super().__init__(telephone, names)
        self._agent = agent

    def hears(self) -> str:
        frames = self.telephone.sound.frames
        if not frames or time.monotonic() - frames[-1][0] > SILENT_AFTER_S:
            return ""
        return super().hears()

    def press(self, key: str, way: Way) -> None:
        if way == "event":
            self.telephone.sound.press_at_pace(key)
        else:
            super().press(key, way)

    def asked_to_call(self) -> str:
        return self._agent.invited.first if self._agent.invited else ""

    def report_transfer(self, *, done: bool) -> None:
        assert self._agent.invited is not None
        if done:
            self._agent.take_description(self._agent.invited.body)
            self._agent.reply(self._agent.invited, 200, self._agent.description())
        else:
            self._agent.reply(self._agent.invited, 486)


class AsteriskRig:
    """Implements `Rig`."""

    abilities: frozenset[Ability] = frozenset(
        {"refuses", "rings", "transfers", "dials", "dials_told_apart", "notices_the_dead", "asserts_called"}
    )

    def __init__(self, folder: Path, events: Events, pbx: Pbx, *, telephone_events: bool = True) -> None:
        self.ways: tuple[Way, ...] = ("event",) if telephone_events else ("tone",)
        self._telephone_events = telephone_events
        self._folder = folder
        self._pbx = pbx
        self._names: dict[int, str] = {}
        self._clips: dict[str, Clip] = {}
        self._telephones: list[Telephone] = []
        self._agent = self._telephone(own_port=pbx.agent_port, replies={"INVITE": 180})
        settings = AsteriskSettings(pbx.url, pbx.user, pbx.password, dial="PJSIP/{number}@trunk")
        self._line = AsteriskLine(settings, events)
        self.line: Line = self._line
        self._line.start()
        wait_for(lambda: self._line.health().state == "up")

    def call_in(self, caller: str = "13800000001") -> AsteriskFarEnd:
        telephone = self._telephone(number=caller, events=self._telephone_events)
        telephone.invite()
        return AsteriskFarEnd(telephone, self._names, self._agent)

    def somebody_at(self, behaviour: Literal["answers", "busy", "declines", "rings", "challenges"]) -> str:
        self._telephone(own_port=self._pbx.trunk_port, replies={"INVITE": STATUS[behaviour]})
        return "13800000009"

    def nobody(self) -> str:
        return "13800000009"

    def clip(self, name: str, ms: int) -> Clip:
        """Each clip is one byte, repeated; the same one in both laws."""
        key = f"{name}-{ms}"
        if key not in self._clips:
            byte = next(value for value in range(16, 120) if value not in self._names)
            self._names[byte] = name
            ulaw, alaw = self._folder / f"{key}.ul", self._folder / f"{key}.al"
            for path in (ulaw, alaw):
                path.write_bytes(bytes([byte]) * 8 * ms)
            self._clips[key] = Clip(key, name, ulaw, alaw, alaw, ms)
        return self._clips[key]

    def close_line(self) -> None:
        self._line.stop()

    def close(self) -> None:
        self._line.stop()
        for telephone in self._telephones:
            telephone.close()

    def _telephone(self, **how: object) -> Telephone:
        telephone = Telephone(target=("127.0.0.1", self._pbx.sip_port), **how)  # type: ignore[arg-type]
        self._telephones.append(telephone)
        return telephone
