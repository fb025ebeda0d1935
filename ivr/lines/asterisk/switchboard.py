"""All calls of this node at its Asterisk: which are offered and claimed, which event is whose. Runs on the line's loop.

A call's name is made of the Asterisk's and the channel's, so that any node finds the same record for it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from itertools import cycle

import structlog

from ivr.lines.asterisk import wire
from ivr.lines.asterisk.call import Asking, AsteriskCall
from ivr.lines.asterisk.causes import hang_up_cause
from ivr.lines.asterisk.handover import AGENT, BRIDGE_PREFIX, Handover
from ivr.lines.asterisk.numbers import clean_number
from ivr.lines.asterisk.outgoing import CALL_VARIABLE, OUT, OutgoingCall, Undiallable
from ivr.lines.asterisk.outgoing import PREFIX as OUT_PREFIX
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.wire import Bridge, Channel, Event, Info, Reply, at, seconds
from ivr.lines.port import Arrived, DialFailed, Dialled, Gone, LineEvent, LineEvents, Resumed, TakenElsewhere

log = structlog.get_logger(__name__)

TAKEN = "taken"
CLAIM_S = 3.0
"""How long a claim that is not followed by its channel counts against the limit: the caller has hung up meanwhile."""


class Switchboard:
    """`ask` reaches Asterisk; `asterisk` is its name within calls' names, known once it has said who it is."""

    def __init__(self, settings: AsteriskSettings, ask: Asking, report: LineEvents) -> None:
        self._settings = settings
        self._ask = ask
        self._report = report
        self.asterisk = ""
        self.open = False
        self.calls: dict[str, AsteriskCall] = {}
        self.neighbour_spoke: Callable[[wire.ChannelUserevent], None] = lambda _: None
        self._by_channel: dict[str, AsteriskCall] = {}
        self._handovers: dict[str, Handover] = {}
        """By both legs' channels."""
        self._claims: dict[str, float] = {}
        self._full = False

    def met(self, info: Info) -> None:
        """The Asterisk has said who it is; one with a system name puts it into its channels' names by itself."""
        self.asterisk = "" if info.config.name else re.sub(r"[^A-Za-z0-9]", "", info.system.entity_id) + "-"

    def name_of(self, channel: str) -> str:
        """The call's name, on every node the same."""
        return f"{self.asterisk}{channel}"[:64]

    def of_channel(self, channel: str) -> AsteriskCall | None:
        return self._by_channel.get(channel)

    def in_handover(self, channel: str) -> Handover | None:
        return self._handovers.get(channel)

    # -- what the application wants

    def dial(self, wish: Dialled, loop: asyncio.AbstractEventLoop) -> None:
        call = OutgoingCall(wish, self._ask, self._heard_of, self._settings)
        if not self.open or wish.call in self.calls or len(self.calls) >= self._settings.most_calls:
            self._report(wish.call, DialFailed("unreachable", 503))
            self._report(wish.call, Gone("we_hung_up"))
            return
        self._keep(call)
        try:
            call.dial(loop)
        except Undiallable as error:
            log.warning("dial_refused", call=wish.call, reason=str(error))
            call.refuse()

    def transfer(self, call: AsteriskCall, target: str) -> None:
        if not call.answered or call.over or call.channel in self._handovers:
            return
        handover = Handover(call, self._ask, self._settings, self._handover_over)
        self._handovers[call.channel] = self._handovers[handover.agent] = handover
        handover.begin(target)

    def hand_on(self, apps: Sequence[str]) -> int:
        """Give the calls to these nodes in turn; how many. Who talks to an agent, and whom we still ring, stays."""
        going = [call for call in self.calls.values() if call.answered and call.channel not in self._handovers]
        for call, app in zip(going, cycle(apps), strict=False):
            call.hand_on(app, f"{TAKEN},{self._settings.app}")
        return len(going)

    # -- what Asterisk says

    def heard(self, event: Event) -> None:
        match event:
            case wire.CallBroadcast(channel):
                self._offered(channel)
            case wire.StasisStart(channel, args):
                self._entered(channel, args)
            case wire.ChannelUserevent():
                self.neighbour_spoke(event)
            case wire.ApplicationReplaced(application):
                log.error("ari_name_taken", app=application, do="give each node its own name")
            case wire.PlaybackStarted(playback) | wire.PlaybackFinished(playback):
                call = self._by_channel.get(playback.id.rpartition("-")[0])
                if call and isinstance(event, wire.PlaybackStarted):
                    call.playback_started(event)
                elif call and isinstance(event, wire.PlaybackFinished):
                    call.playback_finished(event)
            case _:
                self._heard_of_channel(event)

    def _heard_of_channel(self, event: Event) -> None:
        if not isinstance(
            event,
            wire.StasisEnd | wire.ChannelDestroyed | wire.ChannelHangupRequest | wire.ChannelDtmfReceived | wire.Dial,
        ):
            return
        handover = self._handovers.get(event.channel.id)
        if handover and self._heard_in_handover(handover, event):
            return
        call = self._by_channel.get(event.channel.id)
        match event:
            case _ if call is None:
                pass
            case wire.ChannelDtmfReceived():
                call.key_pressed(event)
            case wire.ChannelHangupRequest():
                if call.answered or not isinstance(call, OutgoingCall):
                    call.ending = call.ending or hang_up_cause(event)
            case wire.Dial(dialstatus="RINGING") if isinstance(call, OutgoingCall):
                call.rings(time.time())
            case wire.ChannelDestroyed() if isinstance(call, OutgoingCall):
                call.destroyed(event)
                self._forget(call)
            case wire.ChannelDestroyed():
                self._over(call)
            case wire.StasisEnd():
                self.left(call)

    def _heard_in_handover(self, handover: Handover, event: Event) -> bool:
        """Whether the event was for a handover: of the agents' leg, or of a caller who is no longer ours."""
        if isinstance(event, wire.ChannelDestroyed) and event.channel.id == handover.agent:
            handover.agent_destroyed(event)
        elif isinstance(event, wire.StasisEnd) and (handover.joined or event.channel.id == handover.caller.channel):
            handover.end()
        return handover.joined or isinstance(event, wire.ChannelDestroyed)

    # -- arriving

    def _offered(self, channel: Channel) -> None:
        now = time.monotonic()
        self._claims = {claimed: until for claimed, until in self._claims.items() if until > now}
        full = len(self.calls) + len(self._claims) >= self._settings.most_calls
        if full != self._full:
            log.warning("node_full" if full else "node_has_room", calls=len(self.calls))
            self._full = full
        if full or not self.open:
            return  # another node takes it, or the agents' queue in the dialplan
        self._claims[channel.id] = now + CLAIM_S

        def claimed(reply: Reply) -> None:
            if not reply.done:
                self._claims.pop(channel.id, None)

        query = {"channelId": channel.id, "application": self._settings.app}
        self._ask("POST", "events/claim", claimed, query=query)

    def _entered(self, channel: Channel, args: list[str]) -> None:
        kind = args[0] if args else ""
        self._claims.pop(channel.id, None)
        known = self._by_channel.get(channel.id)
        if kind == AGENT:
            handover = self._handovers.get(channel.id)
            if handover:
                handover.answered()
            else:
                self._ask("DELETE", at("channels", channel.id))
        elif kind == OUT and isinstance(known, OutgoingCall):
            known.picked_up(time.time())
        elif kind == OUT:
            self._ask("DELETE", at("channels", channel.id))  # its node is gone, and nobody knows what it was to say
        elif known is None and kind == TAKEN:
            self.resume(channel, "its node is gone")
        elif known is None:
            call = self._begin(channel, self.name_of(channel.id))
            arrived = Arrived(clean_number(channel.caller.number), clean_number(channel.dialplan.exten), _born(channel))
            call.tell(arrived)

    def resume(self, channel: Channel, cause: str) -> None:
        """A call that another process has begun goes on here, under the name that process gave it."""
        if not channel.id.startswith(OUT_PREFIX):
            self._resume(channel, self.name_of(channel.id), cause)
            return

        def named(reply: Reply) -> None:
            variable = wire.decoded(reply, wire.Variable)
            if variable is None or self.of_channel(channel.id):
                return
            self._resume(channel, variable.value, cause)

        self._ask("GET", at("channels", channel.id, "variable"), named, query={"variable": CALL_VARIABLE})

    def _resume(self, channel: Channel, name: str, cause: str) -> None:
        call = self._begin(channel, name)
        call.answered = channel.state == "Up"
        call.answer()
        caller, called = clean_number(channel.caller.number), clean_number(channel.dialplan.exten)
        call.tell(Resumed(cause, caller, called, _born(channel)))

    def _begin(self, channel: Channel, name: str) -> AsteriskCall:
        call = AsteriskCall(name, channel.id, self._ask, self._heard_of)
        self._keep(call)
        return call

    # -- ending

    def left(self, call: AsteriskCall) -> None:
        """A channel is no longer ours. When nobody wanted its end, another node may have it."""
        if call.ending is not None:
            self._over(call)
            return

        def found(reply: Reply) -> None:
            if reply.done and not call.over:
                log.warning("call_taken_elsewhere", call=call.call)
                call.tell(TakenElsewhere())
                call.over = True
            self._over(call)

        self._ask("GET", at("channels", call.channel), found)

    def _over(self, call: AsteriskCall) -> None:
        call.ended("caller_hung_up")
        self._forget(call)

    def lost(self, call: AsteriskCall) -> None:
        """Asterisk no longer knows this call."""
        call.ended("dead_line")
        handover = self._handovers.get(call.channel)
        if handover:
            handover.end()
        self._forget(call)

    def keep_pair(self, bridge: Bridge) -> None:
        """A caller and an agent who were joined by an earlier process: when one goes, the other is to go too."""
        caller = bridge.name.removeprefix(BRIDGE_PREFIX)
        if caller in bridge.channels and caller not in self._handovers:
            call = AsteriskCall(self.name_of(caller), caller, self._ask, self._report)
            call.over = True
            handover = Handover(call, self._ask, self._settings, self._handover_over)
            handover.joined = True
            self._handovers[caller] = self._handovers[handover.agent] = handover

    def _handover_over(self, handover: Handover) -> None:
        self._handovers.pop(handover.agent, None)
        self._handovers.pop(handover.caller.channel, None)

    def _keep(self, call: AsteriskCall) -> None:
        self.calls[call.call] = self._by_channel[call.channel] = call

    def _forget(self, call: AsteriskCall) -> None:
        self.calls.pop(call.call, None)
        self._by_channel.pop(call.channel, None)

    def _heard_of(self, call: str, event: LineEvent) -> None:
        self._report(call, event)
        if isinstance(event, Gone | TakenElsewhere):
            found = self.calls.get(call)
            if found:
                self._forget(found)


def _born(channel: Channel) -> float:
    return seconds(channel.creationtime, time.time())
