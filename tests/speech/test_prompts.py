"""Prompts as callers hear them: every one at most 8 s, in Mandarin that is Mandarin, kept by content, never half."""

from __future__ import annotations

import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from orders.values import Language
from speech.g711 import FRAME_BYTES, Samples, decode_alaw, decode_ulaw
from speech.prompt import Argument, Prompt, prompt
from speech.prompt_store import PromptStore
from speech.sound import RATE, banded
from speech.voices.espeak import EspeakVoice
from speech.voices.port import Pace, VoiceMissing
from speech.voices.recorded import BadRecording
from speech.wording import Wording, WordingError, load_wording

VOICE = EspeakVoice()
NAMES = load_wording().names
# The longest values that calls really have: forty lines, 222 cartons, a six-figure amount, long names.
LONGEST: dict[str, Argument] = {
    "shop": "阳光便利店连锁超市",
    "area": "城东片区",
    "article": "黄鹤楼天下名楼",
    "substitute": "红塔山经典",
    "key": "5",
    "tries": 2,
    "day": "2026-11-27",
    "cutoff": "16:30",
    "tail": "0372",
    "kinds": 38,
    "cartons": 222,
    "lines": 38,
    "code": "318318",
    "most": 500,
    "amount": 12_345_600,
    "position": 38,
    "limit": 222,
    "used": 222,
    "number": "1234",
    "at": "16:30",
    "words": "因暴雨路面积水，今日城东片区送货改至明天上午请收",
}
ENGLISH: dict[str, Argument] = {
    "shop": "New Street Trading",
    "area": "East City",
    "article": "Yellow Crane Treasure",
    "substitute": "Hongtashan Classic",
    "words": "Because of heavy rain the delivery planned for East City today comes tomorrow morning; wait for it.",
}


def longest(name: str, wording: Wording, language: Language) -> Prompt:
    values = LONGEST | (ENGLISH if language == "en" else {})
    return prompt(name, **{slot: values[slot] for slot in wording.slots(name)})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PromptStore:
    return PromptStore(tmp_path_factory.mktemp("clips"), load_wording(), VOICE)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_no_prompt_is_longer_than_eight_seconds(
    store: PromptStore, wording: Wording, name: str, language: Language
) -> None:
    clip = store.clip(longest(name, wording, language), language, "normal")
    assert 200 < clip.duration_ms <= 8000
    slow = store.clip(longest(name, wording, language), language, "slow")
    assert slow.duration_ms <= 12_000


def test_a_clip_is_whole_and_the_same_in_both_laws(store: PromptStore) -> None:
    clip = store.clip(prompt("main_menu"), "zh", "normal")
    ulaw, alaw = clip.ulaw.read_bytes(), clip.alaw.read_bytes()
    assert len(ulaw) == len(alaw) == clip.duration_ms * 8
    assert len(ulaw) % FRAME_BYTES == 0
    with wave.open(str(clip.wav)) as file:
        original = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
    for decoded in (decode_ulaw(ulaw), decode_alaw(alaw)):
        noise = original - decoded
        assert 10 * np.log10(np.mean(original**2) / np.mean(noise**2)) > 33


def test_prompts_are_equally_loud(store: PromptStore) -> None:
    levels = []
    for name in ("welcome", "pin_wanted", "goodbye", "main_menu"):
        sound = decode_alaw(store.clip(prompt(name), "zh", "normal").alaw.read_bytes()).astype(float) / 32768
        levels.append(20 * np.log10(np.sqrt(np.mean(sound[np.abs(sound) > 0.01] ** 2))))
    assert max(levels) - min(levels) < 2
    assert -23 < np.mean(levels) < -17


def test_only_the_telephone_band_is_left() -> None:
    seconds = np.arange(RATE) / RATE
    tones = {hertz: np.sin(2 * np.pi * hertz * seconds) for hertz in (100, 1000, 3900)}
    heard = banded(np.asarray(sum(tones.values()) * 8000, dtype=np.int16)).astype(float)
    power = {hertz: abs(np.dot(heard, tone)) for hertz, tone in tones.items()}
    assert power[100] < power[1000] / 100
    assert power[3900] < power[1000] / 100


def test_mandarin_is_read_as_mandarin() -> None:
    phonemes = VOICE.phonemes("订货", "zh")
    assert "t" in phonemes
    assert "tʃˈaɪniː" not in phonemes  # "Chinese letter": what an English voice makes of hanzi
    assert VOICE.phonemes("重听", "zh").startswith("ts.h")  # chóng, not zhòng


def test_the_same_words_are_rendered_once(tmp_path: Path, wording: Wording) -> None:
    voice = CountingVoice()
    one = PromptStore(tmp_path, wording, voice)
    threads = [threading.Thread(target=one.clip, args=(prompt("welcome"), "zh", "normal")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    PromptStore(tmp_path, wording, voice).clip(prompt("welcome"), "zh", "normal")
    assert voice.said == 1


@pytest.mark.parametrize("suffix", [".ul", ".al", ".wav"])
@pytest.mark.parametrize("harm", ["gone", "empty", "cut"])
def test_a_damaged_clip_is_rendered_again(tmp_path: Path, wording: Wording, suffix: str, harm: str) -> None:
    clip = PromptStore(tmp_path, wording, VOICE).clip(prompt("welcome"), "zh", "normal")
    path = clip.ulaw.with_suffix(suffix)
    whole = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if harm == "empty" else whole[: len(whole) // 2 - 7])
    again = PromptStore(tmp_path, wording, VOICE).clip(prompt("welcome"), "zh", "normal")
    # The synthetic voice never says the same thing bit by bit the same, so only wholeness can be asked for.
    assert len(again.ulaw.read_bytes()) == len(again.alaw.read_bytes()) == again.duration_ms * 8
    assert len(again.wav.read_bytes()) == again.duration_ms * 16 + 44


def test_a_recording_wins_and_a_new_take_replaces_it(tmp_path: Path, wording: Wording) -> None:
    recordings = tmp_path / "recorded"
    store = PromptStore(tmp_path / "clips", wording, VOICE, recordings)
    synthetic = store.clip(prompt("goodbye"), "zh", "slow")
    write_wav(recordings / "zh" / "goodbye.wav", 16_000, 0.9)
    recorded = PromptStore(tmp_path / "clips", wording, VOICE, recordings).clip(prompt("goodbye"), "zh", "slow")
    assert recorded.key != synthetic.key
    assert 800 <= recorded.duration_ms <= 1000


@pytest.mark.parametrize(
    ("rate", "seconds", "gain", "problem"),
    [
        (8000, 9.0, 0.5, "fewer words"),
        (11_025, 1.0, 0.5, "save it as"),
        (8000, 1.0, 0.0, "silent"),
        (8000, 1.0, 4.0, "gain"),
    ],
)
def test_a_bad_recording_says_what_to_do(
    tmp_path: Path, wording: Wording, rate: int, seconds: float, gain: float, problem: str
) -> None:
    write_wav(tmp_path / "zh" / "goodbye.wav", rate, seconds, gain)
    with pytest.raises(BadRecording, match=problem):
        PromptStore(tmp_path / "clips", wording, VOICE, tmp_path).clip(prompt("goodbye"), "zh", "normal")


def test_a_file_that_is_no_wav(tmp_path: Path, wording: Wording) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "goodbye.wav").write_bytes(b"RIFF but not really")
    with pytest.raises(BadRecording, match="no readable WAV"):
        PromptStore(tmp_path / "clips", wording, VOICE, tmp_path).clip(prompt("goodbye"), "zh", "normal")


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "g" * 32, "a" * 31])
def test_only_keys_name_files(store: PromptStore, key: str) -> None:
    assert store.file(key) is None


def test_a_missing_voice_is_told(tmp_path: Path, wording: Wording) -> None:
    with pytest.raises(VoiceMissing):
        PromptStore(tmp_path, wording, DumbVoice()).check()


def test_unknown_prompts_and_missing_values_are_told(store: PromptStore) -> None:
    with pytest.raises(WordingError, match="no prompt 'nothing'"):
        store.clip(prompt("nothing"), "zh", "normal")
    with pytest.raises(WordingError, match="needs a value for 'tail'"):
        store.clip(prompt("order_accepted"), "zh", "normal")


class CountingVoice:
    key = "counting"

    def __init__(self) -> None:
        self.said = 0

    def say(self, text: str, language: Language, pace: Pace) -> Samples:
        self.said += 1
        return VOICE.say(text, language, pace)


class DumbVoice:
    key = "dumb"

    def say(self, text: str, language: Language, pace: Pace) -> Samples:
        raise VoiceMissing("install a voice")


def write_wav(path: Path, rate: int, seconds: float, gain: float = 0.5) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(2 * np.pi * 700 * np.arange(int(rate * seconds)) / rate) * gain
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(tone * 32767, -32768, 32767).astype(np.int16).tobytes())
