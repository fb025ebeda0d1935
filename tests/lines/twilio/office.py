"""Our side for tests of the Twilio line: conversations over a world's database, and the webhooks in front of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient

from admin.web.guard import register_guard
from admin.web.twilio import TWILIO_PATH, Refusals, twilio_views
from ivr.call_record import CallRecords
from ivr.lines.twilio.conversing import Conversations
from ivr.lines.twilio.settings import TwilioSettings
from ivr.lines.twilio.sounds import Sounds
from ivr.runner import Runner
from ivr.transcripts.stage_set import World
from orders.values import Language
from speech.prompt import Clip, Prompt
from speech.voices.port import Pace
from tests.lines.twilio.cloud import ACCOUNT, NUMBER, PUBLIC, TOKEN, Cloud

SETTINGS = TwilioSettings(ACCOUNT, TOKEN, NUMBER, PUBLIC)
CLIP_MS = 1000


@dataclass
class WrittenClips:
    """Clips without sound, found again by their key: (language, pace, words). `mute`: the voice is broken."""

    world: World
    texts: dict[str, tuple[Language, Pace, str]] = field(default_factory=dict)
    mute: bool = False
    folder: Path | None = None

    def clip(self, prompt: Prompt, language: Language, pace: Pace) -> Clip:
        if self.mute:
            raise OSError("no voice")
        text = self.world.wording.written(prompt, language)
        key = hashlib.sha256(f"{language}{pace}{text}".encode()).hexdigest()[:32]
        self.texts[key] = (language, pace, text)
        nowhere = Path("nowhere")
        return Clip(key, prompt.name, nowhere, nowhere, nowhere, CLIP_MS)

    def file(self, key: str) -> Path | None:
        if key not in self.texts or self.folder is None:
            return None
        path = self.folder / f"{key}.wav"
        path.write_bytes(b"RIFF" + key.encode())
        return path


class Office:
    """One node. Several over the same world are nodes of the same database; `clock_ms` passes by hand."""

    def __init__(self, world: World, name: str = "n", settings: TwilioSettings = SETTINGS) -> None:
        self.world = world
        self.clock_ms = 0
        self.orders = 0
        self.clips = WrittenClips(world)
        self.runner = Runner(world.store, world.desk, node=name, boot=f"{name}-boot", now=self.now)
        self.records = CallRecords(world.store)
        written = world.wording.written
        self.sounds = Sounds(self.clips, self.records, settings, written, lambda: self.now().timestamp())
        self.refusals = Refusals()
        self.conversations = Conversations(
            self.runner,
            self.records,
            self.sounds,
            settings,
            dialogue=lambda: world.settings,
            order_placed=self._count,
            now=self.now,
        )
        app = Flask(name)
        register_guard(app, (), (TWILIO_PATH,))
        app.register_blueprint(twilio_views(settings, self.conversations, self.sounds.file, self.refusals))
        self.client: FlaskClient = app.test_client()

    def now(self) -> datetime:
        return self.world.now() + timedelta(milliseconds=self.clock_ms)

    def post(self, url: str, params: dict[str, str], signature: str) -> tuple[int, str]:
        """Implements `cloud.Post`."""
        parts = urlsplit(url)
        answer = self.client.post(
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            data=params,
            headers={"X-Twilio-Signature": signature, "Host": parts.netloc},
        )
        return answer.status_code, answer.text

    def cloud(self, fallback: str = "") -> Cloud:
        return Cloud(self.post, fallback=fallback, pass_ms=self.pass_ms)

    def pass_ms(self, ms: int) -> None:
        self.clock_ms += ms

    def heard(self, url: str) -> tuple[Language, Pace, str]:
        """What one of our sounds says."""
        return self.clips.texts[urlsplit(url).path.rpartition("/")[2].removesuffix(".wav")]

    def _count(self) -> None:
        self.orders += 1
