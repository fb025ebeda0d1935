"""The engines the contract is run on, and speech to feed them: the synthetic voice on a quiet line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from speech.g711 import encode_alaw, encode_ulaw
from speech.recognition.opening import RecognitionSettings, open_engine
from speech.recognition.port import Codec, Engine, Menu, Phrase
from speech.voices.espeak import EspeakVoice
from tests import peers

ARTICLES = Menu("article", tuple(Phrase(text, text) for text in ("玉溪", "七匹狼", "利群", "云烟", "双喜")))


@cache
def engine_named(name: str) -> Engine:
    folder = peers.ROOT
    if name == "transducer":
        folder = peers.require("speech-model")["tokens.txt"].parent
    return open_engine(RecognitionSettings(name, folder))  # type: ignore[arg-type]


@pytest.fixture(params=[pytest.param("transducer", marks=pytest.mark.peer("speech-model")), "keypad"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_named(request.param)


@pytest.fixture
def said() -> Callable[[str, Codec], bytes]:
    """A phrase with 0.5 s of quiet before and 1.5 s after."""

    def said(text: str, codec: Codec) -> bytes:
        words = EspeakVoice().say(text, "zh", "normal") if text else np.zeros(800, np.int16)
        sound = np.concatenate([np.zeros(4000, np.int16), words, np.zeros(12000, np.int16)])
        match codec:
            case "ulaw":
                return encode_ulaw(sound)
            case "alaw":
                return encode_alaw(sound)
            case "pcm16":
                return sound.astype("<i2").tobytes()

    return said


def frames(audio: bytes, codec: Codec) -> Iterator[bytes]:
    """As a line delivers it: 20 ms at a time."""
    step = 320 if codec == "pcm16" else 160
    return (audio[at : at + step] for at in range(0, len(audio), step))
