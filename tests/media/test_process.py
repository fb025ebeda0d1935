"""The media process for real: sockets, its own process, pacing, keys, and its death."""

from __future__ import annotations

import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.media.client import MediaProcess, MediaSettings
from ivr.media.port import ClipsEnded, StreamEvent, StreamKey, StreamPlan, StreamRestarted
from ivr.media.rtp import event_payload
from speech.prompt import Clip

SETTINGS = MediaSettings(first_port=31000, last_port=31998)


OPEN: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _sockets_closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


class Far:
    """The other side of one stream: a plain socket."""

    def __init__(self, media: MediaProcess, name: str, **plan: object) -> None:
        self.name = name
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(2)
        self.to = media.open(name)
        remote = self.sock.getsockname()
        fields: dict[str, object] = {"law": "ulaw", "payload_type": 0, "keys_payload_type": 101} | plan
        media.connect(name, StreamPlan(remote=remote, **fields))  # type: ignore[arg-type]
        self.sequence = 0
        OPEN.append(self.sock)

    def send(self, payload: bytes, *, payload_type: int = 0, timestamp: int = 0) -> None:
        self.sequence += 1
        header = struct.pack("!BBHII", 0x80, payload_type, self.sequence, timestamp, 77)
        self.sock.sendto(header + payload, self.to)

    def press(self, key: str, timestamp: int) -> None:
        self.send(event_payload(key, 160, end=False), payload_type=101, timestamp=timestamp)

    def frames(self, count: int) -> list[bytes]:
        return [self.sock.recv(2000)[12:] for _ in range(count)]

    def drain(self) -> None:
        self.sock.setblocking(False)
        try:
            while True:
                self.sock.recv(2000)
        except BlockingIOError:
            self.sock.settimeout(2)


class Told:
    """Everything the media process reported."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[str, StreamEvent]] = queue.Queue()

    def __call__(self, stream: str, event: StreamEvent) -> None:
        self.events.put((stream, event))

    def next(self, kind: type, timeout: float = 3.0) -> tuple[str, StreamEvent]:
        deadline = time.monotonic() + timeout
        while True:
            found = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(found[1], kind):
                return found


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def media(told: Told) -> Iterator[MediaProcess]:
    process = MediaProcess(SETTINGS, told)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Two seconds in which every frame is another byte, so that what was heard can be told."""
    path = tmp_path / "clip.ul"
    path.write_bytes(b"".join(bytes([number + 1]) * 160 for number in range(100)))
    return Clip("k", "clip", path, path, path, 2000)


def test_sound_is_paced_and_its_end_is_told(media: MediaProcess, told: Told, clip: Clip) -> None:
    far = Far(media, "a")
    far.frames(3)
    media.play("a", [clip], 9)
    times, played = [], []
    while len(played) < 100:
        frame = far.frames(1)[0]
        if frame != b"\xff" * 160:
            times.append(time.monotonic())
            played.append(frame[0])
    assert played == list(range(1, 101))
    assert 1.85 < times[-1] - times[0] < 2.15
    assert told.next(ClipsEnded) == ("a", ClipsEnded(9))
    assert set(far.frames(5)) == {b"\xff" * 160}


def test_a_key_stops_the_sound_at_once(media: MediaProcess, told: Told, clip: Clip) -> None:
    far = Far(media, "a")
    media.play("a", [clip], 1)
    while far.frames(1)[0][0] != 20:
        continue
    far.press("5", 800)
    stream, event = told.next(StreamKey)
    assert (stream, event.key) == ("a", "5")  # type: ignore[union-attr]
    assert 380 <= event.heard_ms <= 480  # type: ignore[union-attr]
    far.drain()
    assert set(far.frames(3)) == {b"\xff" * 160}


def test_a_bounced_key_is_none_and_stops_nothing(media: MediaProcess, told: Told, clip: Clip) -> None:
    far = Far(media, "a")
    far.press("1", 800)
    told.next(StreamKey)
    media.play("a", [clip], 1)
    while far.frames(1)[0][0] != 5:
        continue
    far.press("1", 800 + 639)  # 79.9 ms after, by its own clock
    assert [frame[0] for frame in far.frames(5)] == [6, 7, 8, 9, 10]
    far.press("1", 800 + 639 + 640)
    event = told.next(StreamKey)[1]
    assert (event.key, event.playing) == ("1", 1)  # type: ignore[union-attr]


def test_keys_that_a_network_delivers_together_are_all_told(media: MediaProcess, told: Told) -> None:
    far = Far(media, "a")
    for place, key in enumerate("100#"):
        far.press(key, 800 + 1600 * place)
    assert "".join(told.next(StreamKey)[1].key for _ in range(4)) == "100#"  # type: ignore[union-attr]


def test_a_changed_law_changes_the_rest_of_the_prompt(media: MediaProcess, clip: Clip, tmp_path: Path) -> None:
    alaw = tmp_path / "clip.al"
    alaw.write_bytes(b"".join(bytes([number + 101]) * 160 for number in range(100)))
    far = Far(media, "a")
    media.play("a", [Clip("k", "clip", clip.ulaw, alaw, clip.wav, 2000)], 1)
    while far.frames(1)[0][0] != 20:
        continue
    plan = StreamPlan(remote=far.sock.getsockname(), law="alaw", payload_type=8, keys_payload_type=101)
    media.connect("a", plan)
    later = [frame[0] for frame in far.frames(30)]
    assert later == sorted(later)
    assert later[-1] == 100 + 20 + 30


def test_a_prompt_that_can_not_be_read_is_tried_again(media: MediaProcess, told: Told, tmp_path: Path) -> None:
    missing = tmp_path / "late.ul"
    clip = Clip("k", "late", missing, missing, missing, 100)
    far = Far(media, "a")
    media.play("a", [clip], 1)
    told.next(ClipsEnded)
    missing.write_bytes(b"\x05" * 800)
    media.play("a", [clip], 2)
    assert told.next(ClipsEnded) == ("a", ClipsEnded(2))
    assert b"\x05" * 160 in far.frames(20)


def test_a_fault_of_one_calls_line_leaves_the_others_their_keys(told: Told) -> None:
    def report(stream: str, event: StreamEvent) -> None:
        if stream == "bad":
            raise ValueError("a fault of its line")
        told(stream, event)

    process = MediaProcess(SETTINGS, report)
    process.start()
    Far(process, "bad").press("1", 160)
    time.sleep(0.05)
    Far(process, "good").press("2", 160)
    assert told.next(StreamKey)[0] == "good"
    process.stop()


def test_comfort_noise_is_a_sign_of_life(media: MediaProcess, told: Told) -> None:
    far = Far(media, "a")
    far.send(b"\xff" * 160)
    ends = time.monotonic() + 5.5
    while time.monotonic() < ends:
        far.send(b"\x40", payload_type=13)
        time.sleep(0.2)
    assert told.events.empty()


def test_keys_are_told_once_and_come_by_other_ways_too(media: MediaProcess, told: Told) -> None:
    far = Far(media, "a")
    for timestamp in (160, 160, 160, 960, 960, 160):
        far.press("7", timestamp)
    keys = [told.next(StreamKey)[1].key for _ in range(2)]  # type: ignore[union-attr]
    media.inject_key("a", "#")
    keys.append(told.next(StreamKey)[1].key)  # type: ignore[union-attr]
    assert keys == ["7", "7", "#"]
    assert told.events.empty()


def test_keys_are_sent_as_events(media: MediaProcess, told: Told) -> None:
    near = Far(media, "a")
    host, port = media.open("b")
    media.connect("b", StreamPlan(("127.0.0.1", 9), "ulaw", 0, 101))
    media.connect("a", StreamPlan((host, port), "ulaw", 0, 101))
    media.connect("b", StreamPlan(near.to, "ulaw", 0, 101))
    media.press("a", "12#")
    keys = "".join(told.next(StreamKey)[1].key for _ in range(3))  # type: ignore[union-attr]
    assert keys == "12#"


def test_what_is_not_this_calls_sound_is_dropped(media: MediaProcess, told: Told) -> None:
    far = Far(media, "a")
    far.send(b"x" * 160)  # latched: from here on only this source counts
    time.sleep(0.05)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    event = struct.pack("!BBHII", 0x80, 101, 1, 5, 1) + event_payload("1", 160, end=False)
    hostile = [b"", b"x", event, b"\x40" * 200, b"\x80" * 60_000, b"\x9f" + b"\xff" * 11]
    for data in hostile:
        stranger.sendto(data, far.to)
        far.sock.sendto(data if data != event else b"\x80", far.to)
    stranger.close()
    far.press("2", 4000)
    assert told.next(StreamKey)[1].key == "2"  # type: ignore[union-attr]
    assert told.events.empty()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_calls_go_on_when_the_process_dies(media: MediaProcess, told: Told, clip: Clip, how: signal.Signals) -> None:
    fars = [Far(media, f"s{number}") for number in range(20)]
    ports = [far.to for far in fars]
    for far in fars:
        media.play(far.name, [clip], 1)
        far.frames(1)
    assert media.pid
    os.kill(media.pid, how)
    restarted = {told.next(StreamRestarted, timeout=8)[0] for _ in fars}
    assert restarted == {far.name for far in fars}
    for far, port in zip(fars, ports, strict=True):
        far.drain()
        far.frames(3)
        far.press("4", 1600)
        assert far.to == port
    assert {told.next(StreamKey)[0] for _ in fars} == {far.name for far in fars}
    media.play("s3", [clip], 2)
    assert told.next(ClipsEnded, timeout=5) == ("s3", ClipsEnded(2))


def test_ports_are_given_back_and_run_out_with_a_clear_word(told: Told) -> None:
    media = MediaProcess(MediaSettings(first_port=32100, last_port=32104), told)
    media.start()
    try:
        for name in "abc":
            media.open(name)
        with pytest.raises(OSError, match=r"widen media\.first_port"):
            media.open("d")
        media.close("b")
        assert _opened(media, "d")[1] == 32102
    finally:
        media.stop()


def _opened(media: MediaProcess, stream: str) -> tuple[str, int]:
    """A port is free again once the media process has let go of it too."""
    for _ in range(100):
        try:
            return media.open(stream)
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the port was never given back")


def test_the_process_ends_with_its_application() -> None:
    code = (
        "import os,sys\nfrom ivr.media.client import MediaProcess, MediaSettings\n"
        "m=MediaProcess(MediaSettings(first_port=32200,last_port=32210),print)\nm.start()\n"
        "print(m.pid,flush=True)\nos.kill(os.getpid(),9)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(found.stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}/stat").exists() or ") Z" in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.02)
    raise AssertionError("the media process outlived its application")
