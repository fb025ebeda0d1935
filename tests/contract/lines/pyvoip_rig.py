"""The pyVoIP line as an extension of a small PBX written here, which takes the registration and passes calls on."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from pathlib import Path
from typing import Literal

from ivr.lines.port import Line
from ivr.lines.pyvoip.line import PyVoipLine
from ivr.lines.pyvoip.settings import PyVoipSettings
from speech.prompt import Clip
from tests.contract.lines.rig import Ability, Events, Way
from tests.contract.lines.sip_rig import SipFarEnd
from tests.lines.shared_media import SharedMedia
from tests.lines.telephone import Telephone, Text, wait_for

REALM, NONCE = "pbx", "n0nce"


class Registrar:
    """The PBX's front door: REGISTER with a digest challenge (RFC 2617), one extension, nothing else."""

    def __init__(self, user: str = "600", password: str = "secret") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.contact: tuple[str, int] | None = None
        self.asked: list[Text] = []
        self.refuses_with = 0
        self._user, self._password = user, password
        self._over = False
        self._thread = threading.Thread(target=self._listen, name="test-registrar", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self.sock.close()

    def _listen(self) -> None:
        while not self._over:
            try:
                data, source = self.sock.recvfrom(65535)
            except (TimeoutError, OSError):
                continue
            request = Text(data.decode())
            if request.method == "REGISTER":
                self.asked.append(request)
                status, more = self._decide(request, source)
                reply = f"SIP/2.0 {status} Reason\r\n{request.echoed()}{more}Content-Length: 0\r\n\r\n"
                self.sock.sendto(reply.encode(), source)

    def _decide(self, request: Text, source: tuple[str, int]) -> tuple[int, str]:
        if self.refuses_with:
            return self.refuses_with, ""
        if not self._is_right(request):
            return 401, f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}", algorithm=MD5\r\n'
        expires = int(request.get("Expires"))
        self.contact = source if expires else None
        return 200, f"Contact: {request.get('Contact')};expires={expires}\r\n"

    def _is_right(self, request: Text) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",\s]+)"?', request.get("Authorization")))
        secret = hashlib.md5(f"{self._user}:{REALM}:{self._password}".encode()).hexdigest()
        what = hashlib.md5(f"REGISTER:{given.get('uri')}".encode()).hexdigest()
        right = hashlib.md5(f"{secret}:{NONCE}:{what}".encode()).hexdigest()
        return given.get("response") == right


class PyVoipRig:
    """Implements `Rig`. pyVoIP neither calls out nor transfers (see `ivr.lines.pyvoip.line`)."""

    abilities: frozenset[Ability] = frozenset({"refuses", "rings", "notices_the_dead"})
    ways: tuple[Way, ...] = ("event", "info")

    def __init__(self, folder: Path, events: Events, shared: SharedMedia) -> None:
        self._folder = folder
        self._names: dict[int, str] = {}
        self._clips: dict[str, Clip] = {}
        self._telephones: list[Telephone] = []
        self.registrar = Registrar()
        server = ("127.0.0.1", self.registrar.port)
        settings = PyVoipSettings(server, "600", "secret", port=0, dead_after_s=1.25)
        self._line = PyVoipLine(settings, shared.process, events)
        self.line: Line = self._line
        shared.report = self._line.media_event
        self._line.start()
        wait_for(lambda: self.registrar.contact is not None)

    def call_in(self, caller: str = "13800000001") -> SipFarEnd:
        assert self.registrar.contact is not None
        telephone = Telephone(target=self.registrar.contact, number=caller, called="600")
        self._telephones.append(telephone)
        telephone.invite()
        return SipFarEnd(telephone, self._names)

    def somebody_at(self, behaviour: Literal["answers", "busy", "declines", "rings", "challenges"]) -> str:
        raise NotImplementedError(f"this line calls nobody, {behaviour} or not")

    def nobody(self) -> str:
        raise NotImplementedError("this line calls nobody")

    def clip(self, name: str, ms: int) -> Clip:
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
        self.registrar.close()
        for telephone in self._telephones:
            telephone.close()
