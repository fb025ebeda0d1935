"""The engines the contract is run on, and what to feed each: the synthetic voice, or the tones a tiny model knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from speech.g711 import Samples, encode_alaw, encode_ulaw
from speech.recognition import voice_activity
from speech.recognition.opening import RecognitionSettings, open_engine
from speech.recognition.port import Codec, Engine, Menu, Phrase
from speech.voices.espeak import EspeakVoice
from tests import peers
from tests.speech.recognition.tiny_kaldi import tones, write_model

ARTICLES = Menu("article", tuple(Phrase(text, text) for text in ("玉溪", "利群", "云烟", "双喜")))


@cache
def engine_named(name: str) -> Engine:
    folder = peers.ROOT
    if name == "transducer":
        folder = peers.require("speech-model")["tokens.txt"].parent
    return open_engine(RecognitionSettings(name, folder))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def vosk_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return open_engine(RecognitionSettings("vosk", write_model(tmp_path_factory.mktemp("tiny"))))


@pytest.fixture(params=[pytest.param("transducer", marks=pytest.mark.peer("speech-model")), "vosk", "keypad"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if request.param == "vosk":
        # Tones are no voice: for them loudness stands in for the voice network, all else is real.
        monkeypatch.setattr(voice_activity.VoiceModel, "run", _loudness)
        found: Engine = request.getfixturevalue("vosk_engine")
        return found
    return engine_named(request.param)


def _loudness(_: object, window: np.ndarray, state: np.ndarray) -> tuple[float, np.ndarray]:
    return float(np.abs(window).max() > 0.05), state


@pytest.fixture
def said(engine: Engine) -> Callable[[str, Codec], bytes]:
    """A phrase with 0.5 s of quiet before and 1.5 s after, as this engine knows it."""

    def said(text: str, codec: Codec) -> bytes:
        quiet = np.zeros(4000, np.int16)
        return encoded(np.concatenate([quiet, _spoken(engine, text), quiet, quiet, quiet]), codec)

    return said


def _spoken(engine: Engine, text: str) -> Samples:
    if not text:
        return np.zeros(800, np.int16)
    return tones(text) if engine.name == "vosk" else EspeakVoice().say(text, "zh", "normal")


def encoded(sound: Samples, codec: Codec) -> bytes:
    match codec:
        case "ulaw":
            return encode_ulaw(sound)
        case "alaw":
            return encode_alaw(sound)
        case "pcm16":
            return sound.astype("<i2").tobytes()


def frames(audio: bytes, codec: Codec) -> Iterator[bytes]:
    """As a line delivers it: 20 ms at a time."""
    step = 320 if codec == "pcm16" else 160
    return (audio[at : at + step] for at in range(0, len(audio), step))
