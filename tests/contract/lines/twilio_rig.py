"""The Twilio line's rig: a cloud in real time, signed webhooks through the real views, REST through Twilio's client."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from flask import Flask

from admin.web.guard import register_guard
from admin.web.twilio import TWILIO_PATH, Refusals, twilio_views
from ivr.lines.port import Line
from ivr.lines.twilio.deliveries import Delivery
from ivr.lines.twilio.dialling import Dialling, Pace
from ivr.lines.twilio.line import TwilioLine
from ivr.lines.twilio.replies import Ending, Played, Reply
from ivr.lines.twilio.rest import Rest
from ivr.lines.twilio.settings import TwilioSettings
from orders.migrations import upgrade
from orders.store import open_store
from speech.prompt import Clip
from tests.contract.lines.rig import Ability, Events, FarEnd, Way
from tests.lines.twilio.account import Account
from tests.lines.twilio.cloud import ACCOUNT, NUMBER, PUBLIC, TOKEN, Cloud
from tests.lines.twilio.live_cloud import LiveCloud

NOWHERE = Path("nowhere")
SETTINGS = TwilioSettings(ACCOUNT, TOKEN, NUMBER, PUBLIC, key_pause_s=1, calls_per_s=50)
PEOPLE = {"answers": "13800000011", "busy": "13800000012", "declines": "13800000013", "rings": "13800000014"}


class TwilioRig:
    """A line whose calls' events are followed, and the cloud around it."""

    abilities: frozenset[Ability] = frozenset({"refuses", "rings", "transfers", "dials", "asserts_called"})
    ways: tuple[Way, ...] = ("event",)

    def __init__(self, events: Events, folder: Path) -> None:
        self._clips: dict[str, Clip] = {}
        self.account = Account()
        self.store = open_store(f"sqlite:///{folder / 'calls.db'}")
        upgrade(self.store)
        rest = Rest(ACCOUNT, TOKEN, self.account)
        dialling = Dialling(self.store, rest, Pace(SETTINGS.calls_per_s), node="n", wait=lambda _: None)
        self.twilio = TwilioLine(SETTINGS, events, rest, dialling, self._sound)
        self.line: Line = self.twilio
        app = Flask("rig")
        register_guard(app, (), (TWILIO_PATH,))
        app.register_blueprint(twilio_views(SETTINGS, self, lambda *_: None, Refusals()))
        self._app = app
        self.cloud = LiveCloud(Cloud(self._post), self.account, self._heard)
        self.cloud.at = {f"+86{number}": behaviour for behaviour, number in PEOPLE.items()}

    def take(self, delivery: Delivery) -> Reply:
        return self.twilio.take(delivery)

    def apologise(self) -> Reply:
        return Ending()

    def call_in(self, caller: str = "13800000001") -> FarEnd:
        return self.cloud.call_in(caller)

    def somebody_at(self, behaviour: Literal["answers", "busy", "declines", "rings", "challenges"]) -> str:
        return PEOPLE[behaviour]

    def nobody(self) -> str:
        return "13800000019"

    def clip(self, name: str, ms: int) -> Clip:
        return Clip(f"clip-{name}-{ms}", name, NOWHERE, NOWHERE, NOWHERE, ms)

    def close_line(self) -> None:
        self.twilio.stop()

    def close(self) -> None:
        self.cloud.close()
        self.twilio.stop()
        self.store.close()

    def _sound(self, clip: Clip) -> Played:
        url = f"{PUBLIC}/twilio/sounds/{clip.key}.wav"
        self._clips[url] = clip
        return Played(url, clip.name, clip.duration_ms)

    def _heard(self, url: str) -> tuple[str, float]:
        clip = self._clips[url]
        return clip.name, clip.duration_ms / 1000

    def _post(self, url: str, params: dict[str, str], signature: str) -> tuple[int, str]:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = self._app.test_client().post(path, data=params, headers={"X-Twilio-Signature": signature})
        return answer.status_code, answer.text
