"""Handing a caller over to the agents: their leg is called, and when somebody answers, both are joined in a bridge.

The bridge stays when this node dies: the two go on talking. Until an agent answers the caller is still ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import structlog

from ivr.lines.asterisk.call import Asking, AsteriskCall
from ivr.lines.asterisk.causes import dial_failure
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import ChannelDestroyed, Reply, at
from ivr.lines.port import TransferEnded

log = structlog.get_logger(__name__)

AGENT = "agent"
PREFIX = "agent-"
BRIDGE_PREFIX = "orderline-"
_EXTENSION = re.compile(r"[0-9A-Za-z_*#-]{1,40}", re.ASCII)
_SIP_URI = re.compile(r"sips?:([0-9A-Za-z_*#-]{1,40})@[A-Za-z0-9.:\[\]-]+", re.ASCII)


def extension_of(target: str) -> str:
    """What to dial in the agents' context: an extension, or that of a SIP URI. Raises ValueError."""
    uri = _SIP_URI.fullmatch(target)
    extension = uri[1] if uri else target
    if not _EXTENSION.fullmatch(extension):
        raise ValueError("that is no extension")
    return extension


class Handover:
    """One caller and the agents' leg that is called for it."""

    def __init__(
        self, caller: AsteriskCall, ask: Asking, settings: AsteriskSettings, over: Callable[[Handover], None]
    ) -> None:
        self.caller = caller
        self.agent = f"{PREFIX}{caller.channel}"
        self.joined = False
        self._bridge = f"{BRIDGE_PREFIX}{caller.channel}"
        self._ask = ask
        self._settings = settings
        self._over = over
        self._ended = False

    def begin(self, target: str) -> None:
        try:
            extension = extension_of(target)
        except ValueError:
            self._failed(484)
            return
        body = {
            "endpoint": self._settings.agents.format(number=extension),
            "app": self._settings.app,
            "appArgs": AGENT,
            "channelId": self.agent,
            "timeout": str(int(self._settings.transfer_wait_s)),
            # The caller's own leg: agents see its number, and Asterisk ties both legs' records together.
            "originator": self.caller.channel,
        }
        self._ask("POST", "channels", self._called, body=body)
        self._ask("POST", at("channels", self.caller.channel, "moh"))

    def answered(self) -> None:
        """An agent has answered: join them. What is still being said would keep the caller out of the bridge."""
        if self._ended or self.caller.over or self.caller.ending is not None:
            self._ask("DELETE", at("channels", self.agent))
            return
        self.caller.stop_playing()
        self._ask("DELETE", at("channels", self.caller.channel, "moh"))
        self._ask("POST", at("bridges", self._bridge), query={"type": "mixing", "name": self._bridge})
        both = {"channel": f"{self.caller.channel},{self.agent}"}
        self._ask("POST", at("bridges", self._bridge, "addChannel"), self._joined, query=both)

    def agent_destroyed(self, event: ChannelDestroyed) -> None:
        """Nobody answered, or the agent has hung up."""
        if self.joined:
            self.end()
        else:
            self._failed(dial_failure(event.cause, event.tech_cause)[1])

    def end(self) -> None:
        """One of the two is gone: let the other go too."""
        if not self._ended:
            self._ended = True
            self._ask("DELETE", at("channels", self.agent))
            if self.joined:
                self._ask("DELETE", at("channels", self.caller.channel))
            self._ask("DELETE", at("bridges", self._bridge))
            self._over(self)

    def _called(self, reply: Reply) -> None:
        if not reply.done:
            self._failed(503 if reply.status else 408)

    def _joined(self, reply: Reply) -> None:
        if self._ended:
            return
        if not reply.done:
            log.error("transfer_not_joined", call=self.caller.call, status=reply.status, reason=reply.body[:200])
            self._failed(500)
            return
        self.joined = True
        self.caller.tell(TransferEnded(done=True, status=200))
        self.caller.ending = "transferred"
        self.caller.ended("transferred")

    def _failed(self, status: int) -> None:
        if self._ended:
            return
        self._ask("DELETE", at("channels", self.caller.channel, "moh"))
        self.end()
        self.caller.tell(TransferEnded(done=False, status=status))
