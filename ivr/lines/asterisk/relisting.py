"""After the websocket was opened: what became of the calls meanwhile, and what an earlier process left lying about.

Events of the gap are lost. Asterisk is asked which channels are ours: those that we know go on, with the last prompt
said once more, for keys may be lost too; those that we don't know were an earlier process's and are resumed; those
that it does not know are over. Bridges without a pair in them and snoops are cleaned up.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from ivr.lines.asterisk.call import Asking
from ivr.lines.asterisk.handover import BRIDGE_PREFIX
from ivr.lines.asterisk.handover import PREFIX as AGENT_PREFIX
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.switchboard import Switchboard
from ivr.lines.asterisk.wire import Application, Bridge, Channel, Reply, at, decoded
from ivr.lines.port import Interrupted

log = structlog.get_logger(__name__)

SNOOP = "Snoop/"
FAR_HALF = ";2"
"""The dialplan's side of a Local channel: listed as ours, ends with our half."""


class Relisting:
    """One round of questions. `listed` is called at its end with the names of the calls that live."""

    def __init__(
        self,
        settings: AsteriskSettings,
        ask: Asking,
        switchboard: Switchboard,
        listed: Callable[[frozenset[str]], None],
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._board = switchboard
        self._listed = listed
        self._left = 1
        self._paired: set[str] = set()

    def begin(self) -> None:
        """Bridges first: who talks to an agent is not to be disturbed."""
        self._ask("GET", "bridges", self._bridges)

    def _bridges(self, reply: Reply) -> None:
        bridges = decoded(reply, list[Bridge]) or []
        for bridge in bridges:
            if not bridge.name.startswith(BRIDGE_PREFIX):
                continue
            if len(bridge.channels) > 1:
                self._paired.update(bridge.channels)
                self._board.keep_pair(bridge)
            elif not any(self._board.in_handover(channel) for channel in bridge.channels):
                log.info("orphan_bridge_removed", bridge=bridge.id)
                self._ask("DELETE", at("bridges", bridge.id))
        self._ask("GET", at("applications", self._settings.app), self._channels)

    def _channels(self, reply: Reply) -> None:
        if not reply.status:
            return  # the websocket is down again: the next one asks anew
        application = decoded(reply, Application)
        ours = set(application.channel_ids) if application else set()
        for call in list(self._board.calls.values()):
            if call.channel not in ours:
                self._missing(call.channel)
            elif call.answered and call.channel not in self._paired:
                call.tell(Interrupted("connection to Asterisk lost"))
        for channel in sorted(ours - self._paired):
            if self._board.of_channel(channel) is None and self._board.in_handover(channel) is None:
                self._left += 1
                self._ask("GET", at("channels", channel), self._unknown)
        self._done()

    def _missing(self, channel: str) -> None:
        """Over, or called out and not answered yet, or taken by another node."""
        self._left += 1

        def found(reply: Reply) -> None:
            call = self._board.of_channel(channel)
            if call and reply.done and call.answered:
                self._board.left(call)
            elif call and not reply.done:
                self._board.lost(call)
            self._done()

        self._ask("GET", at("channels", channel), found)

    def _unknown(self, reply: Reply) -> None:
        channel = decoded(reply, _NamedChannel)
        if channel is None or channel.id.endswith(FAR_HALF):
            pass
        elif channel.name.startswith(SNOOP) or channel.id.startswith(AGENT_PREFIX):
            log.info("orphan_channel_removed", channel=channel.id)
            self._ask("DELETE", at("channels", channel.id))
        else:
            self._board.resume(channel, "this node was started anew")
        self._done()

    def _done(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._listed(frozenset(self._board.calls))


class _NamedChannel(Channel):
    name: str = ""
