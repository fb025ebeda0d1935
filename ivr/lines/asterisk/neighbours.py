"""The other nodes of the same Asterisk: heard from twice a second, and their calls taken over when they fall silent.

Nodes tell each other through Asterisk that they live, on the very path that must work for calls: a node that is killed
and one that hangs look alike. Asterisk lists a node's channels as long as it has any, dead or not. Of several nodes
that live, the first by name takes over; should two do so at once, the last has the call and the other is told.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from ivr.lines.asterisk.call import Asking, playbacks_of
from ivr.lines.asterisk.handover import PREFIX as AGENT_PREFIX
from ivr.lines.asterisk.settings import APP_PREFIX, AsteriskSettings
from ivr.lines.asterisk.switchboard import TAKEN
from ivr.lines.asterisk.wire import Application, Bridge, ChannelUserevent, Reply, at, decoded

log = structlog.get_logger(__name__)

ALIVE = "orderline-alive"


class Neighbours:
    """`beat` is to be called every `settings.beat_s`, with monotonic seconds. `died` is told a dead node's name."""

    def __init__(self, settings: AsteriskSettings, ask: Asking, died: Callable[[str], None]) -> None:
        self._settings = settings
        self._ask = ask
        self._died = died
        self._heard: dict[str, float] = {}
        """When each node was last heard, or first seen listed."""
        self._dead: set[str] = set()
        self._now = 0.0
        self._last_beat = 0.0

    def opened(self) -> None:
        """The websocket was opened: while it was closed nobody could be heard, which says nothing about them."""
        self._heard.clear()
        self._dead.clear()

    def spoke(self, event: ChannelUserevent, now: float) -> None:
        node = event.userevent.get("node")
        if event.eventname == ALIVE and isinstance(node, str):
            self._heard[APP_PREFIX + node] = now

    def beat(self, now: float) -> None:
        self._now = now
        if now - self._last_beat > self._settings.dead_after_s / 2:
            # It was we who hung, or the machine: nobody could have been heard.
            self._heard = dict.fromkeys(self._heard, now)
        self._last_beat = now
        self._ask("GET", "applications", self._listed)

    def living(self) -> list[str]:
        """The applications of all nodes that live, this one's among them, by name."""
        others = [app for app, when in self._heard.items() if self._now - when < self._settings.dead_after_s]
        return sorted({*others, self._settings.app})

    def heirs(self) -> list[str]:
        """The applications of the other living nodes: who may have our calls when we stop."""
        return [app for app in self.living() if app != self._settings.app]

    def _listed(self, reply: Reply) -> None:
        applications = decoded(reply, list[Application])
        if applications is None:
            return
        others = [app for app in applications if app.name.startswith(APP_PREFIX) and app.name != self._settings.app]
        for app in others:
            self._heard.setdefault(app.name, self._now)
            path = at("events", "user", ALIVE)
            variables = {"variables": {"node": self._settings.node}}
            self._ask("POST", path, query={"application": app.name}, body=variables)
        living = self.living()
        for name in [name for name in self._heard if name in living]:
            self._dead.discard(name)
        if living[0] != self._settings.app:
            return
        for app in others:
            if app.name not in living and app.channel_ids:
                self._take_over(app)
        self._bury(living)

    def _bury(self, living: list[str]) -> None:
        """A node not heard any more, even when it leaves no channel behind: its records are to be settled, once."""
        for name in [name for name in self._heard if name not in living and name not in self._dead]:
            self._dead.add(name)
            log.error("node_dead", node=name.removeprefix(APP_PREFIX))
            self._died(name.removeprefix(APP_PREFIX))

    def _take_over(self, app: Application) -> None:
        def bridged(reply: Reply) -> None:
            bridges = decoded(reply, list[Bridge]) or []
            talking = {channel for bridge in bridges if len(bridge.channels) > 1 for channel in bridge.channels}
            for channel in app.channel_ids:
                if channel not in talking:
                    self._move(app.name, channel)

        self._ask("GET", "bridges", bridged)

    def _move(self, app: str, channel: str) -> None:
        if channel.startswith(AGENT_PREFIX):
            self._ask("DELETE", at("channels", channel))
            return
        # The move waits until what the channel plays has come to its end: measured, 5 s behind a prompt of 5 s.
        for playback in playbacks_of(channel):
            self._ask("DELETE", at("playbacks", playback))
        query = {"app": self._settings.app, "appArgs": f"{TAKEN},{app}"}
        self._ask("POST", at("channels", channel, "move"), query=query)
