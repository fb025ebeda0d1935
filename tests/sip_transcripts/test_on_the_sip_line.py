"""Every golden transcript once more, on the direct SIP line: exchange, runner and database for real, a scripted peer.

The media process is played by the test: it hears what the line plays and presses the keys. Signalling is real UDP.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.bounces import Bounces
from ivr.dialogue import events as told
from ivr.dialogue.actions import Pace
from ivr.exchange import Exchange
from ivr.lines.port import Answered, Dialled, Line, LineEvent
from ivr.lines.sip.line import SipLine
from ivr.lines.sip.settings import SipSettings
from ivr.media.port import ClipsEnded, StreamKey, StreamPlan, StreamRestarted
from ivr.runner import Runner
from ivr.transcripts.player import Heard, HungUp, Player, Said, Transferred
from ivr.transcripts.script import read_script
from ivr.transcripts.stage_set import World
from orders.values import Errand, Language
from speech.prompt import Clip, Prompt
from speech.wording import Wording
from tests.runner.test_exchange import VirtualTimers
from tests.sip_transcripts.peer import ScriptedTelephone

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "transcripts").glob("*.txt"))
NOWHERE = Path("nowhere")


class WrittenClips:
    """Clips whose key is what a screen would show: the sound itself is the media tests' business."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def clip(self, said: Prompt, language: Language, pace: Pace) -> Clip:
        slowly = "" if pace == "normal" else "(slowly)" if language == "en" else "（慢）"
        text = f"{language}|{slowly}|{self._wording.written(said, language)}"
        return Clip(text, said.name, NOWHERE, NOWHERE, NOWHERE, 1000)


@dataclass
class ScriptedMedia:
    """The media process's part: remembers what is played, hands out ports, knows no sound."""

    played: dict[str, list[tuple[int, Sequence[Clip]]]] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    ports: int = 41000

    def open(self, stream: str) -> tuple[str, int]:
        self.opened.append(stream)
        self.ports += 2
        return "127.0.0.1", self.ports

    def connect(self, stream: str, plan: StreamPlan) -> None:
        assert stream in self.opened
        assert plan.remote == ("127.0.0.1", 40000)

    def play(self, stream: str, clips: Sequence[Clip], tag: int) -> None:
        self.played.setdefault(stream, []).append((tag, clips))

    def stop_playing(self, stream: str) -> None: ...

    def press(self, stream: str, keys: str) -> None: ...

    def inject_key(self, stream: str, key: str) -> None: ...

    def close(self, stream: str) -> None:
        self.closed.add(stream)


@dataclass(frozen=True)
class Awaited:
    """The dialler's part: `first` begins the conversation of `call` once it is answered."""

    call: str
    first: told.CallArrived

    def happened(self, line: Line, call: str, event: LineEvent) -> told.CallArrived | None:
        return self.first if call == self.call and isinstance(event, Answered) and line.name else None


class SipSeat:
    """Implements `player.Seat` with scripted telephones around a real SIP line."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._media = ScriptedMedia()
        self._runner = Runner(world.store, world.desk, node="n", boot="b", now=world.now)
        self._steps = ThreadPoolExecutor(1)
        self._timers: VirtualTimers
        self._exchange = Exchange(
            self._runner,
            WrittenClips(world.wording),
            dialogue=world.settings,
            executor=self._steps,
            timers=self._virtual,
        )
        self.port = _free_port()
        settings = SipSettings(port=self.port, tcp=False)
        self._line = SipLine(settings, self._media, self._exchange.events_of(lambda: self._line))
        self._line.start()
        self._telephones: dict[str, ScriptedTelephone] = {}
        self._calls: dict[str, str] = {}
        self._clock: dict[str, float] = {}
        self._heard: dict[str, int] = {}
        self._bounces: dict[str, Bounces] = {}
        self._stopped: dict[str, int] = {}

    def close(self) -> None:
        for telephone in self._telephones.values():
            telephone.close()
        self._line.stop()
        self._exchange.stop()

    def _virtual(self, expired: object) -> VirtualTimers:
        self._timers = VirtualTimers(expired)  # type: ignore[arg-type]
        return self._timers

    def settle(self) -> None:
        """Everything reported so far has been taken: one worker, so a job behind them says so."""
        self._steps.submit(lambda: None).result(5)

    def _until(self, happened: Callable[[], bool]) -> None:
        """The line works on a thread of its own; what it was told over the wire takes it a moment."""
        for _ in range(500):
            self.settle()
            if happened():
                self.settle()
                return
            time.sleep(0.005)
        raise AssertionError("the line did not take what it was told")

    def dial(self, call: str, caller: str, line: str) -> None:
        self._exchange.dialogue = self._world.settings
        telephone = self._telephones[call] = ScriptedTelephone(caller, ("127.0.0.1", self.port))
        before = len(self._media.opened)
        telephone.dial()
        self.settle()
        self._calls[call] = self._media.opened[before]
        self._clock[call] = time.time()
        self._heard[call] = 0

    def pick_up(self, call: str, number: str, errand: Errand) -> None:
        telephone = self._telephones[call] = ScriptedTelephone(number, ("127.0.0.1", self.port))
        first = told.CallArrived(number, "95001", self._line.name, self._world.settings, errand)
        self._exchange.outgoing = Awaited(call, first)
        self._line.dial(Dialled(call, telephone.uri, "95001"))
        telephone.pick_up()
        self._calls[call], self._clock[call], self._heard[call] = call, time.time(), 0
        self._until(lambda: bool(self._media.played.get(call)))

    def id_of(self, call: str) -> str:
        """The line's own id of a call, which is what the database knows it by."""
        return self._calls[call]

    def press(self, call: str, key: str, *, after_ms: int, heard_ms: int) -> None:
        self._clock[call] += after_ms / 1000
        # As the media process does: a bounce is none, and a key stops the sound: the next one has heard nothing.
        if self._bounces.setdefault(call, Bounces()).is_bounce(key, self._clock[call]):
            return
        tag, _ = self._media.played[self._calls[call]][-1]
        playing = None if self._stopped.get(call) == tag else tag
        self._stopped[call] = tag
        heard = 0 if playing is None else heard_ms
        self._line.media_event(self._calls[call], StreamKey(key, self._clock[call], heard, playing))
        self.settle()

    def listen(self, call: str) -> None:
        tag, _ = self._media.played[self._calls[call]][-1]
        self._stopped[call] = tag
        self._line.media_event(self._calls[call], ClipsEnded(tag))
        self.settle()

    def run_out(self, call: str) -> None:
        self._clock[call] += 10
        self._timers.run_out(self._calls[call])
        self.settle()

    def gap(self, call: str) -> None:
        self._line.media_event(self._calls[call], StreamRestarted())
        self.settle()

    def hang_up(self, call: str, cause: str) -> None:
        if self._telephones[call].ended_by_line:
            return
        self._telephones[call].hang_up()
        self._until(lambda: self._calls[call] in self._media.closed)

    def fail_transfer(self, call: str) -> None:
        said = len(self._media.played[self._calls[call]])
        self._telephones[call].notify("486 Busy Here")
        self._until(lambda: len(self._media.played[self._calls[call]]) > said)

    def heard(self, call: str) -> list[Heard]:
        stream = self._calls[call]
        played = self._media.played.get(stream, [])[self._heard[call] :]
        self._heard[call] += len(played)
        heard: list[Heard] = [Said(_text(clips)) for _, clips in played]
        ended = self._ended(call)
        return [*heard, ended] if ended else heard

    def _ended(self, call: str) -> Heard | None:
        """What the line did besides playing: a REFER or a BYE waits at the telephone."""
        telephone = self._telephones[call]
        if telephone.ended_by_line or not telephone.rings_with_request():
            return None
        request = telephone.next_request()
        if request.startswith("REFER"):
            target = next(line for line in request.splitlines() if line.lower().startswith("refer-to"))
            return Transferred(target.split("<")[1].split(">")[0])
        assert request.startswith("BYE"), request
        self.settle()
        return HungUp()


def _text(clips: Sequence[Clip]) -> str:
    parts = [clip.key.split("|", 2) for clip in clips]
    # The language of a call is that of its last prompt: only a hint before it may be in the other one.
    language, slowly, _ = parts[-1]
    joint = " " if language == "en" else ""
    return (f"{slowly}{joint}" if slowly else "") + joint.join(text for _, _, text in parts)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def seat(wording: Wording, tmp_path: Path) -> Iterator[tuple[World, SipSeat]]:
    world = World(wording, tmp_path / "world.db")
    seat = SipSeat(world)
    yield world, seat
    seat.close()
    world.store.close()


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_call_goes_as_written(path: Path, seat: tuple[World, SipSeat]) -> None:
    world, at_line = seat
    Player(read_script(path), world, at_line, calls=at_line.id_of).play()
