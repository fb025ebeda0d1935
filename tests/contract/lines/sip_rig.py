"""The direct SIP line with its real media process, and telephones at its far end, all on loopback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ivr.lines.port import Line
from ivr.lines.sip.line import SipLine
from ivr.lines.sip.settings import SipSettings
from speech.g711 import encode_alaw, encode_ulaw
from speech.prompt import Clip
from tests.contract.lines.rig import Ability, Events, Way
from tests.lines.shared_media import SharedMedia, free_port
from tests.lines.sound import SILENCES
from tests.lines.telephone import Telephone, wait_for

TONES = {
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for high, key in zip((1209, 1336, 1477, 1633), row, strict=True)
}
REPORTS = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n"


def tone(key: str, law: str, ms: int = 100) -> bytes:
    """One key as it sounds (ITU-T Q.23), with silence around it."""
    at = np.arange(8 * ms) / 8000
    samples = sum(7000 * np.sin(2 * math.pi * frequency * at) for frequency in TONES[key])
    quiet = np.zeros(8 * 60)
    whole = np.concatenate([quiet, samples, quiet]).astype(np.int16)
    return encode_alaw(whole) if law == "alaw" else encode_ulaw(whole)


class SipFarEnd:
    """Implements `FarEnd` with a telephone."""

    def __init__(self, telephone: Telephone, names: dict[int, str], *, way: Way = "event") -> None:
        self.telephone = telephone
        self._names = names
        self._answered = False

    def is_picked_up(self) -> bool:
        if self._answered:
            return True
        if not any(response.status >= 200 for response in list(self.telephone.responses.queue)):
            return False
        if any(response.status >= 300 for response in list(self.telephone.responses.queue)):
            return False
        self.telephone.take_answer()
        self._answered = True
        # A phone sends sound all the time; one packet tells the line where it is, and that it lives.
        self.telephone.sound.send(8 if self.telephone.law == "alaw" else 0, bytes([0xD5]) * 160)
        return True

    def press(self, key: str, way: Way) -> None:
        if way == "tone":
            self.telephone.sound.talk(tone(key, self.telephone.law), 8 if self.telephone.law == "alaw" else 0)
        else:
            self.telephone.press(key, way)

    def hears(self) -> str:
        heard = self.telephone.sound.heard()
        if heard == -1:
            return "nothing yet"
        return "" if heard in SILENCES else self._names.get(heard, f"byte {heard}")

    def give_up(self) -> None:
        self.telephone.cancel()
        assert self.telephone.final().status == 487

    def hang_up(self) -> None:
        self.telephone.hang_up()

    def vanish(self) -> None:
        self.telephone.muted = True

    def is_over(self) -> bool:
        refused = any(response.status >= 300 for response in list(self.telephone.responses.queue))
        return self.telephone.ended.is_set() or refused

    def asked_to_call(self) -> str:
        refers = [request for request in self.telephone.requests if request.method == "REFER"]
        return refers[-1].get("Refer-To") if refers else ""

    def report_transfer(self, *, done: bool) -> None:
        line = "SIP/2.0 200 OK\r\n" if done else "SIP/2.0 486 Busy Here\r\n"
        self.telephone.send("NOTIFY", line, kind="message/sipfrag", more=REPORTS)


class SipRig:
    """Implements `Rig`."""

    abilities: frozenset[Ability] = frozenset(
        {"refuses", "rings", "transfers", "dials", "dials_told_apart", "notices_the_dead", "asserts_called"}
    )

    def __init__(
        self, folder: Path, events: Events, shared: SharedMedia, law: str = "alaw", *, telephone_events: bool = True
    ) -> None:
        self._folder = folder
        self._law = law
        self._telephone_events = telephone_events
        self._names: dict[int, str] = {}
        self._clips: dict[str, Clip] = {}
        self._telephones: list[Telephone] = []
        self.ways: tuple[Way, ...] = ("event", "info") if telephone_events else ("tone", "info")
        settings = SipSettings(port=0, probe_after_s=4.0, probe_patience_s=1.5, unanswered_s=3.0)
        self._line = SipLine(settings, shared.process, events)
        self.line: Line = self._line
        shared.report = self._line.media_event
        self._line.start()

    def call_in(self, caller: str = "13800000001") -> SipFarEnd:
        telephone = self._telephone(number=caller)
        telephone.invite()
        return SipFarEnd(telephone, self._names)

    def somebody_at(self, behaviour: Literal["answers", "busy", "declines", "rings", "challenges"]) -> str:
        status = {"answers": 200, "busy": 486, "declines": 603, "rings": 180, "challenges": 407}[behaviour]
        telephone = self._telephone(replies={"INVITE": status})
        return f"sip:bob@127.0.0.1:{telephone.port}"

    def nobody(self) -> str:
        return f"sip:bob@127.0.0.1:{free_port()}"

    def clip(self, name: str, ms: int) -> Clip:
        """Each clip is one byte, repeated; the same one in both laws."""
        key = f"{name}-{ms}"
        if key not in self._clips:
            byte = next(value for value in range(16, 120) if value not in self._names)
            self._names[byte] = name
            path = self._folder / key
            path.write_bytes(bytes([byte]) * 8 * ms)
            self._clips[key] = Clip(key, name, path, path, path, ms)
        return self._clips[key]

    def close_line(self) -> None:
        self._line.stop()

    def close(self) -> None:
        self._line.stop()
        for telephone in self._telephones:
            telephone.close()

    def wait_until_forgotten(self, calls: Sequence[str] = ()) -> None:
        wait_for(lambda: self._line.live_calls() == 0)

    def _telephone(self, **how: object) -> Telephone:
        telephone = Telephone(
            target=("127.0.0.1", self._line.port),
            law=self._law,
            events=self._telephone_events,
            **how,  # type: ignore[arg-type]
        )
        self._telephones.append(telephone)
        return telephone
