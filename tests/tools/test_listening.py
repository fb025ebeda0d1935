"""Naming what is heard: pure frames in, prompts out; every real prompt is told from every other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.caller.clip_index import ClipIndex, KnownClip
from ivr.caller.listening import Began, Ended, Listener, Named, Sound
from ivr.caller.plan import Group, HangUpNow, Pause, PlanError, parse_keys
from ivr.caller.tones import tone_frames
from speech.g711 import decode_ulaw
from speech.prompt import prompt
from speech.prompt_store import PromptStore
from speech.voices.espeak import EspeakVoice
from speech.wording import load_wording
from tests.tools.answerer import write_clip

SILENCE = b"\xff" * 160


def frames_of(path: Path) -> list[bytes]:
    data = path.with_suffix(".ul").read_bytes()
    return [data[at : at + 160] for at in range(0, len(data), 160)]


def heard(listener: Listener, frames: list[bytes]) -> list[Sound]:
    sounds = [sound for at, frame in enumerate(frames) for sound in listener.hear(frame, at * 20)]
    return sounds + listener.stop()


def names(sounds: list[Sound]) -> list[str]:
    return [str(sound.clip.about["name"]) if sound.clip else "" for sound in sounds if isinstance(sound, Ended)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def clips(folder: Path) -> dict[str, Path]:
    return {name: write_clip(folder, name, 300, seed) for seed, name in enumerate(("one", "two", "three"))}


def test_a_prompt_is_begun_named_and_ended(folder: Path, clips: dict[str, Path]) -> None:
    sounds = heard(Listener(ClipIndex(folder, "ulaw")), [SILENCE] * 3 + frames_of(clips["one"]) + [SILENCE] * 3)
    began, named, ended = sounds
    assert began == Began(80, follows_on=False), "after three silent frames and the clip's own first one"
    assert isinstance(named, Named)
    assert isinstance(ended, Ended)
    assert (ended.ms, ended.whole, names([ended])) == (280, True, ["one"])


def test_an_interrupted_prompt_is_not_whole(folder: Path, clips: dict[str, Path]) -> None:
    frames = frames_of(clips["one"])[:8] + [SILENCE] * 5 + frames_of(clips["two"])
    ended = [sound for sound in heard(Listener(ClipIndex(folder, "ulaw")), frames) if isinstance(sound, Ended)]
    assert [(each.whole, each.ms) for each in ended] == [(False, 140), (True, 280)]


def test_prompts_of_one_announcement_follow_on(tmp_path: Path, clips: dict[str, Path]) -> None:
    # The silent frames at a clip's ends belong to it, so that the second begins on the very next frame.
    short = [path.with_suffix(".ul").read_bytes()[160:-160] for path in (clips["one"], clips["two"])]
    for number, data in enumerate(short):
        (tmp_path / f"joined{number}.ul").write_bytes(data)
    frames = [data[at : at + 160] for data in short for at in range(0, len(data), 160)]
    sounds = heard(Listener(ClipIndex(tmp_path, "ulaw")), frames)
    assert [sound.follows_on for sound in sounds if isinstance(sound, Began)] == [False, True]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(1, 15)), min_size=1, max_size=6),
    st.sets(st.integers(0, 5), max_size=3),
)
def test_any_announcements_are_named_in_their_order_whatever_is_lost(
    folder: Path, clips: dict[str, Path], played: list[tuple[str, int]], lost: set[int]
) -> None:
    """Each is played for at least nine frames, then silence; up to three of its first six frames are lost."""
    listener = Listener(ClipIndex(folder, "ulaw"))
    sounds: list[Sound] = []
    at = 0
    for name, length in played:
        gone = 0
        for number, frame in enumerate([*frames_of(clips[name])[: max(9, length)], SILENCE, SILENCE]):
            at += 20
            if number in lost:
                gone += 1
                continue
            if gone:
                listener.lose(gone)
                gone = 0
            sounds += listener.hear(frame, at)
    assert names(sounds + listener.stop()) == [name for name, _ in played]


@given(st.lists(st.binary(min_size=160, max_size=160), max_size=40))
def test_any_noise_is_survived_and_every_beginning_ends(
    folder: Path, clips: dict[str, Path], noise: list[bytes]
) -> None:
    assert clips
    sounds = heard(Listener(ClipIndex(folder, "ulaw")), noise)
    began = sum(isinstance(sound, Began) for sound in sounds)
    assert began == sum(isinstance(sound, Ended) for sound in sounds)


def test_every_real_prompt_is_told_from_every_other(tmp_path: Path) -> None:
    wording = load_wording()
    store = PromptStore(tmp_path, wording, EspeakVoice())
    rendered = [
        (name, store.clip(prompt(name), language, "normal"))
        for language in ("zh", "en")
        for name in wording.names
        if not wording.slots(name)
    ]
    index = ClipIndex(tmp_path, "alaw")
    for name, clip in rendered:
        data = clip.alaw.read_bytes()
        listener = Listener(index)
        sounds = [
            sound
            for at in range(0, min(len(data), 400 * 8), 160)
            for sound in listener.hear(data[at : at + 160], at // 8)
        ]
        named = [sound.clip for sound in sounds if isinstance(sound, Named)]
        assert [each.path.stem for each in named] == [clip.key], f"{name} is known within 400 ms"
        assert named[0].about["name"] in {other for other, same in rendered if same.key == clip.key}
    assert len(rendered) > 80


def test_a_clip_without_its_sidecar_is_named_by_its_key(tmp_path: Path) -> None:
    path = write_clip(tmp_path, "one", 200, 7)
    for broken in ("", "[1]", '{"name": 5}'):
        path.with_suffix(".json").write_text(broken)
        assert KnownClip(path.with_suffix(".ul")).about["name"] == f"clip-{path.stem[:8]}"


def test_an_index_of_a_missing_folder_is_empty_until_it_comes(tmp_path: Path) -> None:
    index = ClipIndex(tmp_path / "later", "ulaw")
    assert not index.look_again()
    write_clip(tmp_path / "later", "one", 200, 7)
    assert index.look_again()
    assert not index.look_again()


def test_the_script_of_keys() -> None:
    assert parse_keys("1 1234# ~2.5 10#!") == (Group("1"), Group("1234#"), Pause(2.5), Group("10#"), HangUpNow())
    assert parse_keys("  ") == ()
    for wrong in ("1,2", "~", "~x", "! 1", "1!2", "一"):
        with pytest.raises(PlanError):
            parse_keys(wrong)


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_tones_are_the_two_of_their_key(key: str) -> None:
    sound = decode_ulaw(b"".join(tone_frames(key, 80, "ulaw"))).astype(float)
    power = np.abs(np.fft.rfft(sound))
    hertz = np.fft.rfftfreq(len(sound), 1 / 8000)
    strongest = sorted(
        max(((power[np.argmin(np.abs(hertz - tone))], tone) for tone in tones), key=lambda each: each[0])[1]
        for tones in ((697, 770, 852, 941), (1209, 1336, 1477, 1633))
    )
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    assert "123A456B789C*0#D"[rows.index(strongest[0]) * 4 + columns.index(strongest[1])] == key
