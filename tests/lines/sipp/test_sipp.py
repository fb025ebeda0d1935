"""SIPp calls the line, and is called by it: keys by every way, losses, hold, cancel, transfer, by UDP and by TCP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from ivr.lines.port import Answered, Arrived, DialFailed, Dialled, Gone, Key, LineEvent, Ringing, TransferEnded
from ivr.lines.sip.line import SipLine
from ivr.lines.sip.settings import SipSettings
from speech.prompt import Clip
from tests.contract.lines.rig import Events
from tests.lines.shared_media import SharedMedia
from tests.lines.sipp import peer
from tests.lines.telephone import wait_for

pytestmark = pytest.mark.peer("sipp")
PLAYS = pytest.mark.skipif(not peer.may_play(), reason="SIPp plays captures by a raw socket: needs root or CAP_NET_RAW")


class Application:
    """A small application on the line: answers, plays, hangs up after the hash; or does what the test says."""

    def __init__(self, folder: Path, shared: SharedMedia, **settings: Any) -> None:
        self.events = Events()
        self.on_arrival: Literal["answer", "wait", "transfer"] = "answer"
        sound = folder / "greeting"
        sound.write_bytes(b"\x55" * 8 * 10_000)
        self._clip = Clip("greeting", "greeting", sound, sound, sound, 10_000)
        self.line = SipLine(SipSettings(port=0, **settings), shared.process, self._told)
        shared.report = self.line.media_event
        self.line.start()

    def _told(self, call: str, event: LineEvent) -> None:
        self.events(call, event)
        match event:
            case Arrived() if self.on_arrival != "wait":
                self.line.answer(call)
                self.line.play(call, [self._clip], 1)
                if self.on_arrival == "transfer":
                    self.line.transfer(call, "sip:8001@127.0.0.1")
            case Key("#"):
                self.line.hang_up(call)

    def keys(self, number: int = 0) -> str:
        told = self.events.of(self.events.calls()[number])
        return "".join(event.key for event in told if isinstance(event, Key))

    def close(self) -> None:
        self.line.stop()


@pytest.fixture
def make_application(tmp_path: Path, shared_media: SharedMedia) -> Iterator[Callable[..., Application]]:
    made: list[Application] = []

    def make(**settings: Any) -> Application:
        made.append(Application(tmp_path, shared_media, **settings))
        return made[-1]

    yield make
    for application in made:
        application.close()


@pytest.fixture
def application(make_application: Callable[..., Application]) -> Application:
    return make_application()


TRANSPORTS = [pytest.param((), id="udp"), pytest.param(("-t", "t1"), id="tcp")]


@PLAYS
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("law", ["alaw", "ulaw"])
def test_keys_by_events(application: Application, tmp_path: Path, law: str, transport: tuple[str, ...]) -> None:
    peer.write_keys(tmp_path / "keys.pcap", "1150*#")
    peer.run(f"keys_{law}", tmp_path, application.line.port, *transport)
    assert application.keys() == "1150*#"


@PLAYS
@pytest.mark.parametrize("lost", ["ends", "starts", "most"])
def test_keys_with_lost_packets(application: Application, tmp_path: Path, lost: str) -> None:
    peer.write_keys(tmp_path / "keys.pcap", "9009#", lost=lost)
    peer.run("keys_alaw", tmp_path, application.line.port)
    assert application.keys() == "9009#"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_keys_by_info(application: Application, tmp_path: Path, transport: tuple[str, ...]) -> None:
    peer.run("keys_info", tmp_path, application.line.port, *transport)
    assert application.keys() == "47*#"


def test_cancel(application: Application, tmp_path: Path) -> None:
    application.on_arrival = "wait"
    peer.run("cancel", tmp_path, application.line.port)
    [call] = application.events.calls()
    assert application.events.of(call)[1:] == [Gone("caller_hung_up")]


@PLAYS
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_hold(application: Application, tmp_path: Path, transport: tuple[str, ...]) -> None:
    peer.write_keys(tmp_path / "keys.pcap", "3#")
    peer.run("hold", tmp_path, application.line.port, *transport)
    assert application.keys() == "3#"


@PLAYS
def test_late_offer(application: Application, tmp_path: Path) -> None:
    peer.write_keys(tmp_path / "keys.pcap", "8#")
    peer.run("late_offer", tmp_path, application.line.port)
    assert application.keys() == "8#"


def test_every_tenth_message_lost(application: Application, tmp_path: Path) -> None:
    """Lost in both directions: each call comes to be, and once."""
    peer.run("plain", tmp_path, application.line.port, "-lost", "10", "-r", "10", calls=20, within_s=40)
    wait_for(lambda: application.line.live_calls() == 0, 40)
    calls = application.events.calls()
    assert len(calls) == 20
    for call in calls:
        told = application.events.of(call)
        assert [type(event) for event in told] == [Arrived, Gone]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_hundred_calls(application: Application, tmp_path: Path, transport: tuple[str, ...]) -> None:
    peer.run("plain", tmp_path, application.line.port, "-r", "60", *transport, calls=200, within_s=30)
    wait_for(lambda: application.line.live_calls() == 0)
    assert len(application.events.calls()) == 200


def test_transfer(application: Application, tmp_path: Path) -> None:
    application.on_arrival = "transfer"
    peer.run("transferred", tmp_path, application.line.port)
    [call] = application.events.calls()
    assert application.events.of(call)[1:] == [TransferEnded(True, 200), Gone("transferred")]


def test_sipp_answers(application: Application, tmp_path: Path) -> None:
    with peer.answering("answers", tmp_path) as port:
        application.line.dial(Dialled("out", f"sip:1@127.0.0.1:{port}", "4001"))
        application.events.wait_for("out", Answered)
        application.line.hang_up("out")
    assert [type(event) for event in application.events.of("out")] == [Ringing, Answered, Gone]


def test_sipp_is_busy(application: Application, tmp_path: Path) -> None:
    with peer.answering("busy", tmp_path) as port:
        application.line.dial(Dialled("out", f"sip:1@127.0.0.1:{port}", "4001"))
        assert application.events.wait_for("out", DialFailed) == DialFailed("busy", 486)


def test_sipp_asks_who_calls(make_application: Callable[..., Application], tmp_path: Path) -> None:
    application = make_application(username="600", password="secret")
    with peer.answering("challenges", tmp_path) as port:
        application.line.dial(Dialled("out", f"sip:1@127.0.0.1:{port}", "4001"))
        application.events.wait_for("out", Answered)
        application.line.hang_up("out")
