"""A scripted Asterisk for the switchboard: requests are written down and answered; the test puts in the events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ivr.lines.asterisk import wire
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.asterisk.switchboard import Switchboard
from ivr.lines.asterisk.wire import Body, Info, Reply
from ivr.lines.port import LineEvent
from speech.prompt import Clip

EID = "02:fc:00:00:00:01"
GOOD = Reply(204)


def clip(name: str, ms: int = 1000) -> Clip:
    prompts = Path("/prompts")
    paths = (prompts / f"{name}{suffix}" for suffix in (".ul", ".al", ".wav"))
    return Clip(name, name, *paths, ms)


@dataclass
class Asked:
    """One request, as it would stand on the wire."""

    method: str
    uri: str
    body: Body | None
    then: Callable[[Reply], None] | None


@dataclass
class ScriptedAsterisk:
    """`answers` maps "METHOD path" to the reply; what is not in it is answered well. Held requests wait for `let`."""

    answers: dict[str, Reply] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def ask(
        self,
        method: str,
        path: str,
        then: Callable[[Reply], None] | None = None,
        *,
        query: dict[str, str] | None = None,
        body: Body | None = None,
    ) -> None:
        uri = json.loads(wire.request(1, method, path, query, body))["uri"]
        self.asked.append(Asked(method, uri, body, then))
        line = f"{method} {path}"
        if then and line not in self.held:
            then(self.answers.get(line, GOOD))

    def let(self, line: str, reply: Reply = GOOD) -> None:
        """Answer the oldest request that was held."""
        found = next(one for one in self.asked if f"{one.method} {one.uri.partition('?')[0]}" == line and one.then)
        then, found.then = found.then, None
        assert then is not None
        then(reply)

    def lines(self) -> list[str]:
        """Everything asked since the last question."""
        lines = [f"{one.method} {one.uri}" for one in self.asked]
        self.asked.clear()
        return lines


class Board:
    """A switchboard at a scripted Asterisk, with what it reports."""

    def __init__(self, **settings: object) -> None:
        self.told: list[tuple[str, LineEvent]] = []
        self.asterisk = ScriptedAsterisk()
        self.settings = AsteriskSettings(**settings)  # type: ignore[arg-type]
        self.board = Switchboard(self.settings, self.asterisk.ask, lambda call, event: self.told.append((call, event)))
        info = {"system": {"version": "22", "entity_id": EID}, "config": {"name": ""}}
        self.board.met(wire.decoded(Reply(200, json.dumps(info)), Info) or self._fail())
        self.board.open = True
        self.loop = asyncio.new_event_loop()

    def close(self) -> None:
        self.loop.close()

    def hears(self, kind: str, channel: str = "1.1", /, **fields: object) -> None:
        """An event as Asterisk writes it."""
        state = fields.pop("state", "Ring")
        about = {"id": channel, "state": state, "caller": {"number": fields.pop("caller", "13800000001")}}
        about |= {"dialplan": {"exten": "100"}, "creationtime": "2026-11-23T17:47:41.699+0000"}
        message = {"type": kind, "application": "orderline-node1", "channel": about} | fields
        event = wire.read(json.dumps(message))
        assert event is not None
        assert not isinstance(event, wire.RESTResponse)
        self.board.heard(event)

    def playback(self, kind: str, name: str, state: str = "done", at: str = "2026-11-23T17:47:43.000+0000") -> None:
        self.hears(kind, playback={"id": name, "state": state}, timestamp=at)

    def talk(self, channel: str = "1.1") -> str:
        """A call that was claimed and answered; its name."""
        self.hears("CallBroadcast", channel)
        self.hears("StasisStart", channel, args=[])
        name = self.board.name_of(channel)
        self.board.calls[name].answer()
        self.asterisk.asked.clear()
        return name

    def events(self) -> list[LineEvent]:
        """What was reported since the last question, of whatever call."""
        events = [event for _, event in self.told]
        self.told.clear()
        return events

    def _fail(self) -> Info:
        raise AssertionError("the scripted Asterisk does not say who it is")
